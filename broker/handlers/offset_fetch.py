"""OffsetFetch (API key 9): how far a group has read.

v2 gives everything for null topics, v7 can insist on stable offsets (KIP-447), v8 asks for several
groups, v9 names the KIP-848 member, v10 names topics by id. Where nothing is committed the offset
is -1, without an error.
Answers: UNSTABLE_OFFSET_COMMIT and UNKNOWN_TOPIC_ID for a partition; STALE_MEMBER_EPOCH,
UNKNOWN_MEMBER_ID, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS for a group.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from broker.coordinator.group.offset_messages import FetchedOffset, OffsetFetch
from broker.coordinator.group.offsets import TopicPartition
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
)
from broker.security.acls import Operation, Resource

_ERROR_CODE_SINCE = 2
_GROUPS_SINCE = 8
_TOPIC_IDS_SINCE = 10


async def offset_fetch(request: OffsetFetchRequest, context: RequestContext) -> OffsetFetchResponse:
    if context.api_version < _GROUPS_SINCE:
        return await _fetch_one(request, context)
    groups = [await _fetch_group(group, request, context) for group in request.groups]
    return OffsetFetchResponse(groups=groups)


async def _fetch_one(request: OffsetFetchRequest, context: RequestContext) -> OffsetFetchResponse:
    """Up to v7: one group, spread over the top of request and response."""
    wanted = None
    if request.topics is not None:
        wanted = tuple(
            TopicPartition(topic.name, index)
            for topic in request.topics
            for index in topic.partition_indexes
        )
    fetch = OffsetFetch(request.group_id, wanted, request.require_stable)
    try:
        found = await _fetch(fetch, context)
    except KafkaError as refusal:
        if context.api_version >= _ERROR_CODE_SINCE:
            return OffsetFetchResponse(error_code=refusal.code)
        found = [FetchedOffset(where, error=refusal.code) for where in wanted or ()]
    return OffsetFetchResponse(
        topics=[
            OffsetFetchResponseTopic(
                name=topic,
                partitions=[
                    OffsetFetchResponsePartition(
                        partition_index=offset.where.partition,
                        committed_offset=offset.offset,
                        committed_leader_epoch=offset.leader_epoch,
                        metadata=offset.metadata,
                        error_code=offset.error,
                    )
                    for offset in offsets
                ],
            )
            for topic, offsets in _by_topic(found).items()
        ]
    )


async def _fetch_group(
    group: OffsetFetchRequestGroup, request: OffsetFetchRequest, context: RequestContext
) -> OffsetFetchResponseGroup:
    names = context.services.cluster.image.names_by_id
    by_id = context.api_version >= _TOPIC_IDS_SINCE
    wanted, unknown = None, []
    if group.topics is not None:
        unknown = [topic for topic in group.topics if by_id and topic.topic_id not in names]
        wanted = tuple(
            TopicPartition(names[topic.topic_id] if by_id else topic.name, index)
            for topic in group.topics
            if topic not in unknown
            for index in topic.partition_indexes
        )
    fetch = OffsetFetch(
        group.group_id, wanted, request.require_stable, group.member_id, group.member_epoch
    )
    try:
        found = await _fetch(fetch, context)
    except KafkaError as refusal:
        return OffsetFetchResponseGroup(group_id=group.group_id, error_code=refusal.code)
    topics = _topics(found, context if by_id else None)
    topics += [_unknown_topic(topic) for topic in unknown]
    return OffsetFetchResponseGroup(group_id=group.group_id, topics=topics)


async def _fetch(fetch: OffsetFetch, context: RequestContext) -> list[FetchedOffset]:
    """What the client may see: of all topics those it may describe, of named ones a refusal."""
    context.require(Operation.DESCRIBE, Resource.GROUP, fetch.group_id)

    def may_see(topic: str) -> bool:
        return context.is_authorized(Operation.DESCRIBE, Resource.TOPIC, topic)

    groups = context.services.groups
    if fetch.wanted is None:
        return [one for one in await groups.fetch_offsets(fetch) if may_see(one.where.topic)]
    refused = [where for where in fetch.wanted if not may_see(where.topic)]
    if not refused:
        return list(await groups.fetch_offsets(fetch))
    allowed = tuple(where for where in fetch.wanted if where not in refused)
    found = await groups.fetch_offsets(replace(fetch, wanted=allowed))
    code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
    return [*found, *(FetchedOffset(where, error=code) for where in refused)]


def _topics(
    found: Iterable[FetchedOffset], ids_from: RequestContext | None
) -> list[OffsetFetchResponseTopics]:
    """Answers by topic; with `ids_from`, named by id, and those without a topic left out."""
    topics = []
    for name, offsets in _by_topic(found).items():
        answer = OffsetFetchResponseTopics(
            name=name, partitions=[_partition(offset) for offset in offsets]
        )
        if ids_from is not None:
            topic = ids_from.services.cluster.image.topics.get(name)
            if topic is None:
                continue
            answer.topic_id = topic.topic_id
        topics.append(answer)
    return topics


def _partition(offset: FetchedOffset) -> OffsetFetchResponsePartitions:
    return OffsetFetchResponsePartitions(
        partition_index=offset.where.partition,
        committed_offset=offset.offset,
        committed_leader_epoch=offset.leader_epoch,
        metadata=offset.metadata,
        error_code=offset.error,
    )


def _unknown_topic(topic: OffsetFetchRequestTopics) -> OffsetFetchResponseTopics:
    nowhere = (TopicPartition("", index) for index in topic.partition_indexes)
    unknown = [FetchedOffset(where, error=ErrorCode.UNKNOWN_TOPIC_ID) for where in nowhere]
    return OffsetFetchResponseTopics(
        topic_id=topic.topic_id, partitions=[_partition(offset) for offset in unknown]
    )


def _by_topic(found: Iterable[FetchedOffset]) -> Mapping[str, list[FetchedOffset]]:
    topics: dict[str, list[FetchedOffset]] = {}
    for offset in found:
        topics.setdefault(offset.where.topic, []).append(offset)
    return topics


HANDLER = Handler(ApiKey.OFFSET_FETCH, Versions(1, 10), OffsetFetchRequest, offset_fetch)
