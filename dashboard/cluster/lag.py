"""How far behind a group is, in records and in seconds. Pure, but for what LagClock remembers.

Records: max(0, end - max(committed, start)), an upper bound (compaction leaves holes).
Seconds: age of the first record at or after the committed offset, 0 when nothing waits. The best
of these is told, and kept until the commit moves:

1. when the bundled broker appended it (docs/adr/0032), to a tenth of a second or a fiftieth of its
   age; within that its own timestamp is believed, outside of it never;
2. the timestamp of the record, read once;
3. the moment at which the log's end was seen to pass that offset, between two looks;
4. a straight line from the log's first record to its youngest, where records may not be read.

Where none of them is known nothing is made up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dashboard.cluster.end_ring import EndRing
from dashboard.cluster.model import Estimate
from tracker.kafka.answers import LogSpan, Record
from tracker.topics import TopicPartition

READS_PER_POLL_MAX: Final = 20
LINES_PER_LOOK_MAX: Final = 20
EXACT_MS: Final = 1_000  # what is known to a second is called exact

Place = tuple[TopicPartition, int]
"""A partition and a committed offset in it, not below the log's start."""


def offset_lag(committed: int, start: int, end: int) -> int:
    """Records that wait; never negative, and never more than the log still holds."""
    return max(0, end - max(committed, start))


def lost_records(committed: int, start: int) -> int:
    """Records that retention deleted before the group read them."""
    return max(0, start - committed)


def retention_used(committed: int, start: int, end: int) -> float:
    """Share of the log that waits, 0 to 1; at 1 the next deletion takes unread records."""
    if end <= start:
        return 0.0
    return min(1.0, max(0.0, (end - committed) / (end - start)))


@dataclass(frozen=True, slots=True)
class Retention:
    """What deletes records of a topic."""

    ms: int = -1  # -1: age does not; 0: at once
    by_size: bool = False


def at_risk(lag_seconds: float | None, used: float, start: int, retention: Retention) -> float:
    """How near retention is to what waits, 0 to 1.

    By age where age decides and is known; else by place in the log, and only in a log that has
    deleted before (start above 0): a group at the start of a young log is at no risk.
    """
    ages = retention.ms >= 0
    by_age = lag_seconds * 1000 / max(1, retention.ms) if lag_seconds and ages else 0.0
    deletes = retention.by_size or (ages and lag_seconds is None)
    by_place = used if start > 0 and deletes else 0.0
    return min(1.0, max(by_age, by_place))


@dataclass(frozen=True, slots=True)
class Waiting:
    """The first record that waits for a group at one place."""

    timestamp_ms: int | None  # None: only control records wait, the group is caught up
    is_append_time: bool
    end: int  # of the log when it was read
    offset: int = -1  # its own: above the committed one where compaction left a hole


@dataclass(frozen=True, slots=True)
class Appended:
    """Between which moments the broker appended the record at an offset."""

    offset: int
    first_ms: int
    last_ms: int


