"""OffsetFetch (API key 9): how far a group has read.

v2 gives everything for null topics, v7 can insist on stable offsets (KIP-447), v8 asks for several
groups, v9 names the KIP-848 member, v10 names topics by id. Where nothing is committed the offset
is -1, without an error.
Answers: UNSTABLE_OFFSET_COMMIT and UNKNOWN_TOPIC_ID for a partition; STALE_MEMBER_EPOCH,
UNKNOWN_MEMBER_ID, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS for a group.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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

_Found = tuple[str, list[FetchedOffset]]
"""A topic and its offsets."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A topic as the request names it, and its partitions."""

    topic: str
    partitions: Sequence[int]

    def places(self) -> Iterator[TopicPartition]:
        return (TopicPartition(self.topic, index) for index in self.partitions)

    def refused(self, error: ErrorCode) -> _Found:
        return self.topic, [FetchedOffset(where, error=error) for where in self.places()]


async def offset_fetch(request: OffsetFetchRequest, context: RequestContext) -> OffsetFetchResponse:
    if context.api_version < _GROUPS_SINCE:
        return await _fetch_one(request, context)
    groups = [await _fetch_group(group, request, context) for group in request.groups]
    return OffsetFetchResponse(groups=groups)


async def _fetch_one(request: OffsetFetchRequest, context: RequestContext) -> OffsetFetchResponse:
    """Up to v7: one group, spread over the top of request and response."""
    wanted = None
    if request.topics is not None:
        wanted = [_Wanted(topic.name, topic.partition_indexes) for topic in request.topics]
    fetch = OffsetFetch(request.group_id, None, request.require_stable)
    try:
        found = await _fetch(fetch, wanted, context)
    except KafkaError as refusal:
        if context.api_version >= _ERROR_CODE_SINCE:
            return OffsetFetchResponse(error_code=refusal.code)
        found = [one.refused(refusal.code) for one in wanted or ()]
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
            for topic, offsets in found
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
        wanted = [
            _Wanted(names[topic.topic_id] if by_id else topic.name, topic.partition_indexes)
            for topic in group.topics
            if not by_id or topic.topic_id in names
        ]
    fetch = OffsetFetch(
        group.group_id, None, request.require_stable, group.member_id, group.member_epoch
    )
    try:
        found = await _fetch(fetch, wanted, context)
    except KafkaError as refusal:
        return OffsetFetchResponseGroup(group_id=group.group_id, error_code=refusal.code)
    topics = _topics(found, context if by_id else None)
    topics += [_unknown_topic(topic) for topic in unknown]
    return OffsetFetchResponseGroup(group_id=group.group_id, topics=topics)


async def _fetch(
    fetch: OffsetFetch, wanted: Sequence[_Wanted] | None, context: RequestContext
) -> list[_Found]:
    """What the client may see: of all topics those it may describe, of named ones a refusal.

    Topics that were named are answered as they were, twice if twice; the refused ones come last.
    """
    context.require(Operation.DESCRIBE, Resource.GROUP, fetch.group_id)
    groups = context.services.groups
    if wanted is None:
        everything = await groups.fetch_offsets(fetch)
        return list(_by_topic(one for one in everything if context.sees(one.where.topic)).items())
    allowed = [one for one in wanted if context.sees(one.topic)]
    places = tuple(where for one in allowed for where in one.places())
    offsets = iter(await groups.fetch_offsets(replace(fetch, wanted=places)))
    found = [(one.topic, [next(offsets) for _ in one.partitions]) for one in allowed]
    refused = [one for one in wanted if not context.sees(one.topic)]
    return [*found, *(one.refused(ErrorCode.TOPIC_AUTHORIZATION_FAILED) for one in refused)]


def _topics(
    found: Iterable[_Found], ids_from: RequestContext | None
) -> list[OffsetFetchResponseTopics]:
    """Answers by topic; with `ids_from`, named by id, and those without a topic left out."""
    topics = []
    for name, offsets in found:
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
