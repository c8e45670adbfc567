"""What compaction keeps of one batch."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from broker.records.batch import assemble, fields_of, read_header
from broker.records.compression import compress
from broker.records.header import CONTROL_BIT, DELETE_HORIZON_BIT, BatchHeader
from broker.records.record import Record, decode_records, encode_kept_records
from broker.storage.producer_state import ProducerEntry
from broker.storage.transaction_index import AbortedTransaction

KeyMap = dict[bytes, int]


class AbortedRanges:
    """Which transactional batches were aborted."""

    def __init__(self, entries: Iterable[AbortedTransaction]) -> None:
        self._by_producer: dict[int, list[AbortedTransaction]] = {}
        for entry in entries:
            self._by_producer.setdefault(entry.producer_id, []).append(entry)

    def has(self, header: BatchHeader) -> bool:
        if not header.is_transactional or header.is_control:
            return False
        return any(
            entry.first_offset <= header.base_offset <= entry.last_offset
            for entry in self._by_producer.get(header.producer_id, ())
        )


class CleaningTimes(NamedTuple):
    """When a pass runs, and how long a tombstone stays from then on."""

    now_ms: int
    delete_retention_ms: int


class BatchCleaner:
    """Decides batch by batch, in the order of the log: it remembers open transactions."""

    def __init__(
        self,
        newest: KeyMap,
        aborted: AbortedRanges,
        producers: Mapping[int, ProducerEntry],
        times: CleaningTimes,
    ) -> None:
        self._newest = newest
        self._aborted = aborted
        self._producers = producers
        self.times = times
        self._alive: set[int] = set()  # producers of whose transaction a batch was kept

    def clean(
        self, header: BatchHeader, batch: bytes, *, keep_empty: bool
    ) -> tuple[BatchHeader, bytes] | None:
        """The batch as it stays, with its header; None if it goes.

        `keep_empty`: the batch stays in any case, if need be without records, so that the log
        keeps its offsets. So does the last batch of a producer: it holds its sequence.
        """
        keep_empty = keep_empty or self._is_last_of_producer(header)
        if header.is_control:
            return self._clean_marker(header, batch, keep_empty)
        records = decode_records(header, batch) if header.record_count else []
        kept, tombstones = self._kept_records(header, records)
        if not kept and not keep_empty:
            return None
        if header.is_transactional:
            self._alive.add(header.producer_id)
        needs_horizon = tombstones and not header.has_delete_horizon
        if len(kept) == len(records) and not needs_horizon:
            return header, batch
        return _rebuilt(header, kept, self._horizon() if needs_horizon else None)

    def _kept_records(
        self, header: BatchHeader, records: list[Record]
    ) -> tuple[list[Record], bool]:
        """The records that stay, and whether tombstones are among them."""
        if self._aborted.has(header):
            return [], False
        past_horizon = header.has_delete_horizon and header.base_timestamp <= self.times.now_ms
        kept = []
        tombstones = False
        for record in records:
            if record.key is None or record.offset < self._newest.get(record.key, -1):
                continue
            if record.value is None:
                if past_horizon:
                    continue
                tombstones = True
            kept.append(record)
        return kept, tombstones

    def _clean_marker(
        self, header: BatchHeader, batch: bytes, keep_empty: bool
    ) -> tuple[BatchHeader, bytes] | None:
        """A marker goes once nothing of its transaction is left, and its horizon has passed."""
        if header.producer_id in self._alive:
            self._alive.discard(header.producer_id)
            return header, batch
        if header.record_count == 0:
            return (header, batch) if keep_empty else None
        if not header.has_delete_horizon:
            return _rebuilt(header, decode_records(header, batch), self._horizon())
        if header.base_timestamp > self.times.now_ms or keep_empty:
            return header, batch
        return None

    def _is_last_of_producer(self, header: BatchHeader) -> bool:
        entry = self._producers.get(header.producer_id)
        if entry is None or entry.producer_epoch != header.producer_epoch:
            return False
        if header.attributes & CONTROL_BIT:
            return not entry.window
        return entry.last_offset == header.last_offset

    def _horizon(self) -> int:
        return self.times.now_ms + self.times.delete_retention_ms


def _rebuilt(
    header: BatchHeader, kept: list[Record], horizon_ms: int | None
) -> tuple[BatchHeader, bytes]:
    """The batch with these records only; ids, sequence and offset range stay as they are."""
    attributes = header.attributes
    base_timestamp = header.base_timestamp
    if horizon_ms is not None:
        attributes |= DELETE_HORIZON_BIT
        base_timestamp = horizon_ms
    max_timestamp = header.max_timestamp
    if kept and not header.is_log_append_time:
        max_timestamp = max(record.timestamp_ms for record in kept)
    body = encode_kept_records(kept, header.base_offset, base_timestamp)
    fields = fields_of(header)._replace(
        attributes=attributes,
        base_timestamp=base_timestamp,
        max_timestamp=max_timestamp,
        record_count=len(kept),
    )
    batch = assemble(fields, compress(header.codec, body) if kept else b"")
    return read_header(batch), batch
