"""One partition as a share group reads it: what happened to each record, pure (KIP-932).

    available -> acquired (given to one member, locked, for a time) -> acknowledged | archived
                     -> available again, when it was released or its lock ended

From `start` on every record below `end` has a fate; those before it are done with. What a member
was given lives in memory only: after a restart it is available again. Everything else changes by
`apply` of the records that a decision leads to, live and at a restart alike.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from broker.coordinator.share.records import UNCHANGED, ShareSnapshot, ShareUpdate, StateBatch
from broker.errors import ErrorCode, KafkaError

NEVER = float("inf")


class State(IntEnum):
    """Kafka's numbers in __share_group_state."""

    AVAILABLE = 0
    ACQUIRED = 1
    ACKNOWLEDGED = 2
    ARCHIVED = 4


class Acknowledge(IntEnum):
    """What a member says of a record."""

    GAP = 0
    ACCEPT = 1
    RELEASE = 2
    REJECT = 3
    RENEW = 4


DONE = (State.ACKNOWLEDGED, State.ARCHIVED)


@dataclass(slots=True)
class Fate:
    """Of one record. `count`: how often it was given to somebody."""

    state: State
    count: int
    member_id: str = ""
    lock_ends_at: float = NEVER
    kept_count: int = 0
    """Deliveries that the log knows of."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Settings of the share group."""

    delivery_count_max: int = 5
    in_flight_max: int = 2000
    lock_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class Portion:
    """How much a member asks for at once."""

    records_max: int = 500
    batch_size: int = 500
    """Records after which a run is ended with the batch of the log."""
    strict: bool = False
    """False: the batch that reaches `records_max` is given whole (share.acquire.mode)."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """A run of records given to a member; offsets inclusive."""

    first_offset: int
    last_offset: int
    delivery_count: int


@dataclass(frozen=True, slots=True)
class Readable:
    """Offsets of one batch of the log; `is_data` False: markers and aborted records."""

    first_offset: int
    last_offset: int
    is_data: bool = True


@dataclass(slots=True)
class SharePartition:
    start: int = UNCHANGED
    end: int = UNCHANGED
    state_epoch: int = 0
    snapshot_epoch: int = 0
    updates: int = 0
    """Since the last snapshot."""
    created_ms: int = 0
    fates: dict[int, Fate] = field(default_factory=dict)
    """By offset, for all of [start, end)."""

    @property
    def is_known(self) -> bool:
        """Whether it was decided where the group begins."""
        return self.start != UNCHANGED

    def next_offset(self) -> int:
        """From where to read for somebody: the first available record, or the first new one."""
        available = (o for o, fate in self.fates.items() if fate.state is State.AVAILABLE)
        return min(available, default=self.end)

    def next_deadline(self) -> float:
        """When the next lock ends."""
        return min((fate.lock_ends_at for fate in self.fates.values()), default=NEVER)

    # -- giving ------------------------------------------------------------------------------

    def acquire(
        self, member_id: str, batches: Sequence[Readable], portion: Portion, now: float, to: Limits
    ) -> list[Acquired]:
        """Give what is available in `batches` (ascending) to the member; nobody else gets it."""
        given: list[int] = []
        for batch in batches:
            if len(given) >= portion.records_max or not self._skip_to(batch.first_offset, to):
                break
            for offset in range(batch.first_offset, batch.last_offset + 1):
                is_enough = portion.strict and len(given) >= portion.records_max
                if is_enough or not self._has_room(offset, to):
                    return self._runs(given, batches, portion)
                fate = self._available(offset)
                if fate is None:
                    continue
                if not batch.is_data:
                    fate.state = State.ARCHIVED
                    continue
                fate.state, fate.member_id = State.ACQUIRED, member_id
                fate.count += 1
                fate.lock_ends_at = now + to.lock_ms
                given.append(offset)
        return self._runs(given, batches, portion)

    def _skip_to(self, offset: int, limits: Limits) -> bool:
        """There are no records between `end` and here: compaction took them.

        False when there is no room to note that: it must wait until earlier records are done.
        """
        if offset <= self.end:
            return True
        if not self.fates:
            self.start = self.end = offset
            return True
        if len(self.fates) + offset - self.end > limits.in_flight_max:
            return False
        for missing in range(self.end, offset):
            self.fates[missing] = Fate(State.ARCHIVED, 0)
        self.end = offset
        return True

    def _has_room(self, offset: int, limits: Limits) -> bool:
        """Whether the record is known already, or may be as a new one."""
        return offset < self.end or len(self.fates) < limits.in_flight_max

    def _available(self, offset: int) -> Fate | None:
        """The record's fate if it may be given."""
        if offset >= self.end:
            self.fates[offset] = Fate(State.AVAILABLE, 0)
            self.end = offset + 1
        fate = self.fates.get(offset)
        return fate if fate is not None and fate.state is State.AVAILABLE else None

    def _runs(
        self, offsets: list[int], batches: Sequence[Readable], portion: Portion
    ) -> list[Acquired]:
        """Neighbours given equally often; a run that is long enough ends with its batch."""
        ends = [batch.last_offset for batch in batches]
        runs = []
        for run in to_batches((offset, self.fates[offset]) for offset in offsets):
            first = run.first_offset
            for end in ends[bisect_left(ends, first) :]:
                last = min(end, run.last_offset)
                if last - first + 1 >= portion.batch_size or last == run.last_offset:
                    runs.append(Acquired(first, last, run.delivery_count))
                    first = last + 1
                if last == run.last_offset:
                    break
        return runs

    # -- answers of members ------------------------------------------------------------------

    def acknowledge(
        self, member_id: str, first: int, last: int, types: list[int], limits: Limits
    ) -> dict[int, Fate]:
        """New fates by offset; nothing is changed yet. All of it or a KafkaError."""
        if last >= self.end:
            which = "first" if first >= self.end else "last"
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"Batch record not found. The {which} offset in request is past acquired records.",
            )
        changes: dict[int, Fate] = {}
        for offset in range(max(first, self.start), last + 1):
            kind = types[0] if len(types) == 1 else types[offset - first]
            fate = self._held(member_id, offset)
            if kind == Acknowledge.ACCEPT:
                changes[offset] = Fate(State.ACKNOWLEDGED, fate.count)
            elif kind == Acknowledge.RELEASE:
                changes[offset] = given_back(fate, limits)
            elif kind in (Acknowledge.REJECT, Acknowledge.GAP):
                changes[offset] = Fate(State.ARCHIVED, fate.count)
        return changes

    def renew(self, member_id: str, first: int, last: int, now: float, limits: Limits) -> None:
        """The locks of these records begin anew."""
        held = [self._held(member_id, o) for o in range(max(first, self.start), last + 1)]
        for fate in held:
            fate.lock_ends_at = now + limits.lock_ms

    def _held(self, member_id: str, offset: int) -> Fate:
        fate = self.fates.get(offset)
        if fate is None or fate.state is not State.ACQUIRED:
            raise KafkaError(
                ErrorCode.INVALID_RECORD_STATE,
                "The batch cannot be acknowledged. The batch is not in the acquired state.",
            )
        if fate.member_id != member_id:
            raise KafkaError(
                ErrorCode.INVALID_RECORD_STATE, "Member is not the owner of batch record"
            )
        return fate

    def release(self, member_id: str, limits: Limits) -> dict[int, Fate]:
        """New fates of all that the member holds: it is gone."""
        return {
            offset: given_back(fate, limits)
            for offset, fate in self.fates.items()
            if fate.state is State.ACQUIRED and fate.member_id == member_id
        }

    def late(self, now: float, limits: Limits) -> dict[int, Fate]:
        """New fates of records whose locks ended."""
        return {
            offset: given_back(fate, limits)
            for offset, fate in self.fates.items()
            if fate.lock_ends_at <= now
        }

    # -- records -----------------------------------------------------------------------------

    def start_after(self, changes: dict[int, Fate], log_start: int = 0) -> int:
        """Where the group begins once these changes are made, and the log begins at `log_start`."""
        start = max(self.start, log_start)
        while start < self.end:
            fate = changes.get(start) or self.fates.get(start)
            if fate is not None and fate.state not in DONE:
                break
            start += 1
        return start

    def update(self, changes: dict[int, Fate], start: int) -> ShareUpdate:
        """The record of changes; what lies before the new start needs none."""
        lasting = sorted((o, fate) for o, fate in changes.items() if o >= start)
        return ShareUpdate(
            snapshot_epoch=self.snapshot_epoch,
            start_offset=start,
            state_batches=list(to_batches(lasting)),
        )

    def snapshot(self, now_ms: int) -> ShareSnapshot:
        """The whole state as the log shall know it: what is given out is available there."""
        lasting = (
            (o, Fate(State.AVAILABLE, f.kept_count) if f.state is State.ACQUIRED else f)
            for o, f in sorted(self.fates.items())
        )
        return ShareSnapshot(
            snapshot_epoch=self.snapshot_epoch + 1,
            state_epoch=self.state_epoch,
            start_offset=self.start,
            create_timestamp=self.created_ms,
            write_timestamp=now_ms,
            state_batches=list(to_batches(lasting)),
        )

    def apply(self, value: ShareSnapshot | ShareUpdate, *, live: bool) -> None:
        """Become what the record says; live, what members hold stays theirs."""
        if isinstance(value, ShareUpdate):
            self._move_start(value.start_offset)
            self._put(value.state_batches)
            self.updates += 1
            return
        is_the_same = live and self.is_known and value.state_epoch == self.state_epoch
        self.snapshot_epoch, self.updates = value.snapshot_epoch, 0
        self.state_epoch, self.created_ms = value.state_epoch, value.create_timestamp
        if not is_the_same:
            self.fates = {}
            self.start = self.end = value.start_offset
            self._put(value.state_batches)

    def _move_start(self, start: int) -> None:
        if start == UNCHANGED:
            return
        for offset in range(self.start, min(start, self.end)):
            self.fates.pop(offset, None)
        self.start, self.end = start, max(start, self.end)

    def _put(self, batches: Iterable[StateBatch]) -> None:
        for batch in batches:
            for offset in range(self.end, batch.first_offset):
                self.fates[offset] = Fate(State.AVAILABLE, 0)
            for offset in range(max(batch.first_offset, self.start), batch.last_offset + 1):
                count = batch.delivery_count
                self.fates[offset] = Fate(State(batch.delivery_state), count, kept_count=count)
            self.end = max(self.end, batch.last_offset + 1)


def given_back(fate: Fate, limits: Limits) -> Fate:
    """Somebody else may have it, unless it was tried often enough."""
    if fate.count >= limits.delivery_count_max:
        return Fate(State.ARCHIVED, fate.count)
    return Fate(State.AVAILABLE, fate.count)


def to_batches(fates: Iterable[tuple[int, Fate]]) -> Iterator[StateBatch]:
    """Runs of neighbours with the same fate; `fates` in ascending order of offsets."""
    run: StateBatch | None = None
    for offset, fate in fates:
        if (
            run is not None
            and offset == run.last_offset + 1
            and (fate.state, fate.count) == (run.delivery_state, run.delivery_count)
        ):
            run.last_offset = offset
            continue
        if run is not None:
            yield run
        run = StateBatch(offset, offset, int(fate.state), fate.count)
    if run is not None:
        yield run
