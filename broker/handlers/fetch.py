"""Fetch (API key 1): reads record batches from partitions, waiting for more if asked to.

v7 adds sessions (KIP-227), v9 leader epochs (KIP-320), v12 is flexible and tells diverging epochs,
v13 names topics by id (KIP-516), v15 moves the replica id into a tagged field.

Answered at once when min_bytes are there, a partition is refused or diverged, or the client does
not want to wait; otherwise when enough was written or max_wait_ms passed. Who asks for no bytes at
least waits all the same for records that were acknowledged (acks=1) and are about to be on the
disk: in Kafka they can be read at once, and clients read what they have just written. Records are
never read here: an answer carries slices of segment files, which the server sends.
"""

from dataclasses import dataclass

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.partition.fetch_sessions import PartitionKey, Round, SessionRequest, Wish
from broker.partition.partition import Partition
from broker.partition.watcher import Watcher
from broker.partition.wishes import NO_EPOCH, ReadEnd
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.fetch import (
    AbortedTransaction,
    EpochEndOffset,
    FetchableTopicResponse,
    FetchRequest,
    FetchResponse,
    LeaderIdAndEpoch,
    PartitionData,
)
from broker.security.acls import Operation, Resource
from broker.security.quotas import Quota
from broker.storage.log_reader import LogSlice

FIRST_VERSION_BY_ID = 13
READ_UNCOMMITTED, READ_COMMITTED = 0, 1
NO_OFFSET = -1
NOT_READ = (
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.UNKNOWN_TOPIC_ID,
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
)
"""Kafka answers these behind all others, with an empty list of aborted transactions, not none."""


