"""ShareFetch (API key 78): acquires records for a share group, and acknowledges earlier ones.

v2 (Kafka 4.2) can renew the locks of records (KIP-1222), and take `max_records` for a strict limit
(`share_acquire_mode` 1, KIP-1206); else the last batch of the log is given whole.
Answers: INVALID_REQUEST, GROUP_AUTHORIZATION_FAILED, SHARE_SESSION_NOT_FOUND,
INVALID_SHARE_SESSION_EPOCH, SHARE_SESSION_LIMIT_REACHED; per partition TOPIC_AUTHORIZATION_FAILED,
UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION, INVALID_RECORD_STATE.
"""

from broker.coordinator.share.acquiring import Portion
from broker.coordinator.share.messages import Given, ShareFetchWish, Where, acknowledgements
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import (
    Handler,
    RequestContext,
    Versions,
    refusal_of,
    require_share_member_id,
)
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

BATCH_OPTIMIZED, RECORD_LIMIT = 0, 1


async def share_fetch(request: ShareFetchRequest, context: RequestContext) -> ShareFetchResponse:
    share = context.services.share
    group_id, member_id = request.group_id or "", request.member_id or ""
    try:
        share.require_enabled()
        context.require(Operation.READ, Resource.GROUP, group_id)
        require_share_member_id(member_id)
        wish, refused = _wish(request, context)
        given = await share.fetch(wish) + refused
    except KafkaError as refusal:
        return ShareFetchResponse(error_code=refusal.code)  # as in Kafka, without words
    topics: dict[bytes, ShareFetchableTopicResponse] = {}
    for one in given:
        topic = topics.setdefault(one.where[0], ShareFetchableTopicResponse(one.where[0]))
        topic.partitions.append(_partition(one, context))
    return ShareFetchResponse(
        acquisition_lock_timeout_ms=share.lock_ms(group_id), responses=list(topics.values())
    )


def _wish(
    request: ShareFetchRequest, context: RequestContext
) -> tuple[ShareFetchWish, list[Given]]:
    """What the client asks for, and the partitions that it may not read."""
    is_empty = request.max_wait_ms == request.min_bytes == request.max_bytes == 0
    if request.is_renew_ack and not (is_empty and request.max_records == 0):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "renewing locks fetches nothing")
    if request.share_acquire_mode not in (BATCH_OPTIMIZED, RECORD_LIMIT):
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"unknown acquire mode {request.share_acquire_mode}"
        )

    def check(where: Where) -> None:
        if not _may_read(where, context):
            raise refusal_of(Resource.TOPIC)

    wanted = [(t.topic_id, p.partition_index) for t in request.topics for p in t.partitions]
    forgotten = [(t.topic_id, p) for t in request.forgotten_topics_data for p in t.partitions]
    refusal = refusal_of(Resource.TOPIC)
    refused = dict.fromkeys(where for where in wanted if not _may_read(where, context))
    said = acknowledgements(request.topics)
    wish = ShareFetchWish(
        who=(request.group_id or "", request.member_id or ""),
        epoch=request.share_session_epoch,
        connection_id=context.connection_id,
        wanted=[where for where in wanted if where not in refused],
        forgotten=forgotten,
        acknowledgements={where: said[where] for where in said if where not in refused},
        renewing=request.is_renew_ack,
        max_wait_ms=request.max_wait_ms,
        min_bytes=request.min_bytes,
        max_bytes=min(request.max_bytes, context.services.config.fetch_max_bytes),
        portion=Portion(
            request.max_records,
            max(1, request.batch_size),
            strict=request.share_acquire_mode == RECORD_LIMIT,
        ),
        check=check,
    )
    return wish, [
        Given(where, error=refusal, acknowledged=refusal if where in said else None)
        for where in refused
    ]


def _may_read(where: Where, context: RequestContext) -> bool:
    """A topic that does not exist is answered as such later."""
    name = context.services.cluster.image.names_by_id.get(where[0])
    return name is None or context.is_authorized(Operation.READ, Resource.TOPIC, name)


def _partition(one: Given, context: RequestContext) -> PartitionData:
    data = PartitionData(
        partition_index=one.where[1],
        current_leader=LeaderIdAndEpoch(),
        records=one.records,
        acquired_records=[
            AcquiredRecords(a.first_offset, a.last_offset, a.delivery_count) for a in one.acquired
        ],
    )
    if one.error is not None:
        data.error_code, data.error_message = one.error.code, _words(one.error)
    if one.acknowledged is not None:
        data.acknowledge_error_code = one.acknowledged.code
        data.acknowledge_error_message = one.acknowledged.message or None
    return data


def _words(refusal: KafkaError) -> str | None:
    """Kafka has none for a partition that is not there."""
    nowhere = refusal.code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return None if nowhere else refusal.message or None


HANDLER = Handler(ApiKey.SHARE_FETCH, Versions(1, 2), ShareFetchRequest, share_fetch)
