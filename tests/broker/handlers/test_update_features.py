from pathlib import Path

from broker.errors import ErrorCode
from broker.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker

UPGRADE, SAFE_DOWNGRADE = 1, 2
FEATURE = "eligible.leader.replicas.version"


async def updated(client: RawClient, name: str, level: int, kind: int = UPGRADE) -> ErrorCode:
    update = FeatureUpdateKey(name, level, upgrade_type=kind)
    response = await client.ask(UpdateFeaturesRequest(1000, [update]), 2, UpdateFeaturesResponse)
    return ErrorCode(response.error_code)


async def test_a_raised_level_stays_over_a_restart(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path / "data") as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        assert await updated(client, FEATURE, 1) == ErrorCode.NONE

    async with running_broker(tmp_path / "data") as broker:
        assert broker.services.cluster.image.features[FEATURE] == 1


async def test_lowering_has_to_be_meant(client: RawClient) -> None:
    await updated(client, FEATURE, 1)

    by_chance = await updated(client, FEATURE, 0)
    meant = await updated(client, FEATURE, 0, SAFE_DOWNGRADE)

    assert (by_chance, meant) == (ErrorCode.INVALID_UPDATE_VERSION, ErrorCode.NONE)


async def test_what_the_broker_cannot_do_is_refused(client: RawClient) -> None:
    assert await updated(client, FEATURE, 9) == ErrorCode.INVALID_UPDATE_VERSION
    assert await updated(client, "flying.version", 1) == ErrorCode.INVALID_UPDATE_VERSION
