"""DescribeConfigs (API key 32): every setting of topics and brokers, with source and meaning.

v1 adds synonyms, v3 types and documentation, v4 is flexible. The settings of broker loggers are
their levels.
"""

from broker.errors import MALFORMED, ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.broker_loggers import logger_levels
from broker.metadata.config_definition import ConfigType
from broker.metadata.config_report import (
    ConfigSource,
    ReportedConfig,
    describe_broker,
    describe_broker_defaults,
    describe_client_metrics,
    describe_group,
    describe_topic,
)
from broker.metadata.controller import check_topic_name
from broker.metadata.image import ResourceType
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    DescribeConfigsSynonym,
)
from broker.security.acls import Operation


async def describe_configs(
    request: DescribeConfigsRequest, context: RequestContext
) -> DescribeConfigsResponse:
    response = DescribeConfigsResponse()
    # for one resource of a type that there is not, all of a request are refused, as in Kafka
    if any(resource.resource_type not in list(ResourceType) for resource in request.resources):
        response.results = [
            DescribeConfigsResult(
                error_code=ErrorCode.INVALID_REQUEST,
                error_message=MALFORMED,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
            )
            for resource in request.resources
        ]
        return response
    for resource in request.resources:
        result = DescribeConfigsResult(
            error_code=ErrorCode.NONE,
            error_message="",
            resource_type=resource.resource_type,
            resource_name=resource.resource_name,
        )
        try:
            context.require_settings(
                Operation.DESCRIBE_CONFIGS, resource.resource_type, resource.resource_name
            )
            wanted = resource.configuration_keys
            result.configs = [
                told
                for told in _results(resource, request, context)
                if not wanted or told.name in wanted
            ]
        except KafkaError as refusal:
            result.error_code, result.error_message = refusal.code, refusal.message
        response.results.append(result)
    return response


def _results(
    resource: DescribeConfigsResource, request: DescribeConfigsRequest, context: RequestContext
) -> list[DescribeConfigsResourceResult]:
    if resource.resource_type != ResourceType.BROKER_LOGGER:
        return [_result(report, request) for report in _reports(resource, context)]
    _check_logger_broker(resource.resource_name, context.services.config.node_id)
    return [
        DescribeConfigsResourceResult(
            name=name,
            value=level,
            config_source=ConfigSource.DYNAMIC_BROKER_LOGGER,
            documentation="",
        )
        for name, level in logger_levels().items()
    ]


def _reports(resource: DescribeConfigsResource, context: RequestContext) -> list[ReportedConfig]:
    image, config = context.services.cluster.image, context.services.config
    name = resource.resource_name
    if resource.resource_type == ResourceType.TOPIC:
        check_topic_name(name)
        if name not in image.topics:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "")
        return describe_topic(image, config, image.config_of(ResourceType.TOPIC, name))
    if resource.resource_type == ResourceType.BROKER:
        if not name:
            return describe_broker_defaults(image)
        _check_broker(name, config.node_id)
        return describe_broker(image, config, _place(context))
    if resource.resource_type == ResourceType.GROUP:
        if not name:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Group name must not be empty")
        return describe_group(config, image.config_of(ResourceType.GROUP, name))
    if resource.resource_type == ResourceType.CLIENT_METRICS:
        if not name:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST, "Client metrics subscription name must not be empty"
            )
        return describe_client_metrics(image.config_of(ResourceType.CLIENT_METRICS, name))
    raise KafkaError(ErrorCode.INVALID_REQUEST, MALFORMED)


def _check_logger_broker(name: str, node_id: int) -> None:
    if not name:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Broker id must not be empty")
    if name.removeprefix("-").isdecimal() and int(name) != node_id:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"Unexpected broker id, expected {node_id} but received {name}",
        )
    _check_broker(name, node_id)


def _check_broker(name: str, node_id: int) -> None:
    if not name.removeprefix("-").isdecimal():
        reason = f"Broker id must be an integer, but it is: {name}"
    elif int(name) != node_id:
        reason = f"Unexpected broker id, expected {node_id} or empty string, but received {name}"
    else:
        return
    raise KafkaError(ErrorCode.INVALID_REQUEST, reason)


def _place(context: RequestContext) -> dict[str, str]:
    """Settings that only the running broker knows: where it listens and where its logs are."""
    config, address = context.services.config, context.listener
    told = f"{address.name}://{address.host}:{address.port}"
    here = f"{address.name}://{config.host}:{address.port if not config.port else config.port}"
    listeners = ",".join(config.listeners) or here
    directories = list(context.services.partitions.workers)
    place = {
        "node.id": str(config.node_id),
        "broker.id": str(config.node_id),
        "process.roles": "broker,controller",
        "listeners": listeners,
        "advertised.listeners": ",".join(config.advertised_listeners)
        or (listeners if config.listeners else told),
        "log.dir": directories[0],
        "log.dirs": ",".join(directories),
    }
    if config.authorizer_enabled:  # what stands for it here; tools only ask whether there is one
        place["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
    return place


def _result(
    report: ReportedConfig, request: DescribeConfigsRequest
) -> DescribeConfigsResourceResult:
    secret = report.definition.type in (ConfigType.PASSWORD, ConfigType.UNKNOWN)
    return DescribeConfigsResourceResult(
        name=report.name,
        value=None if secret else report.value,
        read_only=report.read_only,
        config_source=report.source,
        is_sensitive=secret,
        synonyms=[
            DescribeConfigsSynonym(synonym.name, None if secret else synonym.value, synonym.source)
            for synonym in report.synonyms
        ]
        if request.include_synonyms
        else [],
        config_type=report.definition.type,
        documentation=report.definition.documentation if request.include_documentation else None,
    )


HANDLER = Handler(
    ApiKey.DESCRIBE_CONFIGS,
    versions=Versions(1, 4),
    request_type=DescribeConfigsRequest,
    handle=describe_configs,
)
