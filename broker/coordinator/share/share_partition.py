"""One partition as a share group reads it: what happened to each record, pure (KIP-932).

    available -> acquired (given to one member, locked, for a time) -> acknowledged | archived
                     -> available again, when it was released or its lock ended

What lies before `start` is done with, what lies from `end` on was never given. What a member was
given lives in memory only: after a restart it is available again. Everything else changes by
`apply` of the records that a decision leads to, live and at a restart alike. How records are given
stands in `acquiring`.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from enum import IntEnum

from broker.coordinator.share.in_flight import DONE, NEVER, Chunk, Fate, InFlight, Piece, State
from broker.coordinator.share.records import (
    NOT_COUNTED,
    UNCHANGED,
    ShareSnapshot,
    ShareUpdate,
    StateBatch,
)
from broker.errors import ErrorCode, KafkaError

ENDED = 0.0
"""A lock that is over."""

Answer = tuple[int, int, list[int]]
"""First offset, last offset, what the member says: one word for all, or one for each."""
Changes = list[StateBatch]
"""New fates, in ascending order of offsets."""
Answered = tuple[int, Piece]
"""Number of the live record with the answer, and who held what before it."""


class Acknowledge(IntEnum):
    """What a member says of a record."""

    GAP = 0
    ACCEPT = 1
    RELEASE = 2
    REJECT = 3
    RENEW = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """Settings of the share group."""

    delivery_count_max: int = 5
    in_flight_max: int = 2000
    lock_ms: int = 30_000

    @property
    def slow_from(self) -> int:
        """Deliveries after which records come in ever smaller runs: one of them may be bad."""
        return max(2, (self.delivery_count_max + 1) // 2)


@dataclass(slots=True)
class SharePartition:
    start: int = UNCHANGED
    end: int = UNCHANGED
    state_epoch: int = 0
    snapshot_epoch: int = 0
    updates: int = 0
    """Since the last snapshot."""
    created_ms: int = 0
    in_flight: InFlight = field(default_factory=InFlight)
    holes_end: int = 0
    """Offsets below this that are in no chunk were given before a restart, and never answered."""

    was_read: bool = False
    """Since the broker started, or the group began here."""
    delivered: int = NOT_COUNTED
    """Records from `start` on that are done with, as of the last answer of a member."""
    written: int = 0
    """Live records so far."""
    on_the_way: list[Answered] = field(default_factory=list)
    """What members held before they answered, until the answers are on the disk."""

    @property
    def is_known(self) -> bool:
        """Whether it was decided where the group begins."""
        return self.start != UNCHANGED

    @property
    def told_start(self) -> int:
        """The start for administrators: not before a member answered, or somebody set it."""
        return UNCHANGED if self.delivered == NOT_COUNTED and not self.state_epoch else self.start

    def pieces(self) -> Iterator[Piece]:
        """All that was given and is not done with, in order."""
        for chunk in self.in_flight:
            yield from chunk.pieces()

    def next_offset(self) -> int:
        """From where to read for somebody: the first available record, or the first new one."""
        available = (first for first, _, fate in self.pieces() if fate.state is State.AVAILABLE)
        return min(next(available, self.end), self.first_hole())

    def first_hole(self) -> int:
        """The first record that a restart forgot to whom it was given; `end` if there is none."""
        holes = self.in_flight.holes(self.start, self.holes_end - 1)
        return holes[0][0] if holes else self.end

    def next_deadline(self) -> float:
        """When the next lock ends."""
        return min((fate.lock_ends_at for _, _, fate in self.pieces()), default=NEVER)

    # -- answers of members ------------------------------------------------------------------

    def acknowledge(
        self, member_id: str, answers: Sequence[Answer], now: float, limits: Limits
    ) -> Changes:
        """New fates by the member's word; nothing but locks is changed yet. All or a KafkaError."""
        changes: Changes = []
        renewed: list[Fate] = []
        for first, last, types in answers:
            for begin, end, fate in self._answered(member_id, first, last, types):
                kind = types[0] if len(types) == 1 else types[begin - first]
                if kind == Acknowledge.RENEW:
                    renewed.append(fate)
                    continue
                new = given_back(fate, limits) if kind == Acknowledge.RELEASE else State.ARCHIVED
                if kind == Acknowledge.ACCEPT:
                    new = State.ACKNOWLEDGED
                changes.append(StateBatch(begin, end, int(new), fate.count))
        for fate in renewed:
            fate.lock_ends_at = now + limits.lock_ms
        return changes

    def _answered(self, member_id: str, first: int, last: int, types: list[int]) -> Iterator[Piece]:
        """What the member answers for: it holds all of it. Chunks answered in part are split."""
        if last < self.start:
            return
        chunks = self._chunks_of_answer(first, last)
        for chunk in chunks:
            if chunk.whole is not None:
                _check_held(member_id, chunk.whole)
            is_in_part = chunk.first < first or last < chunk.last or chunk.first < self.start
            if is_in_part or len(types) > 1:
                chunk.split()
            for begin, end, fate in chunk.pieces(max(first, self.start)):
                if begin > last:
                    break
                if chunk.whole is None:
                    _check_held_alone(member_id, fate)
                yield begin, end, fate

    def _chunks_of_answer(self, first: int, last: int) -> list[Chunk]:
        chunks = self.in_flight.between(max(first, self.start), last)
        if last >= self.end:
            which = "first" if first >= self.end else "last"
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"Batch record not found. The {which} offset in request is past acquired records.",
            )
        if not chunks:
            raise KafkaError(
                ErrorCode.INVALID_RECORD_STATE,
                "Batch record not found. The request batch offsets are not found in the cache.",
            )
        return chunks

    def release(self, member_id: str, limits: Limits) -> Changes:
        """New fates of all that the member holds: it is gone."""
        return [
            StateBatch(first, last, int(given_back(fate, limits)), fate.count)
            for first, last, fate in self.pieces()
            if fate.state is State.ACQUIRED and fate.member_id == member_id
        ]

    def late(self, now: float, limits: Limits) -> Changes:
        """New fates of records whose locks ended."""
        return [
            StateBatch(first, last, int(given_back(fate, limits)), fate.count)
            for first, last, fate in self.pieces()
            if fate.lock_ends_at <= now
        ]

    # -- records -----------------------------------------------------------------------------

    def start_after(self, changes: Changes, log_start: int = 0) -> int:
        """Where the group begins once these changes are made, and the log begins at `log_start`."""
        start = max(self.start, log_start)
        hole = self.first_hole()
        for chunk in self.in_flight.between(start, self.end):
            for first, _, fate in chunk.pieces(start):
                if hole < first:
                    return max(start, hole)
                if fate.state not in DONE and not _is_done(changes, first):
                    return first
        return max(start, min(hole, self.end))

    def update(self, changes: Changes, start: int) -> ShareUpdate:
        """The record of changes; what lies before the new start needs none."""
        lasting = [
            StateBatch(max(start, one.first_offset), one.last_offset, *_fate_of(one))
            for one in changes
            if one.last_offset >= start
        ]
        return ShareUpdate(
            snapshot_epoch=self.snapshot_epoch,
            start_offset=start,
            state_batches=list(joined(lasting)),
            delivery_complete_count=sum(
                last - max(start, first) + 1
                for first, last, fate in self.pieces()
                if last >= start and (fate.state in DONE or _is_done(changes, first))
            ),
        )

    def snapshot(self, now_ms: int) -> ShareSnapshot:
        """The whole state as the log shall know it: what is given out is available there."""
        lasting = (
            StateBatch(first, last, int(State.AVAILABLE), fate.kept_count)
            if fate.state is State.ACQUIRED
            else StateBatch(first, last, int(fate.state), fate.count)
            for first, last, fate in self.pieces()
            if fate.state in DONE or fate.kept_count
        )
        return ShareSnapshot(
            snapshot_epoch=self.snapshot_epoch + 1,
            state_epoch=self.state_epoch,
            start_offset=self.start,
            create_timestamp=self.created_ms,
            write_timestamp=now_ms,
            state_batches=list(joined(lasting)),
            delivery_complete_count=self.delivered,
        )

    def apply(self, value: ShareSnapshot | ShareUpdate, *, live: bool) -> None:
        """Become what the record says; live, what members hold stays theirs."""
        self.delivered = value.delivery_complete_count
        self.written += live
        if isinstance(value, ShareUpdate):
            if live:
                self.on_the_way += [(self.written, piece) for piece in self._held_before(value)]
            self._move_start(value.start_offset)
            self._put(value.state_batches)
            self.updates += 1
        else:
            is_the_same = live and self.is_known and value.state_epoch == self.state_epoch
            self.snapshot_epoch, self.updates = value.snapshot_epoch, 0
            self.state_epoch, self.created_ms = value.state_epoch, value.create_timestamp
            if not is_the_same:
                self.in_flight = InFlight()
                self.start = self.end = value.start_offset
                self.holes_end = self.start
                self._put(value.state_batches)
        if not live:
            self.holes_end = self.end

    def landed(self, written: int) -> None:
        """So many live records are on the disk: what they answered is not held any more."""
        self.on_the_way = [one for one in self.on_the_way if one[0] > written]

    def _held_before(self, update: ShareUpdate) -> Iterator[Piece]:
        """What members hold of the records that the update is about."""
        for first, last, fate in self.pieces():
            if fate.state is not State.ACQUIRED:
                continue
            if first < update.start_offset:
                yield first, min(last, update.start_offset - 1), copy(fate)
            for one in update.state_batches:
                if first <= one.last_offset and one.first_offset <= last:
                    begin, end = max(first, one.first_offset), min(last, one.last_offset)
                    yield begin, end, copy(fate)

    def take_over(self, before: "SharePartition") -> None:
        """What was known in memory before the log was read again: who holds what, and how often.

        An append that failed had been applied before. What it said of a record that was given is
        not so: who held it holds it until the lock ends, and may answer again (as in Kafka).
        """
        if before.state_epoch != self.state_epoch or not self.is_known:
            return
        self.was_read = before.was_read
        answered = [piece for _, piece in before.on_the_way]
        for first, last, fate in [*answered, *before.pieces()]:
            self._take_over(max(first, self.start), last, fate)
            self.end = max(self.end, last + 1)
        self.holes_end = max(self.holes_end, min(before.start, self.end))

    def _take_over(self, first: int, last: int, before: Fate) -> None:
        """The records of one piece, where the log does not know as much of them."""
        if before.state is State.ACQUIRED:
            taken = before
        elif before.count:
            taken = Fate(State.ACQUIRED, before.count, lock_ends_at=ENDED)
        else:
            taken = Fate(State.AVAILABLE, 0)
        known = [
            (max(begin, first), min(end, last), fate.kept_count)
            for chunk in self.in_flight.between(first, last)
            for begin, end, fate in chunk.pieces(first)
            if begin <= last and fate.state not in DONE and fate.count < before.count
        ]
        for begin, end in self.in_flight.holes(first, last):
            self.in_flight.add(Chunk(begin, end, replace(taken, kept_count=0)))
        for begin, end, kept_count in known:
            for chunk in self.in_flight.between(begin, end):
                chunk.put(begin, end, replace(taken, kept_count=kept_count))

    def _move_start(self, start: int) -> None:
        if start != UNCHANGED:
            self.in_flight.begin_at(start)
            self.start, self.end = start, max(start, self.end)

    def _put(self, batches: Iterable[StateBatch]) -> None:
        for batch in batches:
            first, last = max(batch.first_offset, self.start), batch.last_offset
            fate = Fate(
                State(batch.delivery_state), batch.delivery_count, kept_count=batch.delivery_count
            )
            for begin, end in self.in_flight.holes(first, last):
                self.in_flight.add(Chunk(begin, end, fate))
            for chunk in self.in_flight.between(first, last):
                chunk.put(first, last, fate)
            self.end = max(self.end, last + 1)


