"""Window arithmetic, pure: which hour and day a moment belongs to, and which moments one visit.

All times are the event's own (stream time), never the clock's: reading the log again, in other
portions or another order, gives the same windows.
"""

from collections.abc import Iterable
from functools import cache
from operator import itemgetter
from typing import Final, NamedTuple

from tracker.rollups import DAY_MS, HOUR_MS, HOURS_A_DAY, MINUTE_MS

SESSION_IDLE_MS: Final = 30 * MINUTE_MS  # a longer silence ends a visit (Plausible, Matomo: same)


def hour_of(at_ms: int) -> int:
    """Number of the UTC hour since 1970."""
    return at_ms // HOUR_MS


def day_of(at_ms: int) -> int:
    """Number of the UTC day since 1970."""
    return at_ms // DAY_MS


def hour_bit(at_ms: int) -> int:
    """Bit h set, for hour h of its day."""
    return 1 << (at_ms // HOUR_MS % HOURS_A_DAY)


@cache  # a visitor comes in one or two hours of a day: few of the possible values occur
def hours_in(bits: int) -> tuple[int, ...]:
    """The hours of a day whose bits are set, ascending."""
    return tuple(hour for hour in range(HOURS_A_DAY) if bits >> hour & 1)


class Entry(NamedTuple):
    """The first page view of a visit; of two in one millisecond the smaller key is first."""

    at_ms: int
    key: bytes
    page_id: int


class Session(NamedTuple):
    """One visit: moments of one visitor with no silence longer than SESSION_IDLE_MS between them.

    There is no upper bound on its length: a visitor id lives one UTC day, so a visit over midnight
    counts as two.
    """

    started_at_ms: int
    last_at_ms: int  # inclusive
    page_views: int = 0
    interactions: int = 0  # custom events that count as engagement
    entry: Entry | None = None  # None: no page view

    @property
    def bounced(self) -> bool:
        """One page and nothing done on it."""
        return self.page_views == 1 and self.interactions == 0

    def touches(self, later: "Session") -> bool:
        """`later` starts no earlier; is the silence between them short enough for one visit?"""
        return later.started_at_ms - self.last_at_ms <= SESSION_IDLE_MS

    def joined(self, other: "Session") -> "Session":
        if self.entry is None or other.entry is None:
            entry = self.entry or other.entry
        else:
            entry = min(self.entry, other.entry)
        return Session(
            min(self.started_at_ms, other.started_at_ms),
            max(self.last_at_ms, other.last_at_ms),
            self.page_views + other.page_views,
            self.interactions + other.interactions,
            entry,
        )


def merge(sessions: Iterable[Session]) -> list[Session]:
    """The visits that these pieces of one visitor make up, by start.

    The result depends on the set of pieces only, not on their order or on what was merged before:
    a late event may join two visits into one.
    """
    merged: list[Session] = []
    for piece in sorted(sessions, key=itemgetter(0)):
        if merged and merged[-1].touches(piece):
            merged[-1] = merged[-1].joined(piece)
        else:
            merged.append(piece)
    return merged
