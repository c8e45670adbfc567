"""ShareFetch (API key 78): acquires records for a share group, and acknowledges earlier ones.

v2 (Kafka 4.2) can renew the locks of records; the number of records is a strict limit in both
versions here, whatever `share_acquire_mode` says.
"""

from broker.coordinator.share.messages import Given, ShareFetchWish, Where, acknowledgements
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.share_fetch import (
    AcquiredRecords,
    LeaderIdAndEpoch,
    PartitionData,
    ShareFetchableTopicResponse,
    ShareFetchRequest,
    ShareFetchResponse,
)
from broker.security.acls import Operation, Resource


async def share_fetch(request: ShareFetchRequest, context: RequestContext) -> ShareFetchResponse:
    share = context.services.share
    group_id, member_id = request.group_id or "", request.member_id or ""
    try:
        share.require_enabled()
        context.require(Operation.READ, Resource.GROUP, group_id)
        if not group_id or not member_id:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "group id and member id are needed")
        given = await share.fetch(_wish(request, context))
    except KafkaError as refusal:
        return ShareFetchResponse(error_code=refusal.code, error_message=refusal.message)
    topics: dict[bytes, ShareFetchableTopicResponse] = {}
    for one in given:
        topic = topics.setdefault(one.where[0], ShareFetchableTopicResponse(one.where[0]))
        topic.partitions.append(_partition(one, context))
    return ShareFetchResponse(
        acquisition_lock_timeout_ms=share.lock_ms(group_id), responses=list(topics.values())
    )


def _wish(request: ShareFetchRequest, context: RequestContext) -> ShareFetchWish:
    wanted = [(t.topic_id, p.partition_index) for t in request.topics for p in t.partitions]
    forgotten = [(t.topic_id, p) for t in request.forgotten_topics_data for p in t.partitions]
    names = context.services.cluster.image.names_by_id
    readable = [w for w in wanted if _may_read(w, names.get(w[0]), context)]
    return ShareFetchWish(
        who=(request.group_id or "", request.member_id or ""),
        epoch=request.share_session_epoch,
        wanted=readable,
        forgotten=forgotten,
        acknowledgements=acknowledgements(request.topics, context.api_version),
        max_wait_ms=request.max_wait_ms,
        max_bytes=max(1, min(request.max_bytes, context.services.config.fetch_max_bytes)),
        max_records=max(1, request.max_records),
    )


def _may_read(where: Where, name: str | None, context: RequestContext) -> bool:
    """A topic that does not exist is answered as such later."""
    return name is None or context.is_authorized(Operation.READ, Resource.TOPIC, name)


def _partition(one: Given, context: RequestContext) -> PartitionData:
    data = PartitionData(
        partition_index=one.where[1],
        current_leader=LeaderIdAndEpoch(-1, -1),
        records=one.records,
        acquired_records=[
            AcquiredRecords(a.first_offset, a.last_offset, a.delivery_count) for a in one.acquired
        ],
    )
    if one.error is not None:
        data.error_code, data.error_message = one.error.code, one.error.message
    if one.acknowledged is not None:
        data.acknowledge_error_code = one.acknowledged.code
        data.acknowledge_error_message = one.acknowledged.message
    return data


HANDLER = Handler(ApiKey.SHARE_FETCH, Versions(1, 2), ShareFetchRequest, share_fetch)
