"""CreatePartitions (API key 37): raises the number of partitions of topics.

Answers: UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS, INVALID_REPLICA_ASSIGNMENT.
"""

from collections import Counter
from collections.abc import Sequence

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, check_time, for_allowed
from broker.metadata.image import TopicImage
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
)
from broker.security.acls import Operation, Resource

FIRST_STRICT_VERSION = 3  # clients from here on know THROTTLING_QUOTA_EXCEEDED (KIP-599)


async def create_partitions(
    request: CreatePartitionsRequest, context: RequestContext
) -> CreatePartitionsResponse:
    times_named = Counter(topic.name for topic in request.topics)
    wanted = [topic for topic in request.topics if times_named[topic.name] == 1]

    async def grow(topics: list[CreatePartitionsTopic]) -> Sequence[TopicImage | KafkaError]:
        check_time(request.timeout_ms)
        return await context.services.cluster.create_partitions(
            [_growth(topic) for topic in topics], validate_only=request.validate_only
        )

    try:
        results = await for_allowed(wanted, lambda topic: _check(topic, context), grow)
    except KafkaError as refusal:  # of all of them
        results = [refusal] * len(wanted)
    answers = [
        CreatePartitionsTopicResult(topic.name, result.code, _words_of(result))
        if isinstance(result, KafkaError)
        else CreatePartitionsTopicResult(topic.name, ErrorCode.NONE)
        for topic, result in zip(wanted, results, strict=True)
    ]
    answers += [
        CreatePartitionsTopicResult(name, ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
        for name, times in times_named.items()
        if times > 1
    ]
    return CreatePartitionsResponse(results=answers)


_WORDLESS = (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.TOPIC_AUTHORIZATION_FAILED)


def _words_of(refusal: KafkaError) -> str | None:
    """None where Kafka leaves it to the code."""
    return None if refusal.code in _WORDLESS else refusal.message or None


def _check(topic: CreatePartitionsTopic, context: RequestContext) -> None:
    context.require(Operation.ALTER, Resource.TOPIC, topic.name)
    known = context.services.cluster.image.topics.get(topic.name)
    if known is not None:
        added = max(0, topic.count - len(known.partitions))
        context.pay_for_changes(added, strict=context.api_version >= FIRST_STRICT_VERSION)


def _growth(topic: CreatePartitionsTopic) -> tuple[str, int, Sequence[Sequence[int]] | None]:
    replicas = None
    if topic.assignments is not None:
        replicas = [assignment.broker_ids for assignment in topic.assignments]
    return topic.name, topic.count, replicas


HANDLER = Handler(
    ApiKey.CREATE_PARTITIONS,
    versions=Versions(0, 3),
    request_type=CreatePartitionsRequest,
    handle=create_partitions,
)
