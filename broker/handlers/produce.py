"""Produce (API key 0): appends one record batch to each of some partitions.

v9 is flexible; v10 tells the current leader with NOT_LEADER_OR_FOLLOWER (KIP-951); v13 names topics
by id (KIP-516). Versions 0 to 2 are advertised but not served: librdkafka before 2.8.1 looks at the
lower bound to decide whether the broker knows compression (KAFKA-18659).

acks 0: no answer; acks 1: answered when written; acks all: when committed. All appends of a request
are queued before the first wait, so requests of one connection keep their order in the logs.
"""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from broker.coordinator.transaction.transaction import Producer
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.records import INTERNAL_TOPICS
from broker.partition.appends import Appends
from broker.partition.partition import Partition
from broker.producing.answers import (
    answer_of,
    append_wish,
    count_refused,
    refused,
    tell_log_start,
)
from broker.producing.repeated import RepeatedAppends
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from broker.records.batch import ATTRIBUTES_POSITION, HEADER_BYTES, read_header
from broker.records.compression import Codec
from broker.records.header import CODEC_MASK, TRANSACTIONAL_BIT
from broker.records.validate import begins_transactional, first_batch
from broker.security.acls import Operation, Resource
from broker.storage.append import Origin

ACKS_NONE = 0
ADMIN_CLIENT_ID = "__admin_client"
LEGAL_ACKS = (-1, 0, 1)
FIRST_VERSION = 3
FIRST_VERSION_BY_ID = 13
FIRST_VERSION_WITH_ZSTD = 7  # KIP-110
FIRST_VERSION_JOINING = 12  # a write makes its partition part of the transaction (KIP-890)
FIRST_VERSION_WITH_ABORTABLE = 11  # KIP-890 part 1
PASSING = (
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_COORDINATOR,
)
REPEATED_MAX = 256  # partitions of a request that is known by its shape

NOT_ADDED = "Partition was not added to the transaction"
"""Kafka's words of INVALID_TXN_STATE."""

Begun = int | PartitionProduceResponse
"""One partition of a request: the number of its append, or its refusal."""


@dataclass(slots=True)
class Admission:
    """An append that must not be answered until the transaction knows of its partition."""

    begun: list[Begun]
    place: int
    """In `begun`."""
    index: int
    """Of the partition."""
    joined: Coroutine[Any, Any, None]


@dataclass(frozen=True, slots=True)
class Beginning:
    """A request whose appends are being queued."""

    request: ProduceRequest
    context: RequestContext
    appends: Appends
    admissions: list[Admission]


async def produce(request: ProduceRequest, context: RequestContext) -> ProduceResponse | None:
    appends = Appends(append_wish(request), context.now_ms)
    beginning = Beginning(request, context, appends, [])
    topics = _each_once(request.topic_data)
    try:
        _check_all(request, context)
        begun = [_begin(beginning, topic) for topic in topics]
    except KafkaError as refusal:
        begun = [
            [refused(data.index, refusal, refusal.message) for data in topic.partition_data]
            for topic in topics
        ]
    if beginning.admissions:
        await _admitted(beginning.admissions)
    told = await appends.finished()
    by_id = context.api_version >= FIRST_VERSION_BY_ID
    responses = []
    for topic, numbers in zip(topics, begun, strict=True):
        answers = [
            answer_of(data.index, told[number]) if isinstance(number, int) else number
            for data, number in zip(topic.partition_data, numbers, strict=True)
        ]
        _count(topic, answers, context)
        responses.append(
            TopicProduceResponse(
                name="" if by_id else topic.name,
                topic_id=topic.topic_id,
                partition_responses=answers,
            )
        )
    if request.acks == ACKS_NONE:
        _close_if_refused(responses)
        return None
    return ProduceResponse(responses=responses)


def _each_once(topics: list[TopicProduceData]) -> list[TopicProduceData]:
    """Of two batches for one partition the last counts, and it alone is answered, as in Kafka."""
    places = [
        (topic.name, topic.topic_id, d.index) for topic in topics for d in topic.partition_data
    ]
    if len(places) == len(set(places)):
        return topics
    last: dict[tuple[str, bytes], dict[int, PartitionProduceData]] = {}
    for one in topics:
        parts = last.setdefault((one.name, one.topic_id), {})
        parts.update((data.index, data) for data in one.partition_data)
    return [TopicProduceData(*names, list(parts.values())) for names, parts in last.items()]


