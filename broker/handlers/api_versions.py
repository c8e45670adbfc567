"""ApiVersions (API key 18): what this broker serves, computed from the table of handlers.

v3 is flexible and names the client's software; v4 may tell features that start at level 0, on which
older Java clients fail (KAFKA-17011). A version too new is answered in version 0 by the dispatcher.
Answers: INVALID_REQUEST for a malformed name or version of the client's software,
ILLEGAL_SASL_STATE in the middle of a log-in.
"""

import re
from collections.abc import Mapping, Sequence

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.features import SUPPORTED_FEATURES
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
    FinalizedFeatureKey,
    SupportedFeatureKey,
)

_SOFTWARE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")  # KIP-511
_FIRST_VERSION_WITH_SOFTWARE = 3
_FIRST_VERSION_WITH_LEVEL_0 = 4

# librdkafka before 2.8.1 takes a lower bound above 0 for a broker without compression and then
# compresses nothing; versions 0 to 2 themselves are refused (KAFKA-18659).
_PRODUCE_MIN_ADVERTISED = 0

_CLIENT_METRICS = (ApiKey.GET_TELEMETRY_SUBSCRIPTIONS, ApiKey.PUSH_TELEMETRY)
"""Not advertised while nobody wants any: each client would ask, and librdkafka print a line."""


async def api_versions(request: ApiVersionsRequest, context: RequestContext) -> ApiVersionsResponse:
    from broker.handlers import HANDLERS  # the table contains this handler

    hidden = () if context.services.telemetry.is_wanted else _CLIENT_METRICS
    return tell_versions(request, context, [one for one in HANDLERS if one.api_key not in hidden])


def tell_versions(
    request: ApiVersionsRequest, context: RequestContext, served: Sequence[Handler]
) -> ApiVersionsResponse:
    """The answer of a listener on which these are served."""
    version = context.api_version
    if context.authentication is not None:
        try:
            context.authentication.expect_no_exchange()
        except KafkaError as refusal:
            return ApiVersionsResponse(error_code=refusal.code)
    if version >= _FIRST_VERSION_WITH_SOFTWARE and not (
        _SOFTWARE.fullmatch(request.client_software_name)
        and _SOFTWARE.fullmatch(request.client_software_version)
    ):
        return ApiVersionsResponse(error_code=ErrorCode.INVALID_REQUEST)
    context.software.name = request.client_software_name
    context.software.version = request.client_software_version
    cluster = context.services.cluster
    return ApiVersionsResponse(
        api_keys=advertised(served),
        supported_features=supported_features(version),
        finalized_features_epoch=cluster.partition.high_watermark,
        finalized_features=finalized_features(cluster.image.features),
    )


def advertised(handlers: Sequence[Handler]) -> list[ApiVersion]:
    """The version range of every handler, as clients are told."""
    ranges = []
    for handler in handlers:
        low, high = handler.versions.min, handler.versions.max
        if handler.api_key == ApiKey.PRODUCE:
            low = _PRODUCE_MIN_ADVERTISED
        ranges.append(ApiVersion(handler.api_key, low, high))
    return ranges


def supported_features(version: int) -> list[SupportedFeatureKey]:
    """The levels this broker can do, in terms that a client of this API version understands."""
    return [
        SupportedFeatureKey(name, low, high)
        for name, (low, high) in SUPPORTED_FEATURES.items()
        if low > 0 or version >= _FIRST_VERSION_WITH_LEVEL_0
    ]


def finalized_features(levels: Mapping[str, int]) -> list[FinalizedFeatureKey]:
    """The levels the cluster has agreed on; a feature at level 0 is off and not told."""
    return [
        FinalizedFeatureKey(name, max_version_level=level, min_version_level=level)
        for name, level in levels.items()
        if level > 0
    ]


HANDLER = Handler(
    ApiKey.API_VERSIONS,
    versions=Versions(0, 4),
    request_type=ApiVersionsRequest,
    handle=api_versions,
)
