"""Looking into a topic: a bounded read that says what it scanned and why it stopped.

The cluster is asked by one reader at a time, for at most a few seconds and a few thousand records;
a page that asks meanwhile waits its turn. Nothing is committed and no group is joined.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from dashboard.cluster.decoded import Shown, decoded
from dashboard.cluster.fitting import Wish, fits, sample
from dashboard.cluster.model import Topic
from dashboard.filters.expressions import Expressions, TooCostly
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.answers import Reading, Record
from tracker.topics import TopicPartition

T = TypeVar("T")

ROWS_MAX: Final = 200
SCANNED_MAX: Final = 5_000  # records looked at for one answer
SECONDS_MAX: Final = 4.0
TESTING_S_MAX: Final = 4.0  # for an expression, beside the reading
READ_AT_ONCE: Final = 500
READ_S: Final = 0.25


class Records(Protocol):
    """Reads from offsets on; answered by tracker.kafka.reader.RecordReader."""

    def start(self, positions: Mapping[TopicPartition, int]) -> None: ...
    def read(self, records_max: int, timeout_s: float) -> Reading: ...
    def stop(self) -> None: ...


class Times(Protocol):
    """Offsets by time and at the ends; answered by tracker.kafka.admin.Admin."""

    def offsets_for_time(
        self, partitions: list[TopicPartition], timestamp_ms: int, timeout_s: float
    ) -> dict[TopicPartition, int]: ...

    def offsets(
        self, partitions: Sequence[TopicPartition], which: str, timeout_s: float
    ) -> dict[TopicPartition, int]: ...


@dataclass(frozen=True, slots=True)
class Found:
    """Records that fit, newest first, and how the search went."""

    rows: tuple[Shown, ...]
    scanned: int
    stopped: str  # why, as half a sentence
    untested: str = ""  # which records an expression failed on, as a sentence


@dataclass(frozen=True, slots=True)
class Desk:
    """Who answers: one reader for all pages."""

    reader: Records
    times: Times
    expressions: Expressions


class Browser:
    """Answers wishes one after the other, in a thread of its own."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="browse")

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._desk.expressions.close()

    async def run(self, ask: Callable[[Desk], T]) -> T:
        """Whatever `ask` does with the desk, when nobody else is at it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, ask, self._desk)

    async def browse(self, topic: Topic, wish: Wish) -> Found:
        """Raises ClusterUnavailable, and Unusable for an expression that is none."""
        return await self.run(lambda desk: search(desk, topic, wish))

    async def check(self, wish: Wish) -> None:
        """Raises Unusable or TooCostly, before anything is read or sent."""
        if wish.filter:
            await self.run(lambda desk: desk.expressions.check(wish.filter))


def search(desk: Desk, topic: Topic, wish: Wish) -> Found:
    """Read and filter; bounded in records, rows, reads and what an expression may cost.

    Raises ClusterUnavailable where nothing came at all: that is not to have found nothing.
    """
    scan = Reach(topic, wish).begin(desk)
    if scan.stopped:
        return Found((), 0, scan.stopped)
    desk.reader.start(scan.positions)
    until_s, trouble = time.monotonic() + SECONDS_MAX, ""
    try:
        while time.monotonic() < until_s:
            reading = desk.reader.read(min(READ_AT_ONCE, scan.left), READ_S)
            trouble = reading.trouble or trouble
            scan.take(reading)
            if scan.stopped:
                break
    finally:
        desk.reader.stop()
    if scan.is_silent:
        said = f"no record came within {SECONDS_MAX:.0f} s"
        raise ClusterUnavailable(f"{said} ({trouble})" if trouble else said)
    newest_first = not wish.seeks
    scan.fitting.sort(key=lambda r: (r.timestamp_ms, r.partition, r.offset), reverse=newest_first)
    rows = tuple(decoded(record) for record in scan.fitting[: wish.rows])
    stopped = scan.stopped or f"it looked for {SECONDS_MAX:.0f} s"
    return Found(rows, scan.scanned, stopped, told_untested(scan.untested))


def told_untested(untested: Counter[str]) -> str:
    """`17 records could not be tested: no such field "x"`; empty where all could."""
    if not untested:
        return ""
    count = untested.total()
    (why, _), *others = untested.most_common()
    more = f" (and {len(others)} more reasons)" if others else ""
    return f"{count} record{'s' * (count != 1)} could not be tested: {why}{more}"


@dataclass(frozen=True, slots=True)
class Reach:
    """What a search looks at, at most."""

    topic: Topic
    wish: Wish
    scanned_max: int = SCANNED_MAX

    def begin(self, desk: Desk) -> "Scan":
        """A search that has read nothing yet; `stopped` where there is nothing to read."""
        if self.wish.filter:
            desk.expressions.check(self.wish.filter)
        starts, ends = _bounds(self.topic, self.wish)
        positions = self._positions(desk, starts, ends)
        if not positions:
            return Scan.of_nothing(self, _why_nothing(self.topic, self.wish), desk.expressions)
        return Scan(self, positions, {place: ends[place] for place in positions}, desk.expressions)

    def _positions(
        self,
        desk: Desk,
        starts: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> dict[TopicPartition, int]:
        """Where to begin in each partition; those that begin at their end are left out."""
        wish = self.wish
        if wish.offset is not None:
            begins = {place: max(wish.offset, start) for place, start in starts.items()}
        elif wish.since_ms is not None:
            begins = desk.times.offsets_for_time(list(starts), wish.since_ms, SECONDS_MAX)
            if silent := sorted(starts.keys() - begins):  # or it would seem to hold nothing
                silent_at = f"{silent[0].topic}-{silent[0].partition}"
                raise ClusterUnavailable(f"{silent_at} does not report an offset for that time")
        else:
            looked = wish.rows if not wish.filters else self.scanned_max
            each = max(1, -(-looked // max(1, len(starts))))
            begins = {place: max(start, ends[place] - each) for place, start in starts.items()}
        return {place: begin for place, begin in begins.items() if begin < ends[place]}


class Scan:
    """One search under way."""

    def __init__(
        self,
        reach: Reach,
        positions: dict[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
        expressions: Expressions,
    ) -> None:
        self._expressions = expressions
        self._testing_s = 0.0
        self._reach = reach
        self._wish = reach.wish
        self._ends = ends
        self._ended: set[TopicPartition] = set()
        self._found = 0
        self.positions = positions  # where to go on; partitions that are read to their end leave
        self.fitting: list[Record] = []
        self.scanned = 0
        self.untested: Counter[str] = Counter()
        self.stopped = ""

    @classmethod
    def of_nothing(cls, reach: Reach, why: str, expressions: Expressions) -> "Scan":
        """One that is over before it began."""
        made = cls(reach, {}, {}, expressions)
        made.stopped = why
        return made

    @property
    def left(self) -> int:
        """Records between here and the ends at most; where records are missing, fewer."""
        return sum(self._ends[place] - at for place, at in self.positions.items())

    @property
    def is_silent(self) -> bool:
        """It was read from, and neither a record nor an end came."""
        return not (self.stopped or self.scanned or self._ended)

    def take(self, reading: Reading) -> None:
        """Look at what was read; `stopped` says when that is enough."""
        candidates: list[Record] = []
        for record in reading.records:
            place = TopicPartition(record.topic, record.partition)
            end = self._ends[place]
            if record.offset < end:  # what arrived after the snapshot is for the next search
                self.scanned += 1
                if fits(record, self._wish):
                    candidates.append(record)
            if record.offset >= end - 1:
                self._ended.add(place)
            self.positions[place] = record.offset + 1
        self._ended |= reading.ended & set(self._ends)
        self.positions = {p: at for p, at in self.positions.items() if p not in self._ended}
        fitting = self._tested(candidates)
        self.fitting += fitting
        self._found += len(fitting)
        if self.stopped:
            return
        if self._wish.seeks and self._found > self._wish.rows:
            self.stopped = f"it found {self._wish.rows}"
        elif self._ended >= set(self._ends):
            self.stopped = "it reached the end"
        elif self._wish.seeks and self._found == self._wish.rows:
            self.stopped = f"it found {self._wish.rows}"
        elif self.scanned >= self._reach.scanned_max:
            self.stopped = f"it looked at {self._reach.scanned_max} records"

    def _tested(self, candidates: list[Record]) -> list[Record]:
        """Those that the expression says fit, if there is one; it may cost so much that we stop."""
        if not self._wish.filter or not candidates:
            return candidates
        began_s = time.monotonic()
        try:
            tested = self._expressions.test(self._wish.filter, list(map(sample, candidates)))
        except TooCostly as error:
            self.stopped = str(error)
            return []
        self.untested += tested.untested
        self._testing_s += time.monotonic() - began_s
        if self._testing_s > TESTING_S_MAX:
            self.stopped = f"the expression took {TESTING_S_MAX:.0f} s"
        return [one for one, fit in zip(candidates, tested.fitting, strict=True) if fit]

    def taken(self) -> list[Record]:
        """What fitted since the last call, in the order of reading."""
        found, self.fitting = self.fitting, []
        return found


def _bounds(
    topic: Topic, wish: Wish
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """Start and end of each partition wished for that has records and a leader."""
    starts: dict[TopicPartition, int] = {}
    ends: dict[TopicPartition, int] = {}
    for part in topic.partitions:
        if part.start is None or part.end is None or part.end <= part.start:
            continue
        if wish.partition in (None, part.index):
            starts[TopicPartition(topic.name, part.index)] = part.start
            ends[TopicPartition(topic.name, part.index)] = part.end
    return starts, ends


def _why_nothing(topic: Topic, wish: Wish) -> str:
    """Half a sentence on a search that has no place to begin."""
    if wish.partition is not None and all(p.index != wish.partition for p in topic.partitions):
        return no_partition(topic, wish.partition)
    if wish.offset and topic.records:
        return f"there is no record from offset {wish.offset} on"
    if wish.since_ms is not None and topic.records:
        return "there is no record from that time on"
    return "there is nothing to read"


def no_partition(topic: Topic, index: int) -> str:
    """Half a sentence on one that is not there."""
    last = len(topic.partitions) - 1
    return f"there is no partition {index}: they are 0 to {last}" if last >= 0 else "it has none"
