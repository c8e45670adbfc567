"""What Produce answers for each partition, in Kafka's codes and words, and what it asks of one."""

from collections.abc import Iterable

from broker.errors import ErrorCode, KafkaError
from broker.metrics import TopicCounters
from broker.partition.partition import Partition
from broker.partition.wishes import AppendWish
from broker.protocol.messages.produce import (
    BatchIndexAndErrorMessage,
    PartitionProduceResponse,
    ProduceRequest,
)
from broker.records.validate import RecordsRefused
from broker.storage.log import AppendInfo

WITHOUT_LOG_START = (
    ErrorCode.CORRUPT_MESSAGE,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.MESSAGE_TOO_LARGE,
    ErrorCode.RECORD_LIST_TOO_LARGE,
    ErrorCode.INVALID_REQUIRED_ACKS,
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ErrorCode.KAFKA_STORAGE_ERROR,
    ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
    ErrorCode.INVALID_RECORD,
    ErrorCode.UNKNOWN_TOPIC_ID,
    ErrorCode.INVALID_TOPIC_EXCEPTION,
)
"""Refused before a log looked at the records."""
WITH_WORDS = ErrorCode.INVALID_TXN_STATE, ErrorCode.NOT_ENOUGH_REPLICAS
LEAST_WAIT_MS = 1000
"""timeout.ms bounds the wait for other brokers: of one's own disk Kafka answers whatever it is."""


def append_wish(request: ProduceRequest) -> AppendWish:
    return AppendWish(request.acks, max(request.timeout_ms, LEAST_WAIT_MS))


def answer_of(index: int, told: AppendInfo | Exception) -> PartitionProduceResponse:
    if isinstance(told, AppendInfo):
        offset, time_ms, start = told.first_offset, told.log_append_time_ms, told.log_start_offset
        return PartitionProduceResponse(index, ErrorCode.NONE, offset, time_ms, start)
    if isinstance(told, KafkaError):
        return refused(index, told)
    raise told


def count_refused(
    counters: TopicCounters,
    answers: Iterable[tuple[PartitionProduceResponse, memoryview | None]],
) -> None:
    for answer, records in answers:
        if answer.error_code != ErrorCode.NONE:
            counters.failed_produce_requests += 1
            counters.bytes_rejected += len(records or b"")


def refused(index: int, refusal: KafkaError, words: str = "") -> PartitionProduceResponse:
    """With words where Kafka has some: of records, of transactions, and `words`."""
    answer = PartitionProduceResponse(
        index=index, error_code=refusal.code, base_offset=-1, error_message=words or None
    )
    if refusal.code in WITH_WORDS:
        answer.error_message = refusal.message
    if isinstance(refusal, RecordsRefused):  # KIP-467: the producer may send the others again
        answer.error_message = refusal.message
        answer.record_errors = [BatchIndexAndErrorMessage(*record) for record in refusal.records]
    return answer


def tell_log_start(answer: PartitionProduceResponse, partition: Partition | None) -> None:
    """Where a log begins that refused records itself, as Kafka tells it."""
    if partition is not None and (
        answer.record_errors or answer.error_code not in WITHOUT_LOG_START
    ):
        answer.log_start_offset = partition.log_start_offset
