"""Visits: the events of some visitors and days, as the columns that reports are made of.

The export role makes them of days that are over. A visitor id is worth one UTC day: a row is one
visitor of one day, and everything about a row lies in its own day. (What is not packed is counted
by SQL, in tracker.reports.picked, and tells the same.)

    page ... event      page views with the value; of `event` the events that are not page views
    entry_page, exit_page      visits that began or ended there
    totals              views, events, visits, bounces, lasted (ms)
    views/W, visits/W, bounces/W, lasted/W      the same by their hour or minute, W ms wide
    props               events by JSON [event, property, value]
    read_ms, read_views, depths, depth_views    by page: time in view and depth of views that told
    path                what was done, one after the other (tracker.packs.paths)
    bounds              first and last time, and where the events are (tracker.packs.bounds)
    revenue, earned     by JSON [event, currency]: events, and [.., .., sign]: millionths
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from tracker.events import PAGEVIEW, PASSIVE, TOLD_BY_ITSELF
from tracker.money import AMOUNT_MAX, amount_of, is_currency
from tracker.packs import bounds
from tracker.packs.columns import NUMBER_MAX, Column, Counts, column_of
from tracker.packs.paths import Paths, paths_of, thing_of
from tracker.rollups import DAY_MS, HOUR_MS, MICRO, MINUTE_MS

VISIT_GAP_MS: Final = 30 * MINUTE_MS

COLUMNS: Final = {
    "page": "pathname",
    "source": "source",
    "channel": "channel",
    "referrer": "referrer_host",
    "utm_source": "utm_source",
    "utm_medium": "utm_medium",
    "campaign": "utm_campaign",
    "utm_term": "utm_term",
    "utm_content": "utm_content",
    "country": "country",
    "region": "region",
    "city": "city",
    "language": "language",
    "browser": "browser",
    "os": "os",
    "device": "device_type",
    "screen": "screen",
    "event": "event_name",
}
"""Dimension -> column of `events` in the warehouse."""

OF_VISITS: Final = ("entry_page", "exit_page")
"""Dimensions of visits: the page of their first page view, and of the last one."""

DIMENSIONS: Final = (*COLUMNS, *OF_VISITS)
"""All that there are tables of, and filters by."""

_NAMES: Final = tuple(COLUMNS)
_PLAIN: Final = 9  # fields of a row before the dimensions
PAGE: Final = _PLAIN + _NAMES.index("page")
EVENT: Final = _PLAIN + _NAMES.index("event")

SELECT: Final = (
    "SELECT visitor_id, occurred_at, interactive IS NOT 0, props, page_view_id, engagement_ms,"
    " scroll_depth, revenue_amount, revenue_currency,"
    f" {', '.join(f'''coalesce({column}, '')''' for column in COLUMNS.values())}, events.rowid"
    " FROM events WHERE site_id = ? AND occurred_at >= ? AND occurred_at < ? AND is_bot IS NOT 1"
)
"""Events of people; parameters are site, start and end. The rowid stands last."""

Row = tuple[Any, ...]

PACKED: Final = (
    *_NAMES, "entry_page", "exit_page", "totals", "props", "read_ms", "read_views", "depths",
    "depth_views", "revenue", "earned",
    *(f"{what}/{HOUR_MS}" for what in ("views", "visits", "bounces", "lasted")),
)  # fmt: skip
"""The columns that are packed. No period of whole days is shown by the minute."""


class Visit(NamedTuple):
    """One visit with a page view."""

    row: int
    started_at_ms: int
    lasted_ms: int
    is_bounce: bool
    entry_page: str
    exit_page: str


def prop_text(value: object) -> str:
    """The value of a property as people read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def micros_of(amount: str, currency: str | None) -> int | None:
    """An amount of money in millionths; None where it cannot be added up."""
    found = amount_of(amount) if is_currency(currency or "") else None
    return None if found is None or abs(found) > AMOUNT_MAX else int(found * MICRO)


