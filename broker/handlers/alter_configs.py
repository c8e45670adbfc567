"""AlterConfigs (API key 33): replaces all settings of topics or brokers; superseded by API 44."""

from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions, for_allowed
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.alter_configs import (
    AlterConfigsRequest,
    AlterConfigsResourceResponse,
    AlterConfigsResponse,
)
from broker.security.acls import Operation


async def alter_configs(
    request: AlterConfigsRequest, context: RequestContext
) -> AlterConfigsResponse:
    results = await for_allowed(
        request.resources,
        lambda resource: context.require_settings(
            Operation.ALTER_CONFIGS, resource.resource_type, resource.resource_name
        ),
        lambda resources: context.services.cluster.replace_configs(
            [
                (
                    (resource.resource_type, resource.resource_name),
                    [(config.name, config.value) for config in resource.configs],
                )
                for resource in resources
            ],
            validate_only=request.validate_only,
        ),
    )
    return AlterConfigsResponse(
        responses=[
            AlterConfigsResourceResponse(
                error_code=ErrorCode.NONE if result is None else result.code,
                error_message=None if result is None else result.message,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
            )
            for resource, result in zip(request.resources, results, strict=True)
        ]
    )


HANDLER = Handler(
    ApiKey.ALTER_CONFIGS,
    versions=Versions(0, 2),
    request_type=AlterConfigsRequest,
    handle=alter_configs,
)
