"""The verdict on a group, in each partition and as a whole, with its cause in one sentence. Pure.

After Burrow's rules, with what its users found wrong put right: no members and records waiting is
STOPPED at once; SLOW is a rising straight line through ten minutes, not "no single decrease";
partitions that a group no longer reads are ORPHANED and alarm nobody; one caught-up moment does not
hide a stop.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dashboard.cluster.model import GroupPartition, GroupState
from dashboard.text import count, duration, percent, plural, rate
from tracker.kafka.answers import GroupDescription

WINDOW_MS: Final = 600_000  # slope is judged over ten minutes
JUDGED_AFTER_MS: Final = 120_000  # a slope needs at least two minutes of looks
STALLED_AFTER_MS: Final = 300_000
STALLED_INTERVALS: Final = 10  # of the group's own rhythm of commits, if that is longer
REBALANCING_AFTER_MS: Final = 120_000
FULLEST_SHARE: Final = 0.5  # of what waits: beyond it, the one partition is named
AHEAD_LOOKS: Final = 2  # one look may come between a commit and the end it was seen with
SAMPLES_MAX: Final = 600  # ten minutes at one look a second
SAMPLES_KEPT: Final = 10  # of those, over a restart

REBALANCING_STATES: Final = frozenset(
    {"preparing_rebalancing", "completing_rebalancing", "assigning", "reconciling"}
)

SEVERITY: Final = tuple(GroupState)  # declared worst first


@dataclass(frozen=True, slots=True)
class Sample:
    """Where a group and the log stood at one look."""

    at_ms: int
    committed: int
    end: int

    @property
    def lag(self) -> int:
        return max(0, self.end - self.committed)


@dataclass(slots=True)
class CommitHistory:
    """What was seen of one group in one partition, for the last ten minutes and a little more."""

    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES_MAX))
    moved_at_ms: list[int] = field(default_factory=list)  # last looks that saw the commit move
    high_mark: int = -1  # highest commit seen
    rewound_at_ms: int | None = None
    stood_since_ms: int | None = None  # since when records have waited at the commit of now

    def add(self, sample: Sample) -> None:
        """One look, in order of time."""
        before = self.samples[-1] if self.samples else None
        if before is not None and sample.end < before.end:
            self.forget()  # the topic was made anew, or its log was cut
            before = None
        if before is None or sample.committed != before.committed or not before.lag:
            self.stood_since_ms = sample.at_ms if sample.lag else None
        if before is not None and sample.committed != before.committed:
            self.moved_at_ms = [*self.moved_at_ms[-10:], sample.at_ms]
        if sample.committed < self.high_mark and self.rewound_at_ms is None:
            self.rewound_at_ms = sample.at_ms
        if sample.committed >= self.high_mark:
            self.rewound_at_ms = None
            self.high_mark = sample.committed
        self.samples.append(sample)
        while self.samples[0].at_ms < sample.at_ms - WINDOW_MS:
            self.samples.popleft()

    def forget(self) -> None:
        """Start anew."""
        self.samples.clear()
        self.moved_at_ms = []
        self.high_mark = -1
        self.rewound_at_ms = self.stood_since_ms = None

    def kept(self) -> list[Any]:
        """What a restart has to keep of it, as JSON takes it."""
        width = max(1, -(-len(self.samples) // SAMPLES_KEPT))
        some = list(self.samples)[::-1][::width][::-1]
        return [
            [(one.at_ms, one.committed, one.end) for one in some],
            self.moved_at_ms,
            self.high_mark,
            self.rewound_at_ms,
            self.stood_since_ms,
        ]

    @classmethod
    def restored(cls, kept: Sequence[Any]) -> "CommitHistory":
        """From what `kept` told."""
        samples, moved, high_mark, rewound_at, stood_since = kept
        made = cls(moved_at_ms=moved, high_mark=high_mark, rewound_at_ms=rewound_at)
        made.stood_since_ms = stood_since
        made.samples.extend(Sample(*one) for one in samples)
        return made

    @property
    def is_worth_keeping(self) -> bool:
        """Records wait, or it went back: without this it would be judged as new."""
        return bool(self.samples) and (self.samples[-1].lag > 0 or self.rewound_at_ms is not None)

    @property
    def observed_ms(self) -> int:
        return self.samples[-1].at_ms - self.samples[0].at_ms if self.samples else 0

    def commit_interval_ms(self) -> float:
        """Mean time between commits that moved; 0 when fewer than two were seen."""
        moves = self.moved_at_ms
        return (moves[-1] - moves[0]) / (len(moves) - 1) if len(moves) > 1 else 0.0

    def still_for_ms(self) -> int:
        """How long the commit has stood while records waited, restarts of ours included."""
        since = self.stood_since_ms
        return 0 if since is None else max(0, self.samples[-1].at_ms - since)

    def ahead_looks(self) -> int:
        """How many looks in a row saw the commit past the end of the log."""
        looks = 0
        for sample in reversed(self.samples):
            if sample.committed <= sample.end:
                break
            looks += 1
        return looks

    def slope(self) -> float:
        """Records a second by which the lag grows: least squares over the window."""
        return _slope([(sample.at_ms / 1000, sample.lag) for sample in self.samples])

    def rate_of(self, attribute: str, window_ms: int = 60_000) -> float | None:
        """Records a second by which `committed` or `end` moved, over the last minute."""
        last = first = self.samples[-1]
        for sample in reversed(self.samples):
            if sample.at_ms < last.at_ms - window_ms:
                break
            first = sample
        if last.at_ms - first.at_ms < 1_000:
            return None
        moved: int = getattr(last, attribute) - getattr(first, attribute)
        return max(0.0, moved * 1000 / (last.at_ms - first.at_ms))


def _slope(points: Sequence[tuple[float, float]]) -> float:
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0:
        return 0.0
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of one group in one partition, ready to be judged."""

    topic: str
    partition: int
    topic_exists: bool
    committed: int | None
    lag: int | None
    lag_seconds: float | None
    lost: int
    backlog: int  # records a reset to the earliest would bring
    is_read: bool  # somebody is in the group
    is_assigned: bool
    topic_is_read: bool  # some partition of the topic is assigned to a member
    rebalancing_ms: int
    target_seconds: float
    ahead: int = 0  # records by which the commit is past the end of the log


