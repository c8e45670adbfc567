"""Which days the activity page shows: from the address, or what makes sense for the site. Pure."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from tracker.reports.timeseries import POINTS_MAX
from tracker.rollups import DAY_MS, HOUR_MS, MINUTE_MS

PERIODS: Final = (
    ("30m", "30 minutes"),
    ("today", "Today"),
    ("yesterday", "Yesterday"),
    ("24h", "24 hours"),
    ("7d", "7 days"),
    ("30d", "30 days"),
    ("month", "This month"),
    ("lastmonth", "Last month"),
    ("year", "This year"),
    ("12mo", "12 months"),
    ("all", "All time"),
)
_DAYS: Final = {"7d": 7, "30d": 30}
FIRST_YEAR: Final = 1971
LAST_YEAR: Final = 9000
YEAR_MS: Final = 364 * DAY_MS


@dataclass(frozen=True, slots=True)
class Period:
    """A range [start_ms, end_ms) in UTC, and the word or dates that chose it."""

    key: str  # one of PERIODS, or "custom"
    start_ms: int
    end_ms: int

    @property
    def first_day(self) -> str:
        return _date(self.start_ms).isoformat()

    @property
    def last_day(self) -> str:
        return _date(max(self.start_ms, self.end_ms - 1)).isoformat()

    def before(self, now_ms: int, *, year: bool = False) -> tuple[int, int] | None:
        """As long a time just before, or 52 weeks before (the same days of the week), as far as
        this one has come; None for all time."""
        if self.key == "all":
            return None
        apart = YEAR_MS if year else self.length_ms
        reached = min(self.end_ms, _next(now_ms, MINUTE_MS))
        return max(0, self.start_ms - apart), max(self.start_ms, reached, apart) - apart

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Known:
    """First and last day with data, as starts of days; None: nothing yet."""

    first_day_ms: int | None
    last_day_ms: int | None


def choose(key: str, days: tuple[str, str], known: Known, now_ms: int) -> Period:
    """The period asked for, the last 10,000 days of it; nonsense falls back to the default.

    The default is the last 24 hours, or all time for a site whose data is older (an import).
    """
    return _bounded(_chosen(key, days, known, now_ms))


def own_days(first: str, last: str) -> tuple[int, int] | None:
    """A range to compare with, the last 10,000 days of it; None for days that make no sense."""
    found = _custom(first, last)
    return None if found is None else (_bounded(found).start_ms, found.end_ms)


def is_day(text: str) -> bool:
    """Of which there may be figures."""
    return _custom(text, text) is not None


def _bounded(found: Period) -> Period:
    return replace(found, start_ms=max(found.start_ms, found.end_ms - POINTS_MAX * DAY_MS))


def _chosen(key: str, days: tuple[str, str], known: Known, now_ms: int) -> Period:
    if days[0]:
        custom = _custom(*days)
        if custom is not None:
            return custom
    if key not in dict(PERIODS):
        recent = known.last_day_ms is None or known.last_day_ms > now_ms - 7 * DAY_MS
        key = "24h" if recent else "all"
    today = now_ms // DAY_MS * DAY_MS
    if key == "30m":
        return Period(
            key, now_ms // MINUTE_MS * MINUTE_MS - 29 * MINUTE_MS, _next(now_ms, MINUTE_MS)
        )
    if key == "today":
        return Period(key, today, today + DAY_MS)
    if key == "yesterday":
        return Period(key, today - DAY_MS, today)
    if key == "lastmonth":
        return Period(key, max(0, _month_start(today, 1)), max(DAY_MS, _month_start(today, 0)))
    if key in ("month", "year", "12mo"):
        months = {"month": 0, "year": _date(today).month - 1, "12mo": 11}[key]
        return Period(key, max(0, _month_start(today, months)), today + DAY_MS)
    if key == "24h":
        return Period(key, _next(now_ms, HOUR_MS) - DAY_MS, _next(now_ms, HOUR_MS))
    if key in _DAYS:
        return Period(key, today - (_DAYS[key] - 1) * DAY_MS, today + DAY_MS)
    first = known.first_day_ms if known.first_day_ms is not None else today
    last = known.last_day_ms if known.last_day_ms is not None else today
    last = max(first, min(last, today))  # a client of Kafka's may date an event in the year 9999
    return Period(key, first, last + DAY_MS)


def _next(now_ms: int, unit_ms: int) -> int:
    return (now_ms // unit_ms + 1) * unit_ms


def _custom(first: str, last: str) -> Period | None:
    try:
        start = date.fromisoformat(first)
        end = date.fromisoformat(last or first)
    except ValueError:
        return None
    if end < start or start.year < FIRST_YEAR or end.year > LAST_YEAR:
        return None
    return Period("custom", _start_ms(start), _start_ms(end + timedelta(days=1)))


def _start_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _month_start(at_ms: int, back: int) -> int:
    """Start of the month that `at_ms` lies in, or of one before it."""
    day = _date(at_ms)
    month = day.year * 12 + day.month - 1 - back
    return _start_ms(date(month // 12, month % 12 + 1, 1))


def _date(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()