def _check_all(request: ProduceRequest, context: RequestContext) -> None:
    """Raise what refuses all of a request, as in Kafka: bytes that no batch begins with,
    transactional batches of a client that may not write them, or of two producers.
    """
    transactional = (
        data.records
        for topic in request.topic_data
        for data in topic.partition_data
        if data.records is not None and begins_transactional(data.records)
    )
    first = next(transactional, None)
    if first is None:
        return
    name = request.transactional_id
    if name is None or not context.is_authorized(Operation.WRITE, Resource.TRANSACTIONAL_ID, name):
        raise KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    whole = (records for records in (first, *transactional) if len(records) >= HEADER_BYTES)
    headers = map(read_header, whole)
    producers = {(one.producer_id, one.producer_epoch) for one in headers if one.producer_id >= 0}
    if len(producers) > 1:
        raise KafkaError(
            ErrorCode.INVALID_PRODUCER_ID_MAPPING,
            "Transactional records contained more than one producer ID",
        )


def _begin(beginning: Beginning, topic: TopicProduceData) -> list[Begun]:
    """Queue the appends to the partitions of one topic."""
    begun: list[Begun] = []
    try:
        name = _writable(topic, beginning.context)
    except KafkaError as refusal:
        return [refused(data.index, refusal) for data in topic.partition_data]
    get = beginning.context.services.partitions.get
    for data in topic.partition_data:
        try:
            begun.append(_start(beginning, get(name, data.index), data, begun))
        except KafkaError as refusal:
            begun.append(refused(data.index, refusal))
    return begun


def _start(
    beginning: Beginning, partition: Partition, data: PartitionProduceData, begun: list[Begun]
) -> int:
    """Queue the append of one partition, whose place is behind `begun`; its number."""
    records = data.records
    if records is None:
        raise KafkaError(ErrorCode.INVALID_RECORD, "no record batch")
    if beginning.context.api_version < FIRST_VERSION_WITH_ZSTD:
        _refuse_zstd(records)
    if beginning.request.acks not in LEGAL_ACKS:
        first_batch(records)  # what is wrong with it is told first
        message = f"acks {beginning.request.acks} is none of -1, 0, 1"
        raise KafkaError(ErrorCode.INVALID_REQUIRED_ACKS, message)
    if _is_closed(partition.topic, beginning.context):
        message = f"Cannot append to internal topic {partition.topic}"
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, message)
    if not _is_transactional(records):
        return beginning.appends.start(partition, records)
    joined = _admit(beginning.request, partition, records, beginning.context)
    joins = beginning.context.api_version >= FIRST_VERSION_JOINING
    try:
        number = beginning.appends.start(
            partition, records, Origin.JOINING if joins else Origin.CLIENT
        )
    except KafkaError:
        if joined is not None:
            joined.close()
        raise
    if joined is not None:
        beginning.admissions.append(Admission(begun, len(begun), data.index, joined))
    return number


def _is_closed(topic: str, context: RequestContext) -> bool:
    """What coordinators write down nobody else may write, but for whom Kafka lets repair it."""
    return topic in INTERNAL_TOPICS and context.client_id != ADMIN_CLIENT_ID


def _is_transactional(records: memoryview) -> bool:
    return len(records) >= HEADER_BYTES and records[ATTRIBUTES_POSITION] & TRANSACTIONAL_BIT != 0


async def _admitted(admissions: Sequence[Admission]) -> None:
    """Wait until transactions know of their partitions; who is not let in is refused."""
    for admission in admissions:
        try:
            await admission.joined
        except KafkaError as refusal:
            admission.begun[admission.place] = refused(admission.index, refusal)


def _writable(topic: TopicProduceData, context: RequestContext) -> str:
    """The name of a topic, if there is one and the client may write to it."""
    name: str | None = topic.name
    if context.api_version >= FIRST_VERSION_BY_ID:
        name = context.services.partitions.name_of(topic.topic_id)
    if name is None:
        message = f"topic id {topic.topic_id.hex()} is not known"
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, message)
    context.require(Operation.WRITE, Resource.TOPIC, name)
    return name