def judge(case: Case, history: CommitHistory | None) -> tuple[GroupState, str]:
    """State and cause; the first rule that fits wins."""
    place = f"{case.topic}-{case.partition}"
    if not case.topic_exists:
        return GroupState.ORPHANED, f"{case.topic} no longer exists, its commits are left over"
    read = case.is_assigned or case.topic_is_read or case.rebalancing_ms > 0
    if case.is_read and not read:
        return GroupState.ORPHANED, f"no member reads {case.topic} any more"
    if case.rebalancing_ms > REBALANCING_AFTER_MS:
        since = duration(case.rebalancing_ms / 1000)
        return GroupState.REBALANCING, f"the group has been rebalancing for {since}"
    if case.committed is None and case.backlog == 0:
        return GroupState.OK, "nothing to read yet"
    if case.committed is None:
        waits = f"; a reset to the earliest would bring {plural(case.backlog, 'record')}"
        return GroupState.NO_COMMIT, f"no commit for {place}" + (waits if case.backlog else "")
    if case.lag is None:
        return GroupState.UNKNOWN, f"the end of {place} is not known"
    if case.ahead and history is not None and history.ahead_looks() >= AHEAD_LOOKS:
        past = f"the commit of {place} is {plural(case.ahead, 'record')} past the end of the log"
        return GroupState.UNKNOWN, f"{past}: the log was cut, or the topic was created again"
    deleted = f"{plural(case.lost, 'record')} {'was' if case.lost == 1 else 'were'} deleted unread"
    lost = f"; {deleted}" if case.lost else ""
    if case.lag == 0:
        return GroupState.OK, "caught up" + lost
    state, cause = _judge_waiting(case, history, place)
    return state, cause + lost


