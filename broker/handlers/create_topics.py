"""CreateTopics (API key 19): creates topics, each by itself.

v4 takes -1 for the broker's default counts, v5 is flexible and tells the settings, v7 the topic id.
Answered when the topics can be written to.
"""

from collections import Counter
from collections.abc import Sequence

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, check_time, for_allowed
from broker.metadata.config_report import describe_topic
from broker.metadata.controller import TopicSpec
from broker.metadata.image import TopicImage
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.create_topics import (
    CreatableTopic,
    CreatableTopicConfigs,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from broker.security.acls import Operation, Resource

PARTITIONS_MAX = 10_000  # of one request, as in Kafka's controller

FIRST_STRICT_VERSION = 6  # clients from here on know THROTTLING_QUOTA_EXCEEDED (KIP-599)


async def create_topics(
    request: CreateTopicsRequest, context: RequestContext
) -> CreateTopicsResponse:
    times_named = Counter(topic.name for topic in request.topics)
    wanted = [topic for topic in request.topics if times_named[topic.name] == 1]
    strict = context.api_version >= FIRST_STRICT_VERSION
    may_create_all = context.is_authorized(Operation.CREATE, Resource.CLUSTER)

    def check(topic: CreatableTopic) -> None:
        if not (
            may_create_all or context.is_authorized(Operation.CREATE, Resource.TOPIC, topic.name)
        ):
            raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, "Authorization failed.")
        context.pay_for_changes(_partition_count(topic, context), strict=strict)

    async def make(topics: list[CreatableTopic]) -> Sequence[TopicImage | KafkaError]:
        check_time(request.timeout_ms)
        _check_size(topics, context)
        return await context.services.cluster.create_topics(
            [_spec(topic) for topic in topics], validate_only=request.validate_only
        )

    try:
        made = await for_allowed(wanted, check, make)
    except KafkaError as refusal:  # of all of them
        return CreateTopicsResponse(topics=[_refused(one.name, refusal) for one in request.topics])
    results = [
        _refused(topic.name, result)
        if isinstance(result, KafkaError)
        else _made(result, topic, context)
        for topic, result in zip(wanted, made, strict=True)
    ]
    duplicate = KafkaError(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
    results += [_refused(name, duplicate) for name, times in times_named.items() if times > 1]
    return CreateTopicsResponse(topics=results)


def _check_size(topics: Sequence[CreatableTopic], context: RequestContext) -> None:
    if sum(_partition_count(topic, context) for topic in topics) > PARTITIONS_MAX:
        raise KafkaError(
            ErrorCode.POLICY_VIOLATION, "Excessively large number of partitions per request."
        )


def _partition_count(topic: CreatableTopic, context: RequestContext) -> int:
    if topic.assignments:
        return len(topic.assignments)
    count = topic.num_partitions
    return context.services.config.num_partitions if count < 0 else count


def _spec(topic: CreatableTopic) -> TopicSpec:
    return TopicSpec(
        name=topic.name,
        partition_count=topic.num_partitions,
        replication_factor=topic.replication_factor,
        assignments=[(one.partition_index, one.broker_ids) for one in topic.assignments],
        configs={config.name: config.value for config in topic.configs},
    )


def _made(
    topic: TopicImage, asked: CreatableTopic, context: RequestContext
) -> CreatableTopicResult:
    if not context.is_authorized(Operation.DESCRIBE_CONFIGS, Resource.TOPIC, topic.name):
        return CreatableTopicResult(
            name=topic.name,
            topic_id=topic.topic_id,
            error_code=ErrorCode.NONE,
            error_message=None,
            topic_config_error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED,
            configs=None,
        )
    config = context.services.config
    overrides = {one.name: one.value or "" for one in asked.configs}
    described = describe_topic(context.services.cluster.image, config, overrides)
    return CreatableTopicResult(
        name=topic.name,
        topic_id=topic.topic_id,
        error_code=ErrorCode.NONE,
        error_message=None,
        num_partitions=len(topic.partitions),
        replication_factor=len(topic.partitions[0].replicas),
        configs=[
            CreatableTopicConfigs(
                name=one.name,
                value=one.value,
                read_only=one.read_only,
                config_source=one.source,
                is_sensitive=False,
            )
            for one in described
        ],
    )


def _refused(name: str, refusal: KafkaError) -> CreatableTopicResult:
    return CreatableTopicResult(
        name=name, error_code=refusal.code, error_message=refusal.message or None, configs=[]
    )


HANDLER = Handler(
    ApiKey.CREATE_TOPICS,
    versions=Versions(2, 7),
    request_type=CreateTopicsRequest,
    handle=create_topics,
)
