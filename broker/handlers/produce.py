"""Produce (API key 0): appends one record batch to each of some partitions.

v9 is flexible; v10 tells the current leader with NOT_LEADER_OR_FOLLOWER (KIP-951); v13 names topics
by id (KIP-516). Versions 0 to 2 are advertised but not served: librdkafka before 2.8.1 looks at the
lower bound to decide whether the broker knows compression (KAFKA-18659).

acks 0: no answer; acks 1: answered when written; acks all: when committed. All appends of a request
are queued before the first wait, so requests of one connection keep their order in the logs.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from broker.coordinator.transaction.transaction import Producer
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.partition.appends import Appends
from broker.partition.partition import AppendWish, Partition
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.produce import (
    BatchIndexAndErrorMessage,
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from broker.records.batch import HEADER_BYTES, read_header
from broker.records.validate import RecordsRefused
from broker.security.acls import Operation, Resource
from broker.storage.log import AppendInfo

ACKS_NONE = 0
LEGAL_ACKS = (-1, 0, 1)
FIRST_VERSION = 3
FIRST_VERSION_BY_ID = 13
FIRST_VERSION_WITH_ZSTD = 7  # KIP-110
FIRST_VERSION_REPEATED = FIRST_VERSION_WITH_ZSTD  # older ones are looked into each time
FIRST_VERSION_JOINING = 12  # a write makes its partition part of the transaction (KIP-890)
FIRST_VERSION_WITH_ABORTABLE = 11  # KIP-890 part 1
PASSING = (
    ErrorCode.CONCURRENT_TRANSACTIONS,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
)
ATTRIBUTES_POSITION = 22  # their low byte
CODEC_MASK = 0x07
CODEC_ZSTD = 4
TRANSACTIONAL_BIT = 0x10


@dataclass(slots=True)
class Started:
    """One append of the request, queued."""

    index: int
    number: int
    """In what its `Appends` are told."""
    admission: Coroutine[Any, Any, None] | None
    """Until the transaction knows of the partition the append must not be answered."""


async def produce(request: ProduceRequest, context: RequestContext) -> ProduceResponse | None:
    appends = Appends(AppendWish(request.acks, request.timeout_ms), context.now_ms)
    started = [
        [_start(request, (topic, data), context, appends) for data in topic.partition_data]
        for topic in request.topic_data
    ]
    await _admitted(started)
    told = await appends.finished()
    by_id = context.api_version >= FIRST_VERSION_BY_ID
    responses = []
    for topic, begun in zip(request.topic_data, started, strict=True):
        answers = [
            one
            if isinstance(one, PartitionProduceResponse)
            else _answer(one.index, told[one.number])
            for one in begun
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


def _start(
    request: ProduceRequest,
    wanted: tuple[TopicProduceData, PartitionProduceData],
    context: RequestContext,
    appends: Appends,
) -> Started | PartitionProduceResponse:
    """Queue the append of one partition, or its refusal."""
    topic, data = wanted
    records = data.records
    try:
        if request.acks not in LEGAL_ACKS:
            raise KafkaError(
                ErrorCode.INVALID_REQUIRED_ACKS, f"acks {request.acks} is none of -1, 0, 1"
            )
        partition = _partition(topic, data.index, context)
        if records is None:
            raise KafkaError(ErrorCode.INVALID_RECORD, "no record batch")
        if context.api_version < FIRST_VERSION_WITH_ZSTD:
            _refuse_zstd(records)
        admission = _admit(request, partition, records, context)
        if admission is None:
            return Started(data.index, appends.start(partition, records), None)
        try:
            return Started(data.index, appends.start(partition, records), admission)
        except KafkaError:
            admission.close()
            raise
    except KafkaError as refusal:
        return _refused(data.index, refusal)


async def _admitted(started: list[list[Started | PartitionProduceResponse]]) -> None:
    """Wait until transactions know of their partitions; who is not let in is refused."""
    for begun in started:
        for place, one in enumerate(begun):
            if isinstance(one, Started) and one.admission is not None:
                try:
                    await one.admission
                except KafkaError as refusal:
                    begun[place] = _refused(one.index, refusal)


def _partition(topic: TopicProduceData, index: int, context: RequestContext) -> Partition:
    """The partition, if the client may write to it."""
    partitions = context.services.partitions
    if context.api_version >= FIRST_VERSION_BY_ID:
        partition = partitions.get_by_id(topic.topic_id, index)
        context.require(Operation.WRITE, Resource.TOPIC, partition.topic)
        return partition
    context.require(Operation.WRITE, Resource.TOPIC, topic.name)
    return partitions.get(topic.name, index)


def _admit(
    request: ProduceRequest, partition: Partition, records: memoryview, context: RequestContext
) -> Coroutine[Any, Any, None] | None:
    """Check that a transactional batch belongs to an open transaction, or let it join (KIP-890)."""
    if len(records) < HEADER_BYTES or not records[ATTRIBUTES_POSITION] & TRANSACTIONAL_BIT:
        return None
    if request.transactional_id is None:
        message = "a transactional batch in a request without transactional id"
        raise KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, message)
    context.require(Operation.WRITE, Resource.TRANSACTIONAL_ID, request.transactional_id)
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
        raise KafkaError(code, refusal.message) from refusal
    return admission


def _admission_code(code: ErrorCode, version: int) -> ErrorCode:
    """What a producer of this version understands when its transaction does not let it write."""
    if code is ErrorCode.PRODUCER_FENCED:
        return ErrorCode.INVALID_PRODUCER_EPOCH  # the one word for it on the produce path
    if code is ErrorCode.TRANSACTION_ABORTABLE and version < FIRST_VERSION_WITH_ABORTABLE:
        return ErrorCode.INVALID_TXN_STATE
    if code in PASSING and version < FIRST_VERSION_JOINING:
        return ErrorCode.NOT_ENOUGH_REPLICAS  # old producers retry after this one
    return code


def _answer(index: int, told: AppendInfo | Exception | None) -> PartitionProduceResponse:
    if isinstance(told, AppendInfo):
        return PartitionProduceResponse(
            index,
            ErrorCode.NONE,
            told.first_offset,
            told.log_append_time_ms,
            told.log_start_offset,
        )
    if isinstance(told, KafkaError):
        return _refused(index, told)
    assert told is not None, "an append that is finished was told"
    raise told


def _count(
    topic: TopicProduceData, answers: list[PartitionProduceResponse], context: RequestContext
) -> None:
    """Only topics that exist are counted: what clients name must not become series."""
    name: str | None = topic.name
    if context.api_version >= FIRST_VERSION_BY_ID:
        name = context.services.partitions.name_of(topic.topic_id)
    if name is None or name not in context.services.cluster.image.topics:
        return
    counters = context.services.metrics.logs.topic(name)
    counters.produce_requests += len(answers)
    for data, answer in zip(topic.partition_data, answers, strict=True):
        if answer.error_code != ErrorCode.NONE:
            counters.failed_produce_requests += 1
            counters.bytes_rejected += len(data.records or b"")


def _refused(index: int, refusal: KafkaError) -> PartitionProduceResponse:
    answer = PartitionProduceResponse(
        index=index, error_code=refusal.code, base_offset=-1, error_message=refusal.message
    )
    if isinstance(refusal, RecordsRefused):  # KIP-467: the producer may send the others again
        answer.record_errors = [BatchIndexAndErrorMessage(*record) for record in refusal.records]
    return answer


def _refuse_zstd(records: memoryview) -> None:
    if (
        len(records) > ATTRIBUTES_POSITION
        and records[ATTRIBUTES_POSITION] & CODEC_MASK == CODEC_ZSTD
    ):
        raise KafkaError(
            ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
            f"zstd needs Produce v{FIRST_VERSION_WITH_ZSTD} or newer",
        )


def _close_if_refused(responses: list[TopicProduceResponse]) -> None:
    """Without an answer only a closed connection tells a producer that it must look again."""
    for topic in responses:
        for answer in topic.partition_responses:
            if answer.error_code != ErrorCode.NONE:
                raise ConnectionAbortedError(
                    f"acks=0 produce refused: {answer.error_message} topic={topic.name}"
                )


class RepeatedAppend:
    """Appends to one partition, by requests that differ in their batch alone."""

    blanks: tuple[int, ...] = (0x6261_7365_0001, 0x7469_6D65_0002, 0x7374_6172_0003)

    def __init__(
        self, request: ProduceRequest, context: RequestContext, partition: Partition
    ) -> None:
        self._cluster = context.services.cluster
        self._image = self._cluster.image
        self._partition = partition
        self._wish = AppendWish(request.acks, request.timeout_ms)
        self._counters = context.services.metrics.logs.topic(partition.topic)
        self._by_id = context.api_version >= FIRST_VERSION_BY_ID
        self._topic_id = request.topic_data[0].topic_id
        base_offset, append_time_ms, start_offset = self.blanks
        self.blank_response = self._response(
            PartitionProduceResponse(
                partition.index, ErrorCode.NONE, base_offset, append_time_ms, start_offset
            )
        )

    def is_current(self) -> bool:
        return self._cluster.image is self._image

    def start(self, records: memoryview, now_ms: int, answered: Callable[[Any], None]) -> bool:
        if len(records) < HEADER_BYTES or records[ATTRIBUTES_POSITION] & TRANSACTIONAL_BIT:
            return False
        try:
            self._partition.append_then(records, now_ms, self._wish, answered)
        except KafkaError:
            return False
        self._counters.produce_requests += 1
        return True

    def answer(
        self, told: AppendInfo | Exception, records: memoryview
    ) -> tuple[int, ...] | ProduceResponse:
        if isinstance(told, AppendInfo):
            return told.first_offset, told.log_append_time_ms, told.log_start_offset
        if not isinstance(told, KafkaError):
            raise told
        self._counters.failed_produce_requests += 1
        self._counters.bytes_rejected += len(records)
        return self._response(_refused(self._partition.index, told))

    def _response(self, answer: PartitionProduceResponse) -> ProduceResponse:
        name = "" if self._by_id else self._partition.topic
        topic = TopicProduceResponse(name, self._topic_id, [answer])
        return ProduceResponse(responses=[topic])


def repeat(request: ProduceRequest, context: RequestContext) -> RepeatedAppend | None:
    """How to append once more what goes to the same single partition in the same way."""
    services = context.services
    if (
        request.acks not in (1, -1)
        or request.transactional_id is not None  # its batches are looked at every time
        or context.api_version < FIRST_VERSION_REPEATED
        or services.security.quotas.active
        or len(request.topic_data) != 1
        or len(request.topic_data[0].partition_data) != 1
    ):
        return None
    try:
        topic = request.topic_data[0]
        partition = _partition(topic, topic.partition_data[0].index, context)
    except KafkaError:
        return None
    return RepeatedAppend(request, context, partition)


HANDLER = Handler(
    ApiKey.PRODUCE,
    versions=Versions(FIRST_VERSION, 13),
    request_type=ProduceRequest,
    handle=produce,
    pipelined=True,
    repeat=repeat,
)