def _judge_waiting(case: Case, history: CommitHistory | None, place: str) -> tuple[GroupState, str]:
    """The rules for a partition in which records wait."""
    assert case.lag is not None
    waiting = f"{plural(case.lag, 'record')} of {place} {_wait(case.lag)}"
    oldest = _oldest(case.lag, case.lag_seconds)
    if not case.is_read:
        return GroupState.STOPPED, f"the group has no members; {waiting}{oldest}"
    if history is None or not history.samples:
        return GroupState.OK, waiting
    if history.rewound_at_ms is not None:
        back = history.high_mark - history.samples[-1].committed
        return GroupState.REWOUND, f"a commit of {place} went back by {plural(back, 'record')}"
    still = history.still_for_ms()
    if still >= max(STALLED_AFTER_MS, STALLED_INTERVALS * history.commit_interval_ms()):
        return (
            GroupState.STALLED,
            f"no commit for {place} in {duration(still / 1000)} although {waiting}{oldest}",
        )
    slope = history.slope()
    late = case.lag_seconds is not None and case.lag_seconds > case.target_seconds
    if late and slope > 0 and history.observed_ms >= JUDGED_AFTER_MS:
        return (
            GroupState.SLOW,
            f"the lag of {place} grows by {_per_second(slope)}; {waiting}{oldest}",
        )
    return GroupState.OK, f"{waiting}{oldest}"


def _per_second(slope: float) -> str:
    return f"{count(slope)} records/s" if slope >= 10 else f"{slope:.1f} records/s"


def worst(states: Iterable[tuple[GroupState, str]]) -> tuple[GroupState, str]:
    """The group's verdict: its worst partition's."""
    return min(states, key=lambda pair: SEVERITY.index(pair[0]), default=(GroupState.OK, ""))


@dataclass(frozen=True, slots=True)
class Rates:
    """Records a second over the last minute: what the group read, and what arrived for it."""

    consumed: float | None
    produced: float | None

    @property
    def falls_behind(self) -> bool:
        if self.consumed is None or self.produced is None:
            return False
        return self.consumed < self.produced


def judge_group(
    description: GroupDescription, partitions: tuple[GroupPartition, ...], rates: Rates
) -> tuple[GroupState, str]:
    """State and cause of a whole group, from those of its partitions."""
    if description.state == "unknown" and not description.members:
        return GroupState.UNKNOWN, "its coordinator did not describe it"
    counted = [part for part in partitions if part.state is not GroupState.ORPHANED]
    furthest_first = sorted(counted, key=lambda p: -(p.lag_seconds or 0.0))
    if not counted:
        if partitions:
            return GroupState.ORPHANED, partitions[0].cause
        return GroupState.OK, "no commits and no assignments"
    state, cause = worst((part.state, part.cause) for part in furthest_first)
    if state is GroupState.STOPPED:
        return state, f"the group has no members; {_waits(furthest_first)}"
    if state is GroupState.SLOW and rates.falls_behind:
        reads = f"it reads {rate(rates.consumed)} of {rate(rates.produced)} that arrive"
        return state, f"{reads}; {_waits(furthest_first)}{_fullest(furthest_first)}"
    return state, cause


def _waits(furthest_first: Sequence[GroupPartition]) -> str:
    total = sum(part.lag or 0 for part in furthest_first)
    oldest = _oldest(total, furthest_first[0].lag_seconds)
    return f"{plural(total, 'record')} {_wait(total)}{oldest}"


def _wait(records: int) -> str:
    return "waits" if records == 1 else "wait"


def _oldest(records: int, seconds: float | None) -> str:
    """For how long the first of the records that wait has done so; empty: not known."""
    if seconds is None:
        return ""
    return f", {'' if records == 1 else 'the oldest '}for {duration(seconds)}"


def _fullest(partitions: Sequence[GroupPartition]) -> str:
    """Names the partition in which most of it waits, if there is one such among several."""
    lags = [part.lag or 0 for part in partitions]
    share = max(lags) / sum(lags)
    if len(lags) == 1 or share <= FULLEST_SHARE:
        return ""
    part = partitions[lags.index(max(lags))]
    return f"; {percent(share)} of them in {part.topic}-{part.partition}"