def _admit(
    request: ProduceRequest, partition: Partition, records: memoryview, context: RequestContext
) -> Coroutine[Any, Any, None] | None:
    """Check that a transactional batch belongs to an open transaction, or let it join (KIP-890)."""
    assert request.transactional_id is not None  # or `_check_all` has refused the request
    header = read_header(records)
    try:
        admission: Coroutine[Any, Any, None] | None = context.services.transactions.admit(
            request.transactional_id,
            Producer(header.producer_id, header.producer_epoch),
            (partition.topic, partition.index),
            implicit=context.api_version >= FIRST_VERSION_JOINING,
        )
    except KafkaError as refusal:
        code = _admission_code(refusal.code, context.api_version)
        words = NOT_ADDED if code is ErrorCode.INVALID_TXN_STATE else refusal.message
        raise KafkaError(code, words) from refusal
    return admission


def _admission_code(code: ErrorCode, version: int) -> ErrorCode:
    """What a producer of this version understands when its transaction does not let it write."""
    if code is ErrorCode.PRODUCER_FENCED:
        return ErrorCode.INVALID_PRODUCER_EPOCH  # the one word for it on the produce path
    if code is ErrorCode.TRANSACTION_ABORTABLE and version < FIRST_VERSION_WITH_ABORTABLE:
        return ErrorCode.INVALID_TXN_STATE
    is_passing = code is ErrorCode.CONCURRENT_TRANSACTIONS and version < FIRST_VERSION_JOINING
    if is_passing or code in PASSING:
        return ErrorCode.NOT_ENOUGH_REPLICAS  # producers retry after this one
    return code


def _count(
    topic: TopicProduceData, answers: list[PartitionProduceResponse], context: RequestContext
) -> None:
    """Only topics that exist are counted: what clients name must not become series."""
    name: str | None = topic.name
    if context.api_version >= FIRST_VERSION_BY_ID:
        name = context.services.partitions.name_of(topic.topic_id)
    if name is None or name not in context.services.cluster.image.topics:
        return
    for answer in answers:
        if answer.error_code != ErrorCode.NONE:
            tell_log_start(answer, context.services.partitions.find(name, answer.index))
    counters = context.services.metrics.logs.topic(name)
    counters.produce_requests += len(answers)
    count_refused(
        counters,
        [(one, data.records) for one, data in zip(answers, topic.partition_data, strict=True)],
    )


def _refuse_zstd(records: memoryview) -> None:
    codec = records[ATTRIBUTES_POSITION] & CODEC_MASK if len(records) > ATTRIBUTES_POSITION else 0
    if codec == Codec.ZSTD:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
            f"zstd needs Produce v{FIRST_VERSION_WITH_ZSTD} or newer",
        )


def _close_if_refused(responses: list[TopicProduceResponse]) -> None:
    """Without an answer only a closed connection tells a producer that it must look again."""
    for topic in responses:
        for answer in topic.partition_responses:
            if answer.error_code != ErrorCode.NONE:
                code = ErrorCode(answer.error_code).name.lower()
                raise ConnectionAbortedError(f"acks=0 produce refused: {code} topic={topic.name}")


def repeat(request: ProduceRequest, context: RequestContext) -> RepeatedAppends | None:
    """How to append once more what goes to the same partitions in the same way."""
    services = context.services
    if (
        request.acks not in (1, -1)
        or request.transactional_id is not None  # its batches are looked at every time
        or context.api_version < FIRST_VERSION_WITH_ZSTD  # these are looked into each time
        or services.security.quotas.active
        or not 0 < sum([len(topic.partition_data) for topic in request.topic_data]) <= REPEATED_MAX
        or _each_once(request.topic_data) is not request.topic_data
    ):
        return None
    found = []
    try:
        for topic in request.topic_data:
            name = _writable(topic, context)
            if _is_closed(name, context):
                return None
            found.append([services.partitions.get(name, one.index) for one in topic.partition_data])
    except KafkaError:
        return None
    cluster = services.cluster
    image = cluster.image
    return RepeatedAppends(
        request,
        found,
        services.metrics.logs,
        lambda: cluster.image is image,
        by_id=context.api_version >= FIRST_VERSION_BY_ID,
    )


HANDLER = Handler(
    ApiKey.PRODUCE,
    versions=Versions(FIRST_VERSION, 13),
    request_type=ProduceRequest,
    handle=produce,
    pipelined=True,
    repeat=repeat,
)
