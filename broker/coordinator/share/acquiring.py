"""How records are given to a member of a share group: which, how many, in which runs (KIP-932).

Whole batches of the log are given, and what came back is given again in the chunks it was given in
before. Records that failed often come in ever smaller runs and at last alone, so that one bad
record does not take its neighbours with it. The rules are those of Kafka 4.2's SharePartition.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.coordinator.share.in_flight import DONE, Chunk, Fate, State
from broker.coordinator.share.records import StateBatch
from broker.coordinator.share.share_partition import Limits, SharePartition, joined


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
    """Offsets of one batch of the log; aborted records are for nobody."""

    first_offset: int
    last_offset: int
    is_aborted: bool = False


@dataclass(slots=True)
class Giving:
    """One member takes from one share partition; `give` once."""

    one: SharePartition
    member_id: str
    portion: Portion
    now: float
    limits: Limits

    def give(self, batches: Sequence[Readable], fetch_offset: int) -> list[Acquired]:
        """Lock what of `batches`, read from `fetch_offset` on, is the member's now."""
        records_max, last = self._bounds(fetch_offset, batches[-1].last_offset)
        if records_max <= 0:
            return []
        self._archive_lost(fetch_offset, batches[0].first_offset)
        given = self._from_chunks(batches, records_max, last)
        return self._without_aborted(given, batches)

    def _bounds(self, fetch_offset: int, last: int) -> tuple[int, int]:
        """How many records may be given at the most, and up to which offset."""
        one = self.one
        in_flight = one.end - one.start if one.in_flight else 0
        room = self.limits.in_flight_max - in_flight
        if room <= 0 and fetch_offset < one.end:  # what came back may be given again
            most = min(self.portion.records_max, one.end - fetch_offset)
            return most, min(last, one.end - 1)
        return min(self.portion.records_max, room), last

    def _archive_lost(self, fetch_offset: int, first: int) -> None:
        """The log has nothing between these any more: compaction took it."""
        lost = Fate(State.ARCHIVED, 0)
        end = min(first, self.one.end)
        for begin, last in self.one.in_flight.holes(fetch_offset, min(end, self.one.holes_end) - 1):
            self.one.in_flight.add(Chunk(begin, last, lost))
        for chunk in self.one.in_flight.between(fetch_offset, end - 1):
            if chunk.whole is None or chunk.whole.state is State.AVAILABLE:
                for begin, last, fate in tuple(chunk.pieces(fetch_offset)):
                    if fate.state is State.AVAILABLE and begin < end:
                        chunk.put(begin, min(last, end - 1), Fate(State.ARCHIVED, fate.count))

    # -- what was given before ---------------------------------------------------------------

    def _from_chunks(
        self, batches: Sequence[Readable], records_max: int, last: int
    ) -> list[Acquired]:
        first = batches[0].first_offset
        chunks = self.one.in_flight.between(first, last)
        if not chunks:
            return self._new(batches, max(first, self.one.start), last, records_max)
        given: list[Acquired] = []
        position = max(first, self.one.start)
        for chunk in chunks:
            if position < min(chunk.first, self.one.holes_end):
                left = records_max - _count(given)
                given += self._new(batches, position, chunk.first - 1, left)
            position = max(position, chunk.last + 1)
            left = records_max - _count(given)
            if left <= 0:
                return given
            is_slow = self._is_slow(chunk, first, last)
            if is_slow and given:
                return given
            again = self._again(chunk, first, last, left)
            given += again
            if is_slow and again:
                return given
        left = records_max - _count(given)
        if left > 0 and position <= last:
            given += self._new(batches, position, last, left)
        return given

    def _is_slow(self, chunk: Chunk, first: int, last: int) -> bool:
        """Whether something in it failed so often that it comes with nothing else."""
        if chunk.whole is not None:
            return chunk.whole.count >= self.limits.slow_from
        return any(
            fate.state is State.AVAILABLE and fate.count >= self.limits.slow_from
            for offset, _, fate in chunk.pieces(first)
            if offset <= last
        )

    def _again(self, chunk: Chunk, first: int, last: int, left: int) -> list[Acquired]:
        """What of the chunk is available, whole if it is and may be."""
        whole = chunk.whole
        if whole is not None and whole.state is not State.AVAILABLE:
            return []
        is_cut = self.portion.strict and chunk.size > left
        is_inside = first <= chunk.first and chunk.last <= last
        if whole is None or is_cut or not is_inside or self._is_slow(chunk, first, last):
            return self._some(chunk, first, last, left)
        whole.acquire(self.member_id, self.now + self.limits.lock_ms)
        return [Acquired(chunk.first, chunk.last, whole.count)]

    def _some(self, chunk: Chunk, first: int, last: int, left: int) -> list[Acquired]:
        """Available records of a chunk, each for itself: a last attempt is made alone."""
        chunk.split()
        lock_ends_at = self.now + self.limits.lock_ms
        attempts, slow_from = self.limits.delivery_count_max, self.limits.slow_from
        isolates = attempts > 2
        most = left if self.portion.strict else chunk.size
        is_slow = False
        runs: list[StateBatch] = []
        for offset, _, fate in chunk.pieces(first):
            if offset > last or len(runs) >= most:
                break
            if fate.state is not State.AVAILABLE:
                continue
            if isolates and runs and fate.count == attempts - 1:
                break
            if not is_slow and fate.count >= slow_from:
                most = min(most, max(1, chunk.size >> (fate.count - slow_from + 1)))
                is_slow = True
            fate.acquire(self.member_id, lock_ends_at)
            runs.append(StateBatch(offset, offset, int(State.ACQUIRED), fate.count))
            if isolates and fate.count == attempts:
                break
        return [Acquired(r.first_offset, r.last_offset, r.delivery_count) for r in joined(runs)]

    # -- what is new -------------------------------------------------------------------------

    def _new(
        self, batches: Sequence[Readable], first: int, last: int, records_max: int
    ) -> list[Acquired]:
        """Records that nobody was given yet, from `first` on; to the end of a batch."""
        one = self.one
        if not one.in_flight:
            first = max(first, one.end)
        if records_max <= 0 or first > last:
            return []
        if records_max < last - first + 1:
            reached = first + records_max - 1
            last = min(last, _end_of_batch(batches, reached))
        runs = self._runs(batches, first, last)
        for begin, end in runs:
            fate = Fate(State.AVAILABLE, 0)
            fate.acquire(self.member_id, self.now + self.limits.lock_ms)
            one.in_flight.add(Chunk(begin, end, fate))
        if next(iter(one.in_flight)).first == first:
            one.start = first
        one.end = max(one.end, last + 1)
        if self.portion.strict and last - first + 1 > records_max:
            (chunk,) = one.in_flight.between(first, last)
            chunk.put(first + records_max, last, Fate(State.AVAILABLE, 0))
            runs = [(first, first + records_max - 1)]
        return [Acquired(begin, end, 1) for begin, end in runs]

    def _runs(self, batches: Sequence[Readable], first: int, last: int) -> list[tuple[int, int]]:
        """A run ends with the batch of the log in which it is long enough."""
        runs = []
        if not self.portion.strict and last - first + 1 > self.portion.batch_size:
            for batch in batches:
                begin = batch.first_offset
                if begin > last:
                    break
                if begin - first >= self.portion.batch_size:
                    runs.append((first, begin - 1))
                    first = begin
        runs.append((first, last))
        return runs

    # -- what is for nobody ------------------------------------------------------------------

    def _without_aborted(
        self, given: list[Acquired], batches: Sequence[Readable]
    ) -> list[Acquired]:
        """Records of aborted transactions are archived at once, and not given."""
        for batch in batches:
            if not batch.is_aborted:
                continue
            for chunk in self.one.in_flight.between(batch.first_offset, batch.last_offset):
                if any(_overlap(run, chunk) for run in given):
                    self._archive_held(chunk, batch)
            given = [left for run in given for left in _outside(run, batch)]
        return given

    def _archive_held(self, chunk: Chunk, batch: Readable) -> None:
        for begin, end, fate in tuple(chunk.pieces(batch.first_offset)):
            is_held = fate.state is State.ACQUIRED and fate.member_id == self.member_id
            if is_held and begin <= batch.last_offset:
                chunk.put(begin, min(end, batch.last_offset), Fate(State.ARCHIVED, fate.count))


def begins_done(one: SharePartition) -> bool:
    """Whether the start can move on: what stands there was archived without a member's word."""
    first = next(one.pieces(), None)
    return first is not None and first[0] <= one.start and first[2].state in DONE


def _count(given: Sequence[Acquired]) -> int:
    return sum(run.last_offset - run.first_offset + 1 for run in given)


def _end_of_batch(batches: Sequence[Readable], offset: int) -> int:
    """The last offset of the batch that holds `offset`; `offset` itself where there is none."""
    for batch in batches:
        if batch.first_offset <= offset <= batch.last_offset:
            return batch.last_offset
    return offset


def _overlap(run: Acquired, chunk: Chunk) -> bool:
    return run.first_offset <= chunk.last and chunk.first <= run.last_offset


def _outside(run: Acquired, batch: Readable) -> list[Acquired]:
    """What of a run lies before and behind the batch."""
    if run.last_offset < batch.first_offset or batch.last_offset < run.first_offset:
        return [run]
    parts = [
        (run.first_offset, batch.first_offset - 1),
        (batch.last_offset + 1, run.last_offset),
    ]
    return [Acquired(first, last, run.delivery_count) for first, last in parts if first <= last]
