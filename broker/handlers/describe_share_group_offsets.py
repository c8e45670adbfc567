"""DescribeShareGroupOffsets (API key 90): where share groups are. v1 (Kafka 4.2) tells the lag."""

from broker.coordinator.share.messages import ShareOffset
from broker.errors import KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, refusal_of, words_of
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsResponse,
    DescribeShareGroupOffsetsResponseGroup,
    DescribeShareGroupOffsetsResponsePartition,
    DescribeShareGroupOffsetsResponseTopic,
)
from broker.security.acls import Operation, Resource

NOT_KNOWN = -1
NO_TOPIC = bytes(16)
"""The id of a topic that is not there: a group is nowhere in it, and that is no error."""


async def describe_share_group_offsets(
    request: DescribeShareGroupOffsetsRequest, context: RequestContext
) -> DescribeShareGroupOffsetsResponse:
    return DescribeShareGroupOffsetsResponse(
        groups=[await _describe(group, context) for group in request.groups]
    )


async def _describe(
    group: DescribeShareGroupOffsetsRequestGroup, context: RequestContext
) -> DescribeShareGroupOffsetsResponseGroup:
    services = context.services
    try:
        context.require(Operation.DESCRIBE, Resource.GROUP, group.group_id)
        offsets = {one.where: one for one in await services.share.offsets.of_group(group.group_id)}
    except KafkaError as refusal:
        return DescribeShareGroupOffsetsResponseGroup(
            group_id=group.group_id, error_code=refusal.code, error_message=words_of(refusal)
        )
    names = services.cluster.image.names_by_id
    wanted: dict[str, list[int]] = {}
    if group.topics is None:
        for topic_id, index in sorted(offsets):
            if topic_id in names:
                wanted.setdefault(names[topic_id], []).append(index)
    else:
        wanted = {topic.topic_name: topic.partitions for topic in group.topics}
    return DescribeShareGroupOffsetsResponseGroup(
        group_id=group.group_id,
        topics=[_topic(name, indexes, offsets, context) for name, indexes in wanted.items()],
    )


def _topic(
    name: str,
    indexes: list[int],
    offsets: dict[tuple[bytes, int], ShareOffset],
    context: RequestContext,
) -> DescribeShareGroupOffsetsResponseTopic:
    if not context.is_authorized(Operation.DESCRIBE, Resource.TOPIC, name):
        refusal = refusal_of(Resource.TOPIC)
        refused = [
            DescribeShareGroupOffsetsResponsePartition(
                index, NOT_KNOWN, error_code=refusal.code, error_message=refusal.message
            )
            for index in indexes
        ]
        return DescribeShareGroupOffsetsResponseTopic(topic_name=name, partitions=refused)
    topic = context.services.cluster.image.topics.get(name)
    topic_id = NO_TOPIC if topic is None else topic.topic_id
    return DescribeShareGroupOffsetsResponseTopic(
        topic_name=name,
        topic_id=topic_id,
        partitions=[_partition(index, offsets.get((topic_id, index))) for index in indexes],
    )


def _partition(
    index: int, offset: ShareOffset | None
) -> DescribeShareGroupOffsetsResponsePartition:
    if offset is None:
        return DescribeShareGroupOffsetsResponsePartition(index, NOT_KNOWN)
    return DescribeShareGroupOffsetsResponsePartition(
        index, offset.start_offset, leader_epoch=0, lag=offset.lag
    )


HANDLER = Handler(
    ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS,
    Versions(0, 1),
    DescribeShareGroupOffsetsRequest,
    describe_share_group_offsets,
)
