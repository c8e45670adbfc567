"""DescribeTopicPartitions (API key 75): topics in order of name, page by page (KIP-966)."""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.controller import check_topic_name
from broker.metadata.image import PartitionImage, TopicImage
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
    asked = {topic.name for topic in request.topics}
    names = sorted(name for name in asked or topics if asked or _may_see(name, context))
    first_name, first_index = "", 0
    if request.cursor is not None:
        first_name, first_index = request.cursor.topic_name, request.cursor.partition_index
        names = [name for name in names if name >= first_name]
    room = min(request.response_partition_limit, PAGE_PARTITIONS_MAX)
    if room <= 0:
        room = PAGE_PARTITIONS_MAX
    response = DescribeTopicPartitionsResponse()
    for name in names:
        if room == 0:
            response.next_cursor = Cursor(name, 0)
            break
        if not _may_see(name, context):
            response.topics.append(_refused(name, ErrorCode.TOPIC_AUTHORIZATION_FAILED))
            continue
        topic = topics.get(name)
        if topic is None:
            response.topics.append(_unknown(name))
            continue
        start = first_index if name == first_name else 0
        page = topic.partitions[start : start + room]
        response.topics.append(_described(topic, page, context))
        room -= len(page)
        if start + len(page) < len(topic.partitions):
            response.next_cursor = Cursor(name, start + len(page))
            break
    return response


def _unknown(name: str) -> DescribeTopicPartitionsResponseTopic:
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    try:
        check_topic_name(name)
    except KafkaError as refusal:
        code = refusal.code
    return _refused(name, code)


def _refused(name: str, code: ErrorCode) -> DescribeTopicPartitionsResponseTopic:
    return DescribeTopicPartitionsResponseTopic(error_code=code, name=name)


def _may_see(topic: str, context: RequestContext) -> bool:
    return context.is_authorized(Operation.DESCRIBE, Resource.TOPIC, topic)


def _described(
    topic: TopicImage, partitions: tuple[PartitionImage, ...], context: RequestContext
) -> DescribeTopicPartitionsResponseTopic:
    return DescribeTopicPartitionsResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.name in INTERNAL_TOPICS,
        topic_authorized_operations=context.authorized_operations(Resource.TOPIC, topic.name),
        partitions=[
            DescribeTopicPartitionsResponsePartition(
                partition_index=partition.index,
                leader_id=partition.leader,
                leader_epoch=partition.leader_epoch,
                replica_nodes=list(partition.replicas),
                isr_nodes=list(partition.isr),
                eligible_leader_replicas=[],
                last_known_elr=[],
            )
            for partition in partitions
        ],
    )


HANDLER = Handler(
    ApiKey.DESCRIBE_TOPIC_PARTITIONS,
    versions=Versions(0, 0),
    request_type=DescribeTopicPartitionsRequest,
    handle=describe_topic_partitions,
)
