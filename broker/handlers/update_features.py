"""UpdateFeatures (API key 57): raises or lowers the level of the cluster's features (KIP-584).

Lowering needs an upgrade type of 2 (safe) or 3 (unsafe), in v0 allow_downgrade. From v2 on one
refusal refuses all.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdatableFeatureResult,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from broker.security.acls import Operation, Resource

UPGRADE = 1
FIRST_VERSION_ALL_OR_NONE = 2


async def update_features(
    request: UpdateFeaturesRequest, context: RequestContext
) -> UpdateFeaturesResponse:
    if not context.is_authorized(Operation.ALTER, Resource.CLUSTER):
        return UpdateFeaturesResponse(error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    cluster = context.services.cluster
    wanted = [(update.feature, update.max_version_level) for update in request.feature_updates]
    results = await cluster.update_features(wanted, validate_only=True)
    results = [
        _check_direction(update, context) if result is None else result
        for update, result in zip(request.feature_updates, results, strict=True)
    ]
    refusals = [result for result in results if result is not None]
    if not refusals and not request.validate_only:
        await cluster.update_features(wanted)
    response = UpdateFeaturesResponse(error_message=None)
    if refusals and context.api_version >= FIRST_VERSION_ALL_OR_NONE:
        response.error_code, response.error_message = refusals[0].code, refusals[0].message
    response.results = [
        UpdatableFeatureResult(
            update.feature,
            ErrorCode.NONE if result is None else result.code,
            None if result is None else result.message,
        )
        for update, result in zip(request.feature_updates, results, strict=True)
    ]
    return response


def _check_direction(update: FeatureUpdateKey, context: RequestContext) -> KafkaError | None:
    current = context.services.cluster.image.features.get(update.feature, 0)
    lowers = update.max_version_level < current
    if lowers and update.upgrade_type == UPGRADE and not update.allow_downgrade:
        return KafkaError(
            ErrorCode.INVALID_UPDATE_VERSION,
            f"Invalid update version {update.max_version_level} for feature {update.feature}. Can't"
            f" downgrade the version of this feature without setting the upgrade type.",
        )
    return None


HANDLER = Handler(
    ApiKey.UPDATE_FEATURES,
    versions=Versions(0, 2),
    request_type=UpdateFeaturesRequest,
    handle=update_features,
)
