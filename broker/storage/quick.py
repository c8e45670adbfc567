"""Appends that are sure to be one write of a few bytes to the page cache and nothing else.

They need no thread (docs/adr): a hop to one costs several times the write itself. Batches as
nearly all clients send them are checked here by the shortest way; whatever is not plainly one of
them is left to `append_many`, which knows what is wrong with it, if anything is.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crc32c import crc32c

from broker.errors import KafkaError
from broker.records.batch import CRC_START, HEADER, HEADER_BYTES, MAGIC
from broker.records.compression import Codec, decompress
from broker.records.header import CODEC_MASK, LENGTH_OVERHEAD, TRANSACTIONAL_BIT, BatchHeader
from broker.records.survey import survey
from broker.records.validate import TIMESTAMP_UNBOUNDED_MS, ProduceLimits
from broker.storage.append import (
    CLIENTS,
    NO_TIMESTAMP,
    PREFIX,
    PREFIX_BYTES,
    AppendInfo,
    AppendRequest,
    Origin,
    duplicate_of,
)
from broker.storage.files import Buffer
from broker.storage.offset_index import OFFSET_ENTRY
from broker.storage.segment import RELATIVE_OFFSET_MAX, Appended

if TYPE_CHECKING:
    from broker.storage.log import Log

QUICK_UNPACKED_BYTES_MAX = 128 * 1024  # of the records of one batch
QUICK_BYTES_MAX = 65_536 + HEADER_BYTES  # of one batch: 25 us to the page cache
_PLAIN_BITS = CODEC_MASK | TRANSACTIONAL_BIT
_unpack = HEADER.unpack_from

Results = list[AppendInfo | KafkaError]


def append_quickly(log: "Log", requests: Sequence[AppendRequest]) -> Results | None:
    """What `append_many` would answer, if it has nothing to do but check and write.

    None: nothing is changed. There is a roll, a codec, a key to look at, an index to write, a
    batch to refuse, or the disk does not take it.
    """
    if not _may_take(log, len(requests)):
        return None
    state = log.producer_state
    state.begin()
    staged = _stage(log, requests)
    if staged is not None:
        results, appended, chunks = staged
        try:
            if chunks:
                log.active_segment.file.append(chunks)
        except KafkaError:
            pass  # the disk is full: `append_many` is told so as well, and knows whom to refuse
        else:
            if appended:
                log.active_segment.appended(appended, log.config.index_interval_bytes)
                _, last_offset, position, size, _ = appended[-1]
                log.appended(last_offset + 1, position + size, requests[0].now_ms)
            state.keep()
            return results
    state.undo()
    return None


def _may_take(log: "Log", count: int) -> bool:
    """Whether the log, as it is, can take `count` more batches without a roll."""
    segment, config = log.active_segment, log.config
    index_bytes = segment.offset_index.file.size_bytes + count * OFFSET_ENTRY.size
    return log.stored_as_sent and segment.size > 0 and index_bytes <= config.segment_index_bytes


def _stage(
    log: "Log", requests: Sequence[AppendRequest]
) -> tuple[Results, list[Appended], list[Buffer]] | None:
    """Decide on all batches and give them their offsets; None when one is not plain."""
    segment, config, limits = log.active_segment, log.config, log.limits
    roll_ms = config.roll_ms
    epoch_known = log.leader_epochs.latest
    start_offset, end_offset, position = log.start_offset, log.end_offset, segment.size
    offset_max = segment.base_offset + RELATIVE_OFFSET_MAX
    results: Results = []
    appended: list[Appended] = []
    chunks: list[Buffer] = []
    for request in requests:
        records, leader_epoch, now_ms = request.records, request.leader_epoch, request.now_ms
        size = len(records)
        if not HEADER_BYTES <= size <= QUICK_BYTES_MAX or leader_epoch > epoch_known:
            return None
        fields = _unpack(records)
        if request.origin in CLIENTS:
            if not _is_sound(fields, records, limits, now_ms):
                return None
        elif fields[5] & ~_PLAIN_BITS:
            return None
        last_offset = end_offset + fields[6]
        timestamp = fields[8]
        if (
            position + size > config.segment_bytes
            or last_offset > offset_max
            or segment.age_ms(timestamp, now_ms) >= roll_ms
        ):
            return None
        if fields[9] >= 0:
            header = BatchHeader(end_offset, fields[1], leader_epoch, *fields[3:])
            known = _known(log, header, request)
            if known is not None:
                results.append(known)
                continue
        results.append(AppendInfo(end_offset, last_offset, NO_TIMESTAMP, start_offset, False, size))
        chunks.append(PREFIX.pack(end_offset, fields[1], leader_epoch))
        chunks.append(records[PREFIX_BYTES:])
        appended.append((end_offset, last_offset, position, size, timestamp))
        end_offset = last_offset + 1
        position += size
    return results, appended, chunks


def _is_sound(
    fields: tuple[int, ...], records: memoryview, limits: ProduceLimits, now_ms: int
) -> bool:
    """Whether `validate_produce` lets a client's batch pass; False when it has to be asked."""
    base_offset, length, _, magic, crc, attributes, delta, first_ms, largest_ms = fields[:9]
    producer_id, _, sequence, count = fields[9:]
    return (
        magic == MAGIC
        and base_offset == 0
        and length + LENGTH_OVERHEAD == len(records) <= limits.max_message_bytes
        and not attributes & ~_PLAIN_BITS
        and attributes & CODEC_MASK <= Codec.ZSTD
        and count == delta + 1 > 0
        and largest_ms <= now_ms + limits.message_timestamp_after_max_ms
        and limits.message_timestamp_before_max_ms == TIMESTAMP_UNBOUNDED_MS
        and (sequence >= 0 if producer_id >= 0 else not attributes & TRANSACTIONAL_BIT)
        and crc32c(records[CRC_START:]) == crc
        and _latest(records, attributes & CODEC_MASK, count, limits) == largest_ms - first_ms
    )


def _latest(records: memoryview, codec: int, count: int, limits: ProduceLimits) -> int | None:
    """What a survey of the records says; None if they have to be looked at elsewhere."""
    body: bytes | memoryview = records[HEADER_BYTES:]
    try:
        if codec:
            body = decompress(codec, body, QUICK_UNPACKED_BYTES_MAX)
        return survey(body, count, keys=limits.keys_required)
    except KafkaError:
        return None


def _known(
    log: "Log", header: BatchHeader, request: AppendRequest
) -> AppendInfo | KafkaError | None:
    """The answer to a batch that must not be appended; None: its producer's state now has it."""
    state = log.producer_state
    if request.origin in CLIENTS:
        try:
            duplicate = state.check(header, begins_at_zero=request.origin is Origin.JOINING)
        except KafkaError as refusal:
            return refusal
        if duplicate is not None:
            return duplicate_of(duplicate, NO_TIMESTAMP, log.start_offset)
    state.apply(header, request.now_ms)
    return None
