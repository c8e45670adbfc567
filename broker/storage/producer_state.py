"""What a log knows of its producers: idempotence (KIP-98, KIP-360) and open transactions.

Per producer id: its epoch, its last five batches (a retry of one of them is answered, not
appended), its open transaction. Built from batch headers alone, so that restart and followers
come to the same state. Entries are immutable and replaced whole: other threads may read them
while one thread appends, and a failed write is undone by putting the old entries back.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from broker.errors import ErrorCode, KafkaError
from broker.records.control import ControlType, EndTransactionMarker
from broker.records.header import (
    SEQUENCE_COUNT,
    TRANSACTIONAL_BIT,
    BatchHeader,
    HeaderFields,
)
from broker.storage.transaction_index import AbortedTransaction

WINDOW_BATCHES = 5  # what a producer may have in flight (KIP-98)
_OLDER = slice(1 - WINDOW_BATCHES, None)  # of a window: what stays beside one more
NO_OFFSET = -1
NO_EPOCH = -1
NO_SEQUENCE = -1


class BatchMetadata(NamedTuple):
    """One of the last batches of a producer."""

    first_sequence: int
    last_sequence: int
    last_offset: int
    offset_delta: int
    timestamp: int

    @property
    def first_offset(self) -> int:
        return self.last_offset - self.offset_delta

    @classmethod
    def of(cls, header: BatchHeader) -> "BatchMetadata":
        delta = header.last_offset_delta
        last_offset = header.base_offset + delta
        timestamp = header.max_timestamp
        return cls(header.base_sequence, header.last_sequence, last_offset, delta, timestamp)


class ProducerEntry(NamedTuple):
    """One producer in one partition."""

    producer_id: int
    producer_epoch: int
    window: tuple[BatchMetadata, ...]  # oldest first
    coordinator_epoch: int
    transaction_first_offset: int  # of the open transaction, -1 without one
    last_timestamp: int  # when it was appended last, by our clock: expiry counts from here

    @property
    def last_sequence(self) -> int:
        return self.window[-1].last_sequence if self.window else NO_SEQUENCE

    @property
    def last_offset(self) -> int:
        return self.window[-1].last_offset if self.window else NO_OFFSET


class EndedTransaction(NamedTuple):
    """A transaction whose marker is written, but may not be below the high watermark yet."""

    first_offset: int
    last_offset: int


class ProducerState:
    """All producers of one log; `map_end_offset` is the first offset not yet taken in."""

    def __init__(self) -> None:
        self.entries: dict[int, ProducerEntry] = {}
        self.map_end_offset = 0
        self.ended: tuple[EndedTransaction, ...] = ()
        self._first_ongoing = NO_OFFSET
        self._ongoing: dict[int, int] = {}  # producer id -> first offset, oldest first
        self._undo: list[tuple[int, ProducerEntry | None]] | None = None
        self._undo_ended: tuple[EndedTransaction, ...] = ()

    # deciding -----------------------------------------------------------------------------

    def check(self, header: BatchHeader, *, begins_at_zero: bool = False) -> BatchMetadata | None:
        """May this batch of a client be appended? With `begins_at_zero` a producer that is not
        known begins at sequence 0: all that it wrote before at this epoch would be known (KIP-890).

        None: yes. A batch: no need, it is there already. KafkaError INVALID_PRODUCER_EPOCH,
        OUT_OF_ORDER_SEQUENCE_NUMBER or INVALID_TXN_STATE: no.
        """
        entry = self.entries.get(header.producer_id)
        if entry is None:
            self.check_epoch(header.producer_id, header.producer_epoch)
            if begins_at_zero and header.base_sequence != 0:
                raise KafkaError(
                    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
                    f"producer {header.producer_id} begins at sequence {header.base_sequence}",
                )
            return None  # its state may have expired: any sequence begins anew
        if header.producer_epoch == entry.producer_epoch:
            for batch in entry.window:
                if (
                    batch.first_sequence == header.base_sequence
                    and batch.last_sequence == header.last_sequence
                ):
                    return batch
        self.check_epoch(header.producer_id, header.producer_epoch)
        _check_sequence(header, entry)
        if entry.transaction_first_offset >= 0 and not header.is_transactional:
            raise KafkaError(
                ErrorCode.INVALID_TXN_STATE,
                f"producer {header.producer_id} has an open transaction and writes outside of it",
            )
        return None

    def check_epoch(self, producer_id: int, epoch: int) -> None:
        """INVALID_PRODUCER_EPOCH if a newer one is known, or this one is none at all."""
        entry = self.entries.get(producer_id)
        known = NO_EPOCH if entry is None else entry.producer_epoch
        if epoch < known:
            raise KafkaError(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"epoch {epoch} of producer {producer_id} is before {known}",
            )

    def check_raised_epoch(self, producer_id: int, epoch: int) -> None:
        """INVALID_PRODUCER_EPOCH when the open transaction of a producer has this very epoch.

        With transactions of version 2 a marker comes with the next one (KIP-890, KIP-1228).
        """
        entry = self.entries.get(producer_id)
        if (
            entry is not None
            and entry.transaction_first_offset >= 0
            and epoch == entry.producer_epoch
        ):
            raise KafkaError(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"epoch {epoch} of producer {producer_id} was not raised at the end",
            )

    def check_marker(self, header: BatchHeader, marker: EndTransactionMarker) -> None:
        """KafkaError if a newer producer epoch or a newer coordinator is known."""
        self.check_epoch(header.producer_id, header.producer_epoch)
        entry = self.entries.get(header.producer_id)
        if entry is not None and marker.coordinator_epoch < entry.coordinator_epoch:
            raise KafkaError(
                ErrorCode.TRANSACTION_COORDINATOR_FENCED,
                f"coordinator epoch {marker.coordinator_epoch} of producer {header.producer_id}"
                f" is before {entry.coordinator_epoch}",
            )

    # applying -----------------------------------------------------------------------------

    def apply(self, header: BatchHeader, now_ms: int) -> None:
        """Take in a data batch that stands (or is about to stand) in the log; cannot refuse.

        The producer is alive at `now_ms`, whatever times it gives its records: those of an import
        of old events must not make it be forgotten, and its retries be stored twice.
        """
        producer_id = header.producer_id
        entry = self.entries.get(producer_id)
        batch = BatchMetadata.of(header)
        window: tuple[BatchMetadata, ...] = (batch,)
        coordinator_epoch, first_offset = NO_EPOCH, NO_OFFSET
        if entry is not None:
            coordinator_epoch = entry.coordinator_epoch
            first_offset = entry.transaction_first_offset
            if entry.producer_epoch == header.producer_epoch and _follows(batch, entry.window):
                window = (*entry.window[_OLDER], batch)
        if first_offset < 0 and header.is_transactional:
            first_offset = header.base_offset
            self._ongoing[producer_id] = first_offset
            if self._first_ongoing < 0:
                self._first_ongoing = first_offset
        self._put(
            ProducerEntry(
                producer_id,
                header.producer_epoch,
                window,
                coordinator_epoch,
                first_offset,
                now_ms,
            )
        )

    def take_next(self, fields: HeaderFields, base_offset: int, now_ms: int) -> bool:
        """`check` and `apply` of what producers mostly send: the batch that follows their last one.

        False, and nothing is changed: it is something else, which may be right as well.
        """
        entry = self.entries.get(fields[9])
        if entry is None:
            return False
        producer_id, epoch, window, coordinator_epoch, transaction_first_offset, _ = entry
        _, _, _, _, _, attributes, delta, _, timestamp, _, producer_epoch, sequence, _ = fields
        last_sequence = sequence + delta
        if (
            producer_epoch != epoch
            or not window
            or sequence != window[-1].last_sequence + 1
            or last_sequence >= SEQUENCE_COUNT
            or (transaction_first_offset >= 0) is not (attributes & TRANSACTIONAL_BIT != 0)
        ):
            return False
        batch = BatchMetadata(sequence, last_sequence, base_offset + delta, delta, timestamp)
        if self._undo is not None:
            self._undo.append((producer_id, entry))
        self.entries[producer_id] = ProducerEntry(
            producer_id,
            epoch,
            (*window[_OLDER], batch),
            coordinator_epoch,
            transaction_first_offset,
            now_ms,
        )
        return True

    def apply_marker(
        self, header: BatchHeader, marker: EndTransactionMarker, now_ms: int
    ) -> AbortedTransaction | None:
        """Take in the end of a transaction; what the transaction index must have if it aborted."""
        producer_id = header.producer_id
        entry = self.entries.get(producer_id)
        window: tuple[BatchMetadata, ...] = ()
        first_offset = NO_OFFSET
        if entry is not None:
            first_offset = entry.transaction_first_offset
            if entry.producer_epoch == header.producer_epoch:
                window = entry.window
        self._put(
            ProducerEntry(
                producer_id,
                header.producer_epoch,
                window,
                marker.coordinator_epoch,
                NO_OFFSET,
                now_ms,
            )
        )
        if first_offset < 0:
            return None
        self._close_transaction(producer_id)
        self.ended = (*self.ended, EndedTransaction(first_offset, header.base_offset))
        if marker.control_type is ControlType.COMMIT:
            return None
        stable = self._first_ongoing if self._first_ongoing >= 0 else header.base_offset + 1
        return AbortedTransaction(producer_id, first_offset, header.base_offset, stable)

    def _close_transaction(self, producer_id: int) -> None:
        self._ongoing.pop(producer_id, None)
        self._first_ongoing = min(self._ongoing.values(), default=NO_OFFSET)

    def _put(self, entry: ProducerEntry) -> None:
        if self._undo is not None:
            self._undo.append((entry.producer_id, self.entries.get(entry.producer_id)))
        self.entries[entry.producer_id] = entry

    # undoing ------------------------------------------------------------------------------

    def begin(self) -> None:
        """Remember from here on what is replaced, until `keep` or `undo`."""
        self._undo = []
        self._undo_ended = self.ended

    def keep(self) -> None:
        self._undo = None

    def undo(self) -> None:
        """Be as at `begin`: the batches taken in since were not written."""
        if self._undo is None:
            return
        for producer_id, entry in reversed(self._undo):
            if entry is None:
                del self.entries[producer_id]
            else:
                self.entries[producer_id] = entry
        self._undo = None
        self.ended = self._undo_ended
        self._rebuild_transactions()

    # transactions -------------------------------------------------------------------------

    def first_unstable_offset(self, high_watermark: int) -> int | None:
        """The first offset of a transaction that is open, or ended above the high watermark."""
        first = self._first_ongoing
        for ended in self.ended:
            if ended.last_offset >= high_watermark and (first < 0 or ended.first_offset < first):
                first = ended.first_offset
        return first if first >= 0 else None

    def forget_ended(self, high_watermark: int) -> None:
        """Drop the ended transactions whose marker is below the high watermark."""
        self.ended = tuple(e for e in self.ended if e.last_offset >= high_watermark)

    def _rebuild_transactions(self) -> None:
        ongoing = sorted(
            (entry.transaction_first_offset, producer_id)
            for producer_id, entry in self.entries.items()
            if entry.transaction_first_offset >= 0
        )
        self._ongoing = {producer_id: first_offset for first_offset, producer_id in ongoing}
        self._first_ongoing = ongoing[0][0] if ongoing else NO_OFFSET

    # restoring ----------------------------------------------------------------------------

    def restore(self, entries: Iterable[ProducerEntry], end_offset: int) -> None:
        """Have exactly these entries, true up to `end_offset`."""
        self.entries = {entry.producer_id: entry for entry in entries}
        self.map_end_offset = end_offset
        self.ended = ()
        self._undo = None
        self._rebuild_transactions()

    def refill_window(self, producer_id: int, batches: list[BatchMetadata]) -> None:
        """Give a restored entry its last batches as the log has them, oldest first.

        A snapshot has but the last one, without its timestamp.
        """
        entry = self.entries[producer_id]
        window: tuple[BatchMetadata, ...] = ()
        for batch in batches[-WINDOW_BATCHES:]:
            window = (*window, batch) if _follows(batch, window) else (batch,)
        if window and window[-1].last_offset == entry.last_offset:
            self.entries[producer_id] = entry._replace(window=window)

    def remove_expired(self, now_ms: int, expiration_ms: int) -> int:
        """Drop producers without an open transaction that wrote last so long ago; how many."""
        expired = [
            producer_id
            for producer_id, entry in self.entries.items()
            if entry.transaction_first_offset < 0 and now_ms - entry.last_timestamp >= expiration_ms
        ]
        for producer_id in expired:
            del self.entries[producer_id]
        return len(expired)


def _follows(batch: BatchMetadata, window: Sequence[BatchMetadata]) -> bool:
    """Whether it goes on where the window ends. In the log that need not be so: a producer that
    was forgotten in between may have begun again, and its earlier numbers are no retries then."""
    return bool(window) and batch.first_sequence == (window[-1].last_sequence + 1) % SEQUENCE_COUNT


def _check_sequence(header: BatchHeader, entry: ProducerEntry) -> None:
    if entry.producer_epoch == NO_EPOCH:
        return
    expected = 0
    if header.producer_epoch == entry.producer_epoch:
        expected = (entry.last_sequence + 1) % SEQUENCE_COUNT
    if header.base_sequence != expected:
        raise KafkaError(
            ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
            f"producer {header.producer_id} epoch {header.producer_epoch} sends sequence"
            f" {header.base_sequence}, expected is {expected}",
        )