def given_back(fate: Fate, limits: Limits) -> State:
    """Somebody else may have it, unless it was tried often enough."""
    return State.ARCHIVED if fate.count >= limits.delivery_count_max else State.AVAILABLE


def _check_held(member_id: str, fate: Fate) -> None:
    if fate.state is not State.ACQUIRED:
        raise KafkaError(
            ErrorCode.INVALID_RECORD_STATE,
            "The batch cannot be acknowledged. The batch is not in the acquired state.",
        )
    if fate.member_id != member_id:
        raise KafkaError(ErrorCode.INVALID_RECORD_STATE, "Member is not the owner of batch record")


def _check_held_alone(member_id: str, fate: Fate) -> None:
    if fate.state is not State.ACQUIRED:
        raise KafkaError(
            ErrorCode.INVALID_RECORD_STATE,
            "The offset cannot be acknowledged. The offset is not acquired.",
        )
    if fate.member_id != member_id:
        raise KafkaError(ErrorCode.INVALID_RECORD_STATE, "Member is not the owner of offset")


def _is_done(changes: Changes, offset: int) -> bool:
    """Whether the changes bring the record to its end."""
    slot = bisect_right(changes, offset, key=lambda one: one.first_offset)
    if not slot:
        return False
    change = changes[slot - 1]
    return change.last_offset >= offset and change.delivery_state in DONE


def _fate_of(one: StateBatch) -> tuple[int, int]:
    return one.delivery_state, one.delivery_count


def joined(runs: Iterable[StateBatch]) -> Iterator[StateBatch]:
    """Neighbours with the same fate as one; `runs` in ascending order."""
    last: StateBatch | None = None
    for run in runs:
        if last is not None:
            is_next = run.first_offset == last.last_offset + 1
            if is_next and _fate_of(run) == _fate_of(last):
                last.last_offset = run.last_offset
                continue
            yield last
        last = run
    if last is not None:
        yield last
