"""IncrementalAlterConfigs (API key 44): changes single settings: set, delete, append, subtract.

Levels of loggers are changed in this process alone, and at once; all else is recorded first.
Answers per resource: INVALID_CONFIG, INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION (KIP-339), and
UNKNOWN_SERVER_ERROR for all that are recorded when one of them has an operation that there is not.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, for_allowed
from broker.metadata.broker_loggers import alter_loggers
from broker.metadata.config_changes import (
    AlterOperation,
    ConfigChange,
    check_kind,
    check_steps,
)
from broker.metadata.image import ResourceType
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.incremental_alter_configs import (
    AlterConfigsResource,
    AlterConfigsResourceResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from broker.security.acls import Operation


async def incremental_alter_configs(
    request: IncrementalAlterConfigsRequest, context: RequestContext
) -> IncrementalAlterConfigsResponse:
    times_named = Counter((one.resource_type, one.resource_name) for one in request.resources)

    def check(resource: AlterConfigsResource) -> None:
        kind, name = resource.resource_type, resource.resource_name
        if times_named[kind, name] > 1:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Each resource must appear at most once.")
        check_steps(_changes(resource))
        if kind != ResourceType.BROKER_LOGGER:
            check_kind((kind, name), context.services.config)
        context.require_settings(Operation.ALTER_CONFIGS, kind, name)

    results = await for_allowed(
        request.resources,
        check,
        lambda resources: _change(resources, request.validate_only, context),
    )
    return IncrementalAlterConfigsResponse(
        responses=[
            AlterConfigsResourceResponse(
                error_code=ErrorCode.NONE if result is None else result.code,
                error_message=None if result is None else result.message or None,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
            )
            for resource, result in zip(request.resources, results, strict=True)
        ]
    )


async def _change(
    resources: Sequence[AlterConfigsResource], validate_only: bool, context: RequestContext
) -> list[KafkaError | None]:
    """What became of each resource, in their order."""
    recorded = [one for one in resources if one.resource_type != ResourceType.BROKER_LOGGER]
    results: Iterator[KafkaError | None] = iter(())
    if not all(_is_understood(one) for one in recorded):
        results = iter([KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "")] * len(recorded))
    elif recorded:
        results = iter(
            await context.services.cluster.alter_configs(
                [((one.resource_type, one.resource_name), _changes(one)) for one in recorded],
                validate_only=validate_only,
            )
        )
    return [
        _change_levels(one, validate_only, context)
        if one.resource_type == ResourceType.BROKER_LOGGER
        else next(results)
        for one in resources
    ]


def _is_understood(resource: AlterConfigsResource) -> bool:
    return all(config.config_operation in list(AlterOperation) for config in resource.configs)


def _changes(resource: AlterConfigsResource) -> list[ConfigChange]:
    return [
        ConfigChange(config.name, config.config_operation, config.value)
        for config in resource.configs
    ]


def _change_levels(
    resource: AlterConfigsResource, validate_only: bool, context: RequestContext
) -> KafkaError | None:
    node_id = context.services.config.node_id
    if not _is_understood(resource):
        return KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "")
    try:
        alter_loggers(
            resource.resource_name, _changes(resource), node_id, validate_only=validate_only
        )
    except KafkaError as refusal:
        return refusal
    return None


HANDLER = Handler(
    ApiKey.INCREMENTAL_ALTER_CONFIGS,
    versions=Versions(0, 1),
    request_type=IncrementalAlterConfigsRequest,
    handle=incremental_alter_configs,
)
