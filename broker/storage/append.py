"""One batch on its way into a log: what comes in, what goes to the file, what is answered.

From a client only the first 16 bytes change (base offset, length, leader epoch: outside the CRC),
the rest is written as it came. LogAppendTime sets a bit and max_timestamp, hence the CRC too. A
topic's own compression.type packs the records anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from struct import Struct
from typing import NamedTuple

from crc32c import crc32c

from broker.errors import ErrorCode, KafkaError
from broker.records.batch import CRC_START, HEADER, HEADER_BYTES, assemble, fields_of, read_header
from broker.records.compression import CODEC_BY_NAME, Codec, compress
from broker.records.header import CODEC_MASK, LENGTH_OVERHEAD, LOG_APPEND_TIME_BIT, BatchHeader
from broker.records.record import body_of
from broker.storage.files import Buffer
from broker.storage.log_config import PRODUCER_COMPRESSION, LogConfig
from broker.storage.producer_state import BatchMetadata
from broker.storage.transaction_index import AbortedTransaction

PREFIX = Struct(">qii")
PREFIX_BYTES = 16  # base offset, batch length, leader epoch
NO_TIMESTAMP = -1


class Origin(Enum):
    """Who made a batch: clients are checked, our own coordinators may write control batches."""

    CLIENT = "client"
    JOINING = "client, whose write joins its transaction (transaction version 2)"
    COORDINATOR = "coordinator"


CLIENTS = (Origin.CLIENT, Origin.JOINING)
"""Of these batches everything is checked. Asked of each: a property costs ten times as much."""


@dataclass(slots=True)
class AppendRequest:
    """One batch to append; `records` is written from where it lies."""

    records: memoryview
    leader_epoch: int
    now_ms: int
    origin: Origin = Origin.CLIENT


class AppendInfo(NamedTuple):
    """Where a batch came to lie. `duplicate`: it was there before, nothing was written."""

    first_offset: int
    last_offset: int
    log_append_time_ms: int  # -1 unless the topic has LogAppendTime
    log_start_offset: int
    duplicate: bool
    size_bytes: int


def duplicate_of(batch: BatchMetadata, append_time_ms: int, log_start_offset: int) -> AppendInfo:
    """The answer to a batch that was stored before."""
    return AppendInfo(
        batch.first_offset, batch.last_offset, append_time_ms, log_start_offset, True, 0
    )


class StagedBatch(NamedTuple):
    """A batch that got its offsets and waits for the one write of its group."""

    header: BatchHeader
    chunks: Sequence[Buffer]
    aborted: AbortedTransaction | None


@dataclass(slots=True)
class AppendGroup:
    """Batches for one write; all of them fail or none does."""

    end_offset: int  # of the log, once they are written
    now_ms: int
    results: list[AppendInfo | KafkaError] = field(default_factory=list)
    staged: list[StagedBatch] = field(default_factory=list)
    staged_bytes: int = 0
    first_result: int = 0  # the answers from here on depend on this write

    def written(self) -> None:
        """What was staged is in the file: begin anew."""
        self.staged = []
        self.staged_bytes = 0
        self.first_result = len(self.results)

    def failed(self, refusal: KafkaError, end_offset: int) -> None:
        """Nothing of it is in the file: every answer that built on it is the refusal.

        A retry of a batch that was stored before is still told so: believing that it is not, its
        producer would give it a new epoch and have it stored a second time.
        """
        for number in range(self.first_result, len(self.results)):
            answer = self.results[number]
            stored = isinstance(answer, AppendInfo) and answer.last_offset < end_offset
            if not stored:
                self.results[number] = refusal
        self.end_offset = end_offset
        self.written()


class Placement(NamedTuple):
    """What the broker puts into a batch's header."""

    base_offset: int
    leader_epoch: int
    now_ms: int


def is_stored_as_sent(config: LogConfig) -> bool:
    """Whether a topic's settings never change more than the first 16 bytes of a batch."""
    return config.compression_type == PRODUCER_COMPRESSION and not config.log_append_time


def place_as_sent(
    header: BatchHeader, records: memoryview, base_offset: int, leader_epoch: int
) -> tuple[BatchHeader, list[Buffer]]:
    """The header as it will stand in the log, and the bytes to write, uncopied."""
    length = header.batch_length
    prefix = PREFIX.pack(base_offset, length, leader_epoch)
    placed = BatchHeader(base_offset, length, leader_epoch, *header[3:])
    return placed, [prefix, records[PREFIX_BYTES : LENGTH_OVERHEAD + length]]


def place(
    header: BatchHeader, records: memoryview, config: LogConfig, placement: Placement
) -> tuple[BatchHeader, list[Buffer]]:
    """As `place_as_sent`, for topics with a clock or a codec of their own."""
    codec = header.attributes & CODEC_MASK
    wanted = codec
    if config.compression_type != PRODUCER_COMPRESSION and not header.is_control:
        wanted = CODEC_BY_NAME[config.compression_type]
    if wanted != codec or config.log_append_time:
        return _place_changed(header, records, config, placement, wanted)
    return place_as_sent(header, records, placement.base_offset, placement.leader_epoch)


def _place_changed(
    header: BatchHeader,
    records: memoryview,
    config: LogConfig,
    placement: Placement,
    codec: int,
) -> tuple[BatchHeader, list[Buffer]]:
    """As `place`, for a batch whose CRC changes."""
    attributes = header.attributes & ~CODEC_MASK | codec
    max_timestamp = header.max_timestamp
    if config.log_append_time:
        attributes |= LOG_APPEND_TIME_BIT
        max_timestamp = placement.now_ms
    if codec != header.codec:
        fields = fields_of(header)._replace(
            base_offset=placement.base_offset,
            leader_epoch=placement.leader_epoch,
            attributes=attributes,
            max_timestamp=max_timestamp,
        )
        level = config.level_of(Codec(codec))
        batch = assemble(fields, compress(codec, _sent_body(header, records), level))
        if len(batch) > config.max_message_bytes:
            raise KafkaError(
                ErrorCode.MESSAGE_TOO_LARGE,
                f"batch of {len(batch)} bytes in the topic's codec, max.message.bytes is"
                f" {config.max_message_bytes}",
            )
        return read_header(batch), [batch]
    placed = header._replace(
        base_offset=placement.base_offset,
        partition_leader_epoch=placement.leader_epoch,
        attributes=attributes,
        max_timestamp=max_timestamp,
    )
    body = records[HEADER_BYTES : header.size_bytes]
    placed = placed._replace(crc=crc32c(body, crc32c(HEADER.pack(*placed)[CRC_START:])))
    return placed, [HEADER.pack(*placed), body]


def _sent_body(header: BatchHeader, records: memoryview) -> bytes:
    """The records unpacked; damage under a right CRC is the producer's, not to be sent again."""
    try:
        return body_of(header, records)
    except KafkaError as damage:
        raise KafkaError(ErrorCode.INVALID_RECORD, damage.message) from damage
