"""How far behind a group is, in records and in seconds. Pure, but for what LagClock remembers.

Records: max(0, end - max(committed, start)), an upper bound (compaction leaves holes).
Seconds: age of the first record at or after the committed offset, 0 when nothing waits. It is read
from the log once and kept until the commit moves. Where it could not be read yet, the moment at
which the log's end was seen to pass that offset stands in for it; before the first look that is
not known, and nothing is made up.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from dashboard.cluster.model import Estimate
from tracker.kafka_admin import Record, TopicPartition

READS_PER_POLL_MAX: Final = 20
END_POINTS_MAX: Final = 2_160  # 6 hours at one point per 10 s

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

    ms: int = -1  # -1: age does not
    by_size: bool = False


def at_risk(lag_seconds: float | None, used: float, start: int, retention: Retention) -> float:
    """How near retention is to what waits, 0 to 1.

    By age where age decides and is known; else by place in the log, and only in a log that has
    deleted before (start above 0): a group at the start of a young log is at no risk.
    """
    by_age = lag_seconds * 1000 / retention.ms if lag_seconds and retention.ms > 0 else 0.0
    deletes = retention.by_size or (retention.ms > 0 and lag_seconds is None)
    by_place = used if start > 0 and deletes else 0.0
    return min(1.0, max(by_age, by_place))


@dataclass(slots=True)
class EndRing:
    """When the end of one partition's log was seen where; for lag that cannot be read."""

    at_ms: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def add(self, now_ms: int, end: int) -> None:
        """One look. An end that went backwards (topic recreated, log cut) starts anew."""
        if self.ends and (end < self.ends[-1] or now_ms <= self.at_ms[-1]):
            self.at_ms.clear()
            self.ends.clear()
        if len(self.ends) >= 2 and self.ends[-1] == self.ends[-2] == end:
            self.at_ms[-1] = now_ms  # a flat stretch is two points
            return
        self.at_ms.append(now_ms)
        self.ends.append(end)
        if len(self.ends) > END_POINTS_MAX:
            del self.at_ms[0], self.ends[0]

    def passed_at_ms(self, offset: int) -> int | None:
        """When the end rose above `offset`, interpolated; None outside of what was seen."""
        right = bisect_right(self.ends, offset)
        if right == 0 or right == len(self.ends):
            return None
        left_at, right_at = self.at_ms[right - 1], self.at_ms[right]
        left_end, right_end = self.ends[right - 1], self.ends[right]
        share = (offset - left_end) / (right_end - left_end)
        return round(left_at + share * (right_at - left_at))


@dataclass(frozen=True, slots=True)
class Waiting:
    """The first record that waits for a group at one place."""

    timestamp_ms: int | None  # None: only control records wait, the group is caught up
    is_append_time: bool
    end: int  # of the log when it was read


class LagClock:
    """Remembers the timestamps of first waiting records and the ends of logs."""

    def __init__(self) -> None:
        self._known: dict[Place, Waiting] = {}
        self._ends: dict[TopicPartition, EndRing] = {}

    def see_ends(self, now_ms: int, ends: Mapping[TopicPartition, int]) -> None:
        """One poll's log ends; partitions that are gone are forgotten."""
        for place in [place for place in self._ends if place not in ends]:
            del self._ends[place]
        for place, end in ends.items():
            self._ends.setdefault(place, EndRing()).add(now_ms, end)

    def forget(self, topics: Iterable[str]) -> None:
        """These topics were made anew: what was known of their offsets no longer holds."""
        gone = set(topics)
        self._ends = {place: ring for place, ring in self._ends.items() if place.topic not in gone}
        self._known = {at: known for at, known in self._known.items() if at[0].topic not in gone}

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
            )

    def caught_up(self, place: Place) -> bool:
        """True when all that waits is known to be control records (markers of transactions)."""
        known = self._known.get(place)
        return known is not None and known.timestamp_ms is None

    def seconds(self, place: Place, now_ms: int) -> tuple[float | None, Estimate]:
        """Age of the first record that waits at `place`, clamped to the past."""
        known = self._known.get(place)
        if known is not None and known.timestamp_ms is not None:
            kind = Estimate.EXACT if known.is_append_time else Estimate.PRODUCER_CLOCK
            return max(0.0, (now_ms - known.timestamp_ms) / 1000), kind
        partition, offset = place
        ring = self._ends.get(partition)
        passed = ring.passed_at_ms(offset) if ring is not None else None
        if passed is None:
            return None, Estimate.UNKNOWN
        return max(0.0, (now_ms - passed) / 1000), Estimate.INTERPOLATED


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