def props_of(text: str) -> dict[str, Any]:
    """Properties as the warehouse has them; none where somebody else wrote what is no object."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def key_of(*parts: str) -> str:
    """The value of a column that has several parts."""
    return msgspec.json.encode(parts).decode()


class Visits:
    """Columns of events, each made when it is first asked for."""

    def __init__(self, events: Iterable[Row]) -> None:
        self._events = sorted(events, key=lambda one: (one[1] // DAY_MS, one[0], one[1], one[-1]))
        numbers: dict[tuple[int, str], int] = {}
        self._rows = [
            numbers.setdefault((one[1] // DAY_MS, one[0]), len(numbers)) for one in self._events
        ]
        self.rows = len(numbers)
        self.visitors = [visitor for _, visitor in numbers]
        self.days: dict[int, int] = {}  # day -> its first row, ascending
        for (day, _), row in numbers.items():
            self.days.setdefault(day, row)
        self._columns: dict[str, Column] = {}
        self._visits: list[Visit] | None = None

    def column(self, name: str) -> Column:
        if name not in self._columns:
            self._columns[name] = column_of(self._counted(name), self.rows)
        return self._columns[name]

    def _counted(self, name: str) -> Counts:
        if name in COLUMNS:
            return self._dimension(name)
        what, _, width = name.partition("/")
        if width:
            return self._over_time(what, int(width))
        makers: dict[str, Callable[[], Counts]] = {
            "entry_page": lambda: _counts((one.row, one.entry_page, 1) for one in self.visits),
            "exit_page": lambda: _counts((one.row, one.exit_page, 1) for one in self.visits),
            "totals": self._totals,
            "props": self._props,
            "revenue": lambda: self._money(earned=False),
            "earned": lambda: self._money(earned=True),
        }
        return makers[name]() if name in makers else self._read(name)

    def path(self) -> Paths:
        """A guard follows on the last slot of each row."""
        slot, guards = -1, []
        done: defaultdict[str, list[int]] = defaultdict(list)
        before: tuple[int, int] | None = None
        for row, event in zip(self._rows, self._events, strict=True):
            if before is not None and row != before[0]:
                slot += 1
                guards.append(slot)
            if (row, event[1]) != before:
                slot, before = slot + 1, (row, event[1])
            page = event[PAGE] if event[EVENT] == PAGEVIEW else None
            thing = thing_of(page, event[EVENT])
            if thing is not None:
                done[thing].append(slot)
        if before is not None:
            guards.append(slot + 1)
        return paths_of(guards, done)

    def bounds(self) -> bounds.Bounds:
        found = []
        for _, mine in groupby(zip(self._rows, self._events, strict=True), itemgetter(0)):
            events = [event for _, event in mine]
            first, last = events[0][1] % DAY_MS, events[-1][1] % DAY_MS
            found.append(bounds.Row(first, last, [one[-1] for one in events]))
        return bounds.bounds_of(found)

    def _dimension(self, name: str) -> Counts:
        place = _PLAIN + _NAMES.index(name)
        found: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for row, event in zip(self._rows, self._events, strict=True):
            named = event[EVENT]
            if name == "event":
                is_counted = named != PAGEVIEW and named not in TOLD_BY_ITSELF
            else:
                is_counted = named == PAGEVIEW
            mine = found[event[place]]
            mine[row] = mine.get(row, 0) + is_counted
        return found

    @property
    def visits(self) -> list[Visit]:
        """Visits with a page view: silences of more than VISIT_GAP_MS lie between them."""
        if self._visits is None:
            self._visits = []
            begin = 0
            for at in range(1, len(self._events) + 1):
                if (
                    at == len(self._events)
                    or self._rows[at] != self._rows[begin]
                    or self._events[at][1] - self._events[at - 1][1] > VISIT_GAP_MS
                ):
                    self._visits += _visit(self._rows[begin], self._events[begin:at])
                    begin = at
        return self._visits

    def _totals(self) -> Counts:
        found: defaultdict[str, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
        for row, event in zip(self._rows, self._events, strict=True):
            if event[EVENT] == PAGEVIEW:
                found["views"][row] += 1
            elif event[EVENT] not in TOLD_BY_ITSELF:
                found["events"][row] += 1
        for visit in self.visits:
            found["visits"][visit.row] += 1
            found["bounces"][visit.row] += visit.is_bounce
            found["lasted"][visit.row] += visit.lasted_ms
        return found

    def _over_time(self, what: str, width_ms: int) -> Counts:
        if what == "views":
            return _counts(
                (row, str(event[1] // width_ms), 1)
                for row, event in zip(self._rows, self._events, strict=True)
                if event[EVENT] == PAGEVIEW
            )
        return _counts(
            (
                one.row,
                str(one.started_at_ms // width_ms),
                {"visits": 1, "bounces": int(one.is_bounce), "lasted": one.lasted_ms}[what],
            )
            for one in self.visits
        )

    def _props(self) -> Counts:
        return _counts(
            (row, key_of(event[EVENT], key, prop_text(value)), 1)
            for row, event in zip(self._rows, self._events, strict=True)
            if event[3] is not None
            for key, value in props_of(event[3]).items()
        )

    def _read(self, name: str) -> Counts:
        """Parts of a view are added up, its deepest place counts; a view that told nothing does
        not."""
        told: dict[tuple[int, str, object], tuple[int, int | None]] = {}
        for row, event in zip(self._rows, self._events, strict=True):
            view, engaged_ms, depth = event[4:7]
            if engaged_ms is not None:
                where = (row, event[PAGE], view)
                before = told.get(where, (0, None))
                deepest = max((one for one in (before[1], depth) if one is not None), default=None)
                told[where] = (before[0] + max(engaged_ms, 0), deepest)
        return _counts(
            (row, page, _told(name, engaged_ms, depth))
            for (row, page, _), (engaged_ms, depth) in told.items()
            if depth is not None or not name.startswith("depth")
        )

    def _money(self, *, earned: bool) -> Counts:
        rows = []
        for row, event in zip(self._rows, self._events, strict=True):
            text, currency = event[7:9]
            micros = None if text is None else micros_of(text, currency)
            if micros is None:
                continue
            if earned:
                sign = "-" if micros < 0 else "+"
                rows.append((row, key_of(event[EVENT], currency, sign), abs(micros)))
            else:
                rows.append((row, key_of(event[EVENT], currency), 1))
        return _counts(rows)


def _told(name: str, engaged_ms: int, depth: int | None) -> int:
    if name == "read_ms":
        return engaged_ms
    return max(depth or 0, 0) if name == "depths" else 1


def _visit(row: int, events: list[Row]) -> list[Visit]:
    pages = [one[PAGE] for one in events if one[EVENT] == PAGEVIEW]
    if not pages:
        return []
    acted = any(one[2] and one[EVENT] != PAGEVIEW and one[EVENT] not in PASSIVE for one in events)
    started, lasted = events[0][1], events[-1][1] - events[0][1]
    return [Visit(row, started, lasted, len(pages) == 1 and not acted, pages[0], pages[-1])]


def _counts(found: Iterable[tuple[int, str, int]]) -> Counts:
    counts: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for row, value, number in found:
        mine = counts[value]
        mine[row] = min(mine.get(row, 0) + number, NUMBER_MAX)
    return counts
