"""IncrementalAlterConfigs (API key 44): changes single settings: set, delete, append, subtract.

Answers per resource: INVALID_CONFIG, INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION (KIP-339).
"""

from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions, for_allowed
from broker.metadata.config_changes import ConfigChange
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.incremental_alter_configs import (
    AlterConfigsResourceResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from broker.security.acls import Operation


async def incremental_alter_configs(
    request: IncrementalAlterConfigsRequest, context: RequestContext
) -> IncrementalAlterConfigsResponse:
    results = await for_allowed(
        request.resources,
        lambda resource: context.require_settings(
            Operation.ALTER_CONFIGS, resource.resource_type, resource.resource_name
        ),
        lambda resources: context.services.cluster.alter_configs(
            [
                (
                    (resource.resource_type, resource.resource_name),
                    [
                        ConfigChange(config.name, config.config_operation, config.value)
                        for config in resource.configs
                    ],
                )
                for resource in resources
            ],
            validate_only=request.validate_only,
        ),
    )
    return IncrementalAlterConfigsResponse(
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
    ApiKey.INCREMENTAL_ALTER_CONFIGS,
    versions=Versions(0, 1),
    request_type=IncrementalAlterConfigsRequest,
    handle=incremental_alter_configs,
)