@dataclass(slots=True)
class Reading:
    """One pass over the wanted partitions."""

    answers: list[tuple[Wish, PartitionData]]
    size_bytes: int
    is_urgent: bool
    """A partition was refused or diverged: the client must know at once."""
    is_on_its_way: bool = False
    """Records that a partition has where the client reads are about to be on the disk."""

    def lacks_bytes(self, min_bytes: int) -> int:
        return (max(min_bytes, 1) if self.is_on_its_way else min_bytes) - self.size_bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds and visibility of one request."""

    max_bytes: int
    end: ReadEnd
    by_id: bool


async def fetch(request: FetchRequest, context: RequestContext) -> FetchResponse:
    services = context.services
    by_id = context.api_version >= FIRST_VERSION_BY_ID
    end = _read_end(request)
    if end is None:
        return _refused_wholly(request)
    try:
        session = services.fetch_sessions.begin(
            _session_request(request, by_id), services.clock.monotonic_ms()
        )
    except KafkaError as refusal:
        return FetchResponse(error_code=refusal.code)
    max_bytes = max(0, min(request.max_bytes, services.config.fetch_max_bytes))
    if services.security.quotas.active:
        most = services.security.quotas.most_at_once(Quota.CONSUMER_BYTE_RATE, context.client)
        max_bytes = int(min(max_bytes, most))
    limits = Limits(max_bytes, end, by_id)
    reading = await _read(session, limits, context)
    if request.max_wait_ms > 0 and session.wishes:
        deadline_ms = services.clock.monotonic_ms() + request.max_wait_ms
        while not reading.is_urgent and (lacking := reading.lacks_bytes(request.min_bytes)) > 0:
            left_ms = deadline_ms - services.clock.monotonic_ms()
            if left_ms <= 0:
                break
            context.begins_to_wait()
            await _wait(session, lacking, left_ms, context)
            reading = await _read(session, limits, context)
    quotas = services.security.quotas
    if quotas.active:
        granted, context.throttle_ms = quotas.grant(
            Quota.CONSUMER_BYTE_RATE, context.client, reading.size_bytes
        )
        if not granted:  # an empty answer: the client asks again from where it is
            return FetchResponse(session_id=session.session_id if session.incremental else 0)
    return _response(session, reading, by_id, context)


def _session_request(request: FetchRequest, by_id: bool) -> SessionRequest:
    all_wishes = [
        Wish(
            (topic.topic, topic.topic_id, partition.partition),
            partition.fetch_offset,
            partition.partition_max_bytes,
            max(partition.current_leader_epoch, NO_EPOCH),  # any below 0 is none here
            partition.last_fetched_epoch,
        )
        for topic in request.topics
        for partition in topic.partitions
    ]
    wishes = all_wishes
    if len(all_wishes) > 1:  # the last of two for one partition counts
        wishes = list({wish.key: wish for wish in all_wishes}.values())
    forgotten = [
        (topic.topic, topic.topic_id, index)
        for topic in request.forgotten_topics_data
        for index in topic.partitions
    ]
    return SessionRequest(request.session_id, request.session_epoch, wishes, forgotten, by_id)


def _read_end(request: FetchRequest) -> ReadEnd | None:
    """None: there is no such isolation level."""
    if _is_of_follower(request):
        return ReadEnd.LOG_END
    if request.isolation_level == READ_COMMITTED:
        return ReadEnd.LAST_STABLE_OFFSET
    return ReadEnd.HIGH_WATERMARK if request.isolation_level == READ_UNCOMMITTED else None


def _is_of_follower(request: FetchRequest) -> bool:
    replica = request.replica_state
    return (request.replica_id if replica is None else replica.replica_id) >= 0


def _refused_wholly(request: FetchRequest) -> FetchResponse:
    """What Kafka answers when it cannot begin with a request: an error at the top and below."""
    return FetchResponse(
        error_code=ErrorCode.UNKNOWN_SERVER_ERROR,
        responses=[
            FetchableTopicResponse(
                topic=topic.topic,
                topic_id=topic.topic_id,
                partitions=[
                    PartitionData(
                        partition_index=wanted.partition,
                        error_code=ErrorCode.UNKNOWN_SERVER_ERROR,
                        high_watermark=NO_OFFSET,
                        aborted_transactions=[],
                        records=b"",
                    )
                    for wanted in topic.partitions
                ],
            )
            for topic in request.topics
        ],
    )


async def _read(session: Round, limits: Limits, context: RequestContext) -> Reading:
    """Read each wanted partition until `max_bytes` are together (KIP-74: at least one batch)."""
    reading = Reading([], 0, is_urgent=False)
    for wish in session.wishes:
        try:
            partition = _allowed_partition(wish.key, limits, context)
            data = await _read_partition(partition, wish, limits, reading.size_bytes)
            if partition.high_watermark <= wish.fetch_offset < partition.log_end_offset:
                reading.is_on_its_way = True
        except KafkaError as refusal:
            data = _refused(wish.key, limits.by_id, refusal, context)
        if data.error_code != ErrorCode.NONE or data.diverging_epoch is not None:
            reading.is_urgent = True
        reading.size_bytes += len(data.records)
        reading.answers.append((wish, data))
    return reading


async def _read_partition(
    partition: Partition, wish: Wish, limits: Limits, taken_bytes: int
) -> PartitionData:
    partition.check_usable(wish.current_leader_epoch)
    data = PartitionData(
        partition_index=wish.key[2],
        error_code=ErrorCode.NONE,
        high_watermark=partition.high_watermark,
        last_stable_offset=partition.last_stable_offset,
        log_start_offset=partition.log_start_offset,
        aborted_transactions=[] if limits.end is ReadEnd.LAST_STABLE_OFFSET else None,
        records=b"",
    )
    if wish.last_fetched_epoch >= 0:
        epoch, end_offset = partition.end_offset_for_epoch(wish.last_fetched_epoch)
        if epoch == NO_EPOCH:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"leader epoch {wish.last_fetched_epoch} of {partition} is not known",
            )
        if epoch < wish.last_fetched_epoch or end_offset < wish.fetch_offset:
            data.diverging_epoch = EpochEndOffset(epoch, end_offset)
            data.aborted_transactions = None
            return data
    if wish.max_bytes < 0 and wish.fetch_offset < partition.end_for(limits.end):
        raise KafkaError(
            ErrorCode.UNKNOWN_SERVER_ERROR, f"partition_max_bytes {wish.max_bytes} is below 0"
        )
    max_bytes = min(wish.max_bytes, limits.max_bytes - taken_bytes)
    minimum_one = taken_bytes == 0
    if max_bytes <= 0 and not minimum_one:
        partition.check_offset(wish.fetch_offset)
        return data
    if partition.is_hot(wish.fetch_offset):
        part = partition.read(wish.fetch_offset, max_bytes, limits.end, minimum_one=minimum_one)
    else:
        part = await partition.read_cold(
            wish.fetch_offset, max_bytes, limits.end, minimum_one=minimum_one
        )
    data.records = part.records
    if limits.end is ReadEnd.LAST_STABLE_OFFSET:
        data.aborted_transactions = _aborted(partition, wish.fetch_offset, part, max_bytes)
    return data


def _aborted(
    partition: Partition, offset: int, part: LogSlice, max_bytes: int
) -> list[AbortedTransaction] | None:
    """Of what was read; as in Kafka none, and no list, where the next batch does not fit."""
    if part.records:
        return [
            AbortedTransaction(aborted.producer_id, aborted.first_offset)
            for aborted in partition.aborted_transactions(offset, part)
        ]
    return None if max_bytes > 0 and offset < partition.last_stable_offset else []


async def _wait(session: Round, bytes_wanted: int, left_ms: float, context: RequestContext) -> None:
    """Until `bytes_wanted` more can be read, a partition changes its state, or the time is up."""
    watcher = Watcher(bytes_wanted)
    watched = []
    partitions = context.services.partitions
    waiting = partitions.waiting
    try:
        for name, topic_id, index in {wish.key for wish in session.wishes}:
            partition = partitions.find(name or partitions.name_of(topic_id) or "", index)
            if partition is not None:
                partition.watch(watcher)
                watched.append(partition)
        waiting.add(watcher, left_ms)
        await watcher.future
    finally:
        watcher.future.cancel()
        waiting.served()
        for partition in watched:
            partition.unwatch(watcher)


def _response(
    session: Round, reading: Reading, by_id: bool, context: RequestContext
) -> FetchResponse:
    """In the order asked for but for NOT_READ, as in Kafka: a topic may come more than once."""
    response = FetchResponse(session_id=session.session_id)
    topic, answers = None, reading.answers
    if reading.is_urgent:
        answers = sorted(answers, key=lambda answer: answer[1].error_code in NOT_READ)
    for wish, data in answers:
        if session.incremental and not _is_news(wish, data):
            continue
        wish.high_watermark_told = data.high_watermark
        wish.log_start_offset_told = data.log_start_offset
        name, topic_id, _ = wish.key
        if topic is None or (topic.topic, topic.topic_id) != (name, topic_id):
            topic = FetchableTopicResponse(topic=name, topic_id=topic_id)
            response.responses.append(topic)
        topic.partitions.append(data)
        if data.records and session.session is not None:
            session.session.served(wish)
        _count(name or context.services.partitions.name_of(topic_id), data, context)
    return response


def _count(topic: str | None, data: PartitionData, context: RequestContext) -> None:
    """Only topics that exist are counted: what clients ask for must not become series."""
    if topic is None or topic not in context.services.cluster.image.topics:
        return
    counters = context.services.metrics.logs.topic(topic)
    counters.fetch_requests += 1
    counters.bytes_out += len(data.records)
    if data.error_code != ErrorCode.NONE:
        counters.failed_fetch_requests += 1


def _is_news(wish: Wish, data: PartitionData) -> bool:
    """Whether an incremental answer has to carry this partition (KIP-227)."""
    return bool(
        len(data.records)
        or data.error_code != ErrorCode.NONE
        or data.diverging_epoch is not None
        or data.high_watermark != wish.high_watermark_told
        or data.log_start_offset != wish.log_start_offset_told
    )


def _allowed_partition(key: PartitionKey, limits: Limits, context: RequestContext) -> Partition:
    """The partition, if this client may read it; what it may not read it does not learn of."""
    if limits.end is ReadEnd.LOG_END:
        context.require(Operation.CLUSTER_ACTION, Resource.CLUSTER)
        return _partition(key, limits.by_id, context)
    if not limits.by_id:
        context.require(Operation.READ, Resource.TOPIC, key[0])
        return _partition(key, limits.by_id, context)
    name = context.services.partitions.name_of(key[1])
    if name is not None:
        context.require(Operation.READ, Resource.TOPIC, name)
    return _partition(key, limits.by_id, context)


def _partition(key: PartitionKey, by_id: bool, context: RequestContext) -> Partition:
    name, topic_id, index = key
    partitions = context.services.partitions
    return partitions.get_by_id(topic_id, index) if by_id else partitions.get(name, index)


def _refused(
    key: PartitionKey, by_id: bool, refusal: KafkaError, context: RequestContext
) -> PartitionData:
    data = PartitionData(
        partition_index=key[2],
        error_code=refusal.code,
        high_watermark=NO_OFFSET,
        aborted_transactions=[] if refusal.code in NOT_READ else None,
        records=b"",
    )
    if refusal.code == ErrorCode.FENCED_LEADER_EPOCH:
        partition = _partition(key, by_id, context)
        data.current_leader = LeaderIdAndEpoch(
            context.services.cluster.node_id, partition.leader_epoch
        )
    return data


HANDLER = Handler(
    ApiKey.FETCH,
    versions=Versions(4, 18),
    request_type=FetchRequest,
    handle=fetch,
    tells_waits=True,
    is_of_follower=_is_of_follower,
    cancellable=True,
)
