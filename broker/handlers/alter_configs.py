"""AlterConfigs (API key 33): replaces all settings of topics or brokers; superseded by API 44."""

from collections import Counter

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, for_allowed
from broker.metadata.config_changes import (
    AlterOperation,
    ConfigChange,
    check_kind,
    check_steps,
)
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.alter_configs import (
    AlterConfigsRequest,
    AlterConfigsResource,
    AlterConfigsResourceResponse,
    AlterConfigsResponse,
)
from broker.security.acls import Operation


async def alter_configs(
    request: AlterConfigsRequest, context: RequestContext
) -> AlterConfigsResponse:
    times_named = Counter((one.resource_type, one.resource_name) for one in request.resources)

    def check(resource: AlterConfigsResource) -> None:
        kind, name = resource.resource_type, resource.resource_name
        if times_named[kind, name] > 1:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Each resource must appear at most once.")
        steps = [ConfigChange(one.name, AlterOperation.SET, one.value) for one in resource.configs]
        check_steps(steps)
        check_kind((kind, name), context.services.config)
        context.require_settings(Operation.ALTER_CONFIGS, kind, name)

    results = await for_allowed(
        request.resources,
        check,
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
