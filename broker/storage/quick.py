"""Appends that are sure to be one write of a few bytes to the page cache and nothing else.

They need no thread (docs/adr): a hop to one costs several times the write itself. Batches as
nearly all clients send them are checked here by the shortest way; whatever is not plainly one of
them is left to `append_many`, which knows what is wrong with it, if anything is.

Every line here runs for each log of each request, so that half of a small append is spent in it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crc32c import crc32c

from broker.errors import KafkaError
from broker.records.batch import CRC_START, HEADER, HEADER_BYTES, MAGIC
from broker.records.compression import Codec, decompress
from broker.records.header import (
    CODEC_MASK,
    LENGTH_OVERHEAD,
    TRANSACTIONAL_BIT,
    BatchHeader,
    HeaderFields,
)
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
from broker.storage.segment import RELATIVE_OFFSET_MAX
from broker.storage.tail_map import Appended

if TYPE_CHECKING:
    from broker.storage.log import Log

QUICK_UNPACKED_BYTES_MAX = 128 * 1024  # of the records of one batch
QUICK_BYTES_MAX = 65_536 + HEADER_BYTES  # of one batch: 25 us to the page cache
_PLAIN_ATTRIBUTES = frozenset(int(codec) | bit for codec in Codec for bit in (0, TRANSACTIONAL_BIT))
_unpack = HEADER.unpack_from

Staged = tuple[list[AppendInfo], list[Appended], list[Buffer]]
"""The answers, what is new in the segment, and the bytes to write."""


def write_quickly(log: "Log", requests: Sequence[AppendRequest]) -> Staged | None:
    """Check and write, if `append_many` had nothing else to do: its answers are known then.

    Nobody may look at the log before `take_in`: who waits for an answer need not wait for that.
    None: nothing is changed. There is a roll, a codec, a key to look at, a full index, a batch to
    refuse, or the disk does not take it.
    """
    segment, state = log.active_segment, log.producer_state
    if (
        not log.stored_as_sent
        or segment.size == 0
        or segment.offset_index.file.count + len(requests) > log.index_entries_max
    ):
        return None
    staged: Staged = [], [], []
    try:
        if _stage(log, requests, staged):
            if staged[2]:
                segment.file.append(staged[2])
            state.keep()
            return staged
    except KafkaError:  # `append_many` is told the same, and knows whom to refuse
        pass
    state.undo()
    return None


def take_in(log: "Log", staged: Staged, now_ms: int) -> None:
    """Make what was written quickly part of the log."""
    appended = staged[1]
    if appended:
        log.active_segment.appended(appended, log.config.index_interval_bytes)
        _, last_offset, position, size, _ = appended[-1]
        log.appended(last_offset + 1, position + size, now_ms)


def _stage(log: "Log", requests: Sequence[AppendRequest], staged: Staged) -> bool:
    """Decide on all batches and give them their offsets; False when one is not plain.

    KafkaError for what is refused.
    """
    segment = log.active_segment
    end_offset, position = log.end_offset, segment.size
    results, appended, chunks = staged
    has_begun = False
    for request in requests:
        records, leader_epoch, now_ms = request.records, request.leader_epoch, request.now_ms
        size = len(records)
        if not HEADER_BYTES <= size <= QUICK_BYTES_MAX or leader_epoch > log.leader_epochs.latest:
            return False
        fields = _unpack(records)
        _, length, _, _, _, attributes, delta, _, timestamp, producer_id, _, _, _ = fields
        last_offset = end_offset + delta
        if (
            attributes not in _PLAIN_ATTRIBUTES
            or position + size > log.config.segment_bytes
            or last_offset - segment.base_offset > RELATIVE_OFFSET_MAX
            or segment.age_ms(timestamp, now_ms) >= log.roll_ms
        ):
            return False
        if request.origin in CLIENTS and not _is_sound(fields, records, log.limits, now_ms):
            return False
        if producer_id >= 0:
            if not has_begun:
                log.producer_state.begin()
                has_begun = True
            if not log.producer_state.take_next(fields, end_offset, now_ms):
                known = _known(log, BatchHeader(end_offset, *fields[1:]), request)
                if known is not None:
                    results.append(known)
                    continue
        results.append(
            AppendInfo(end_offset, last_offset, NO_TIMESTAMP, log.start_offset, False, size)
        )
        appended.append((end_offset, last_offset, position, size, timestamp))
        chunks += (PREFIX.pack(end_offset, length, leader_epoch), records[PREFIX_BYTES:])
        end_offset = last_offset + 1
        position += size
    return True


def _is_sound(
    fields: HeaderFields, records: memoryview, limits: ProduceLimits, now_ms: int
) -> bool:
    """Whether `validate_produce` lets a client's batch pass; False when it has to be asked.

    KafkaError for damage.
    """
    (
        base_offset, length, _, magic, crc, attributes, delta,
        first_ms, largest_ms, producer_id, _, sequence, count,
    ) = fields  # fmt: skip
    if not (
        magic == MAGIC
        and base_offset == 0
        and length + LENGTH_OVERHEAD == len(records) <= limits.max_message_bytes
        and count == delta + 1 > 0
        and largest_ms <= now_ms + limits.message_timestamp_after_max_ms
        and limits.message_timestamp_before_max_ms == TIMESTAMP_UNBOUNDED_MS
        and (sequence >= 0 if producer_id >= 0 else not attributes & TRANSACTIONAL_BIT)
        and crc32c(records[CRC_START:]) == crc
    ):
        return False
    body: Buffer = records[HEADER_BYTES:]
    if codec := attributes & CODEC_MASK:
        body = decompress(codec, body, QUICK_UNPACKED_BYTES_MAX)
    return survey(body, count, keys=limits.keys_required) == largest_ms - first_ms


def _known(log: "Log", header: BatchHeader, request: AppendRequest) -> AppendInfo | None:
    """The answer to a batch that is there already; None: its producer's state now has it."""
    state = log.producer_state
    if request.origin in CLIENTS:
        duplicate = state.check(header, begins_at_zero=request.origin is Origin.JOINING)
        if duplicate is not None:
            return duplicate_of(duplicate, NO_TIMESTAMP, log.start_offset)
    state.apply(header, request.now_ms)
    return None
