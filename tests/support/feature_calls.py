"""UpdateFeatures as tests call it."""

from broker.errors import ErrorCode
from broker.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from tests.support.raw_client import RawClient

UPGRADE = 1


async def let_the_quorum_change(client: RawClient) -> None:
    """Raise kraft.version to 1 (KIP-853)."""
    update = FeatureUpdateKey("kraft.version", 1, upgrade_type=UPGRADE)
    request = UpdateFeaturesRequest(1000, [update])
    response = await client.ask(request, 2, UpdateFeaturesResponse)
    assert response.error_code == ErrorCode.NONE
