"""UpdateFeatures (API key 57): raises or lowers the level of the cluster's features (KIP-584).

Lowering needs an upgrade type of 2 (safe) or 3 (unsafe), in v0 allow_downgrade. One refusal refuses
all, and is told for the whole request: INVALID_UPDATE_VERSION.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.features import FeatureUpdate, UpgradeType
from broker.metadata.features import update_features as decide
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdatableFeatureResult,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from broker.security.acls import Operation, Resource

FIRST_VERSION_WITH_UPGRADE_TYPE = 1


async def update_features(
    request: UpdateFeaturesRequest, context: RequestContext
) -> UpdateFeaturesResponse:
    cluster = context.services.cluster
    updates = [_update(update, context.api_version) for update in request.feature_updates]
    try:
        context.require(Operation.ALTER, Resource.CLUSTER)
        if request.validate_only:
            decide(cluster.image.features, updates, cluster.node_id)
        else:
            await cluster.write_records(
                lambda image: (decide(image.features, updates, cluster.node_id), None)
            )
    except KafkaError as refusal:
        return UpdateFeaturesResponse(error_code=refusal.code, error_message=refusal.message)
    return UpdateFeaturesResponse(
        error_message=None,
        results=[
            UpdatableFeatureResult(update.name, ErrorCode.NONE, ErrorCode.NONE.name)
            for update in updates
        ],
    )


def _update(update: FeatureUpdateKey, version: int) -> FeatureUpdate:
    kind = update.upgrade_type
    if version < FIRST_VERSION_WITH_UPGRADE_TYPE:
        kind = UpgradeType.SAFE_DOWNGRADE if update.allow_downgrade else UpgradeType.UPGRADE
    return FeatureUpdate(update.feature, update.max_version_level, kind)


HANDLER = Handler(
    ApiKey.UPDATE_FEATURES,
    versions=Versions(0, 2),
    request_type=UpdateFeaturesRequest,
    handle=update_features,
)
