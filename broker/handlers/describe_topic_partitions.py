"""DescribeTopicPartitions (API key 75): topics in order of name, page by page (KIP-966)."""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.controller import check_topic_name
from broker.metadata.image import NO_LEADER, PartitionImage, TopicImage
from broker.metadata.records import INTERNAL_TOPICS
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
)
from broker.security.acls import Operation, Resource

PAGE_PARTITIONS_MAX = 2000  # max.request.partition.size.limit


async def describe_topic_partitions(
    request: DescribeTopicPartitionsRequest, context: RequestContext
) -> DescribeTopicPartitionsResponse:
    topics = context.services.cluster.image.topics
    asked = sorted({topic.name for topic in request.topics})
    cursor = request.cursor or Cursor("", 0)
    names = [name for name in asked or sorted(topics) if name >= cursor.topic_name]
    if request.cursor is not None and not _is_sound(cursor, asked):
        refused = [_refused(topic.name, ErrorCode.INVALID_REQUEST) for topic in request.topics]
        return DescribeTopicPartitionsResponse(topics=refused)
    seen = [name for name in names if _may_see(name, context)]
    room = max(min(request.response_partition_limit, PAGE_PARTITIONS_MAX), 1)
    response = _page(seen, cursor, room, context)
    if asked:
        unseen = sorted(set(names).difference(seen))
        response.topics += [_refused(name, ErrorCode.TOPIC_AUTHORIZATION_FAILED) for name in unseen]
    return response


def _page(
    names: list[str], cursor: Cursor, room: int, context: RequestContext
) -> DescribeTopicPartitionsResponse:
    """Topics from the cursor on, up to `room` partitions, and the cursor of the next page."""
    topics = context.services.cluster.image.topics
    response = DescribeTopicPartitionsResponse()
    for name in names:
        if room == 0:
            response.next_cursor = Cursor(name, 0)
            break
        topic = topics.get(name)
        if topic is None:
            response.topics.append(_unknown(name, context))
            continue
        start = cursor.partition_index if name == cursor.topic_name else 0
        page = topic.partitions[start : start + room]
        response.topics.append(_described(topic, page, context))
        room -= len(page)
        if start + len(page) < len(topic.partitions):
            response.next_cursor = Cursor(name, start + len(page))
            break
    return response


def _is_sound(cursor: Cursor, asked: list[str]) -> bool:
    """Whether a page can begin there: at a topic that is asked for."""
    return cursor.partition_index >= 0 and (not asked or cursor.topic_name in asked)


def _unknown(name: str, context: RequestContext) -> DescribeTopicPartitionsResponseTopic:
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    try:
        check_topic_name(name)
    except KafkaError as refusal:
        code = refusal.code
    answer = _refused(name, code)
    answer.topic_authorized_operations = context.authorized_operations(Resource.TOPIC, name)
    return answer


def _refused(name: str, code: ErrorCode) -> DescribeTopicPartitionsResponseTopic:
    return DescribeTopicPartitionsResponseTopic(error_code=code, name=name)


def _may_see(topic: str, context: RequestContext) -> bool:
    return context.is_authorized(Operation.DESCRIBE, Resource.TOPIC, topic)


def _described(
    topic: TopicImage, partitions: tuple[PartitionImage, ...], context: RequestContext
) -> DescribeTopicPartitionsResponseTopic:
    offline = context.services.partitions.offline
    return DescribeTopicPartitionsResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.name in INTERNAL_TOPICS,
        topic_authorized_operations=context.authorized_operations(Resource.TOPIC, topic.name),
        partitions=[
            _described_partition(partition, (topic.name, partition.index) in offline)
            for partition in partitions
        ],
    )


def _described_partition(
    partition: PartitionImage, is_offline: bool
) -> DescribeTopicPartitionsResponsePartition:
    return DescribeTopicPartitionsResponsePartition(
        partition_index=partition.index,
        leader_id=NO_LEADER if is_offline else partition.leader,
        leader_epoch=partition.leader_epoch,
        replica_nodes=list(partition.replicas),
        isr_nodes=list(partition.isr),
        eligible_leader_replicas=[],
        last_known_elr=[],
        offline_replicas=list(partition.replicas) if is_offline else [],
    )


HANDLER = Handler(
    ApiKey.DESCRIBE_TOPIC_PARTITIONS,
    versions=Versions(0, 0),
    request_type=DescribeTopicPartitionsRequest,
    handle=describe_topic_partitions,
)