class LagClock:
    """Remembers the times of first waiting records and the ends of logs."""

    def __init__(self) -> None:
        self._known: dict[Place, Waiting] = {}
        self._appended: dict[Place, Appended] = {}
        self._lines: dict[Place, int] = {}
        self.rings: dict[TopicPartition, EndRing] = {}

    def see_ends(self, now_ms: int, ends: Mapping[TopicPartition, int]) -> None:
        """One poll's log ends; partitions that are gone are forgotten."""
        rings = self.rings
        for place in [place for place in rings if place not in ends]:
            del rings[place]
        for place, end in ends.items():
            ring = rings.get(place)
            if ring is None:
                ring = rings[place] = EndRing()
            ring.add(now_ms, end)

    def forget(self, topics: Iterable[str]) -> None:
        """These topics were made anew: what was known of their offsets no longer holds."""
        gone = set(topics)
        self.rings = {place: ring for place, ring in self.rings.items() if place.topic not in gone}
        self._known = {at: known for at, known in self._known.items() if at[0].topic not in gone}
        self._appended = {at: one for at, one in self._appended.items() if at[0].topic not in gone}
        self._lines = {at: one for at, one in self._lines.items() if at[0].topic not in gone}

    def to_read(self, waiting: Mapping[Place, int]) -> dict[TopicPartition, int]:
        """Which offsets to read now: unknown ones, one a partition, a bounded number.

        `waiting` maps each place where a group waits to the end of its log. Everything else that
        was remembered is forgotten: those commits have moved on.
        """
        self._known = {
            place: known
            for place, known in self._known.items()
            if place in waiting and _still_true(known, waiting[place])
        }
        self._appended = {at: one for at, one in self._appended.items() if at in waiting}
        self._lines = {at: one for at, one in self._lines.items() if at in waiting}
        wanted: dict[TopicPartition, int] = {}
        for partition, offset in waiting:
            if (partition, offset) not in self._known and partition not in wanted:
                wanted[partition] = offset
            if len(wanted) == READS_PER_POLL_MAX:
                break
        return wanted

    def learn(
        self,
        asked: Mapping[TopicPartition, int],
        found: Mapping[TopicPartition, Record | None],
        ends: Mapping[TopicPartition, int],
    ) -> None:
        """What reading brought; a partition missing from `found` is asked again next time."""
        for partition, record in found.items():
            if record is not None and record.timestamp_ms < 0:
                continue  # a record without a time: the ring of ends has to do
            self._known[(partition, asked[partition])] = Waiting(
                None if record is None else record.timestamp_ms,
                record is not None and record.is_append_time,
                ends[partition],
                -1 if record is None else record.offset,
            )

    def to_time(self, waiting: Iterable[Place]) -> dict[Place, int]:
        """Of which offsets the broker is to be asked when it appended them, by place."""
        wanted: dict[Place, int] = {}
        for place in waiting:
            known, told = self._known.get(place), self._appended.get(place)
            offset = place[1] if known is None or known.offset < 0 else known.offset
            if told is None or told.offset != offset:
                wanted[place] = offset
        return wanted

    def tell(self, appended: Mapping[Place, Appended]) -> None:
        """What the broker answered."""
        self._appended |= appended

    def to_draw(self, waiting: Iterable[Place]) -> list[Place]:
        """Places of which nothing at all is known yet, a bounded number."""
        wanted: list[Place] = []
        for place in waiting:
            known = place in self._known or place in self._appended or place in self._lines
            if not known and self._passed_at_ms(place) is None:
                wanted.append(place)
                if len(wanted) == LINES_PER_LOOK_MAX:
                    break
        return wanted

    def draw(self, wanted: Iterable[Place], spans: Mapping[TopicPartition, LogSpan]) -> None:
        """Put a straight line through each log whose span was told."""
        for place in wanted:
            if place[0] in spans:
                self._lines[place] = on_line(spans[place[0]], place[1])

    def _passed_at_ms(self, place: Place) -> int | None:
        ring = self.rings.get(place[0])
        return ring.passed_at_ms(place[1]) if ring is not None else None

    def caught_up(self, place: Place) -> bool:
        """True when all that waits is known to be control records (markers of transactions)."""
        known = self._known.get(place)
        return known is not None and known.timestamp_ms is None

    def seconds(self, place: Place, now_ms: int) -> tuple[float | None, Estimate]:
        """Age of the first record that waits at `place`, clamped to the past."""
        at_ms, kind = self._moment(place)
        return (None if at_ms is None else max(0.0, (now_ms - at_ms) / 1000)), kind

    def _moment(self, place: Place) -> tuple[int | None, Estimate]:
        known, told = self._known.get(place), self._appended.get(place)
        stamp_ms = None if known is None else known.timestamp_ms
        if told is not None:
            if stamp_ms is not None and told.first_ms <= stamp_ms <= told.last_ms:
                return stamp_ms, Estimate.EXACT
            narrow = told.last_ms - told.first_ms <= EXACT_MS
            return told.first_ms, Estimate.EXACT if narrow else Estimate.BOUNDED
        if known is not None and stamp_ms is not None:
            kind = Estimate.EXACT if known.is_append_time else Estimate.PRODUCER_CLOCK
            return stamp_ms, kind
        passed = self._passed_at_ms(place)
        if passed is not None:
            return passed, Estimate.INTERPOLATED
        drawn = self._lines.get(place)
        return drawn, Estimate.UNKNOWN if drawn is None else Estimate.BOUNDED


def on_line(span: LogSpan, offset: int) -> int:
    """When `offset` came, were the log written at one pace; never outside of the span."""
    if offset <= span.first_offset or span.youngest_offset <= span.first_offset:
        return span.first_ms
    share = (offset - span.first_offset) / (span.youngest_offset - span.first_offset)
    return round(span.first_ms + min(1.0, share) * (span.youngest_ms - span.first_ms))


def _still_true(known: Waiting, end: int) -> bool:
    """A record stays where it is; "nothing but markers" holds only while the end stands."""
    return known.timestamp_ms is not None or known.end == end


def places(
    commits: Iterable[Mapping[TopicPartition, int]],
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> dict[Place, int]:
    """Every place where some group waits, with the end of its log."""
    found: dict[Place, int] = {}
    for group in commits:
        for partition, committed in group.items():
            if partition in ends and offset_lag(
                committed, starts.get(partition, 0), ends[partition]
            ):
                found[(partition, max(committed, starts.get(partition, 0)))] = ends[partition]
    return found
