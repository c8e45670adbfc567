"""ListConfigResources (API key 74): resources that can have settings (KIP-1142).

v0 lists subscriptions to client metrics only; v1 takes types, none: all.
"""

from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.image import ClusterImage, ResourceType
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.list_config_resources import (
    ConfigResource,
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)
from broker.security.acls import Operation, Resource


async def list_config_resources(
    request: ListConfigResourcesRequest, context: RequestContext
) -> ListConfigResourcesResponse:
    if not context.is_authorized(Operation.DESCRIBE_CONFIGS, Resource.CLUSTER):
        return ListConfigResourcesResponse(error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    wanted = set(request.resource_types) or {int(kind) for kind in ResourceType}
    if context.api_version == 0:
        wanted = {int(ResourceType.CLIENT_METRICS)}
    if not wanted.issubset({int(kind) for kind in ResourceType}):
        return ListConfigResourcesResponse(error_code=ErrorCode.UNSUPPORTED_VERSION)
    image = context.services.cluster.image
    return ListConfigResourcesResponse(
        config_resources=[
            ConfigResource(name, kind)
            for kind in sorted(wanted)
            for name in _names(ResourceType(kind), image)
        ]
    )


def _names(kind: ResourceType, image: ClusterImage) -> list[str]:
    if kind is ResourceType.TOPIC:
        return list(image.topics)
    if kind in (ResourceType.BROKER, ResourceType.BROKER_LOGGER):
        return [str(broker) for broker in image.brokers]
    return [name for resource_type, name in image.configs if resource_type == kind]


HANDLER = Handler(
    ApiKey.LIST_CONFIG_RESOURCES,
    versions=Versions(0, 1),
    request_type=ListConfigResourcesRequest,
    handle=list_config_resources,
)
