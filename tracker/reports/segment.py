"""Segment: the visitors of a site and a range who fit filters, and everything they did there.

Rollups answer one dimension at a time; what crosses two of them, and what no rollup was made for
(campaigns, entry and exit pages, languages, properties), is read from the warehouse. Most of it is
packed (tracker.packs), and a question reads the columns that it is about. Other events are read
themselves: of days that are not packed, of visitors who did something within the range and outside
of it on one day, and of those who did something since their day was packed. Both are bounded: the
newest ROWS_MAX visitors of packed days, the newest EVENTS_MAX other events, and `cut` tells when
there were more.

A filter keeps a visitor who has the value at least once in the range (or never, `without`), with
all that he did; by entry or exit page, who has a visit that began or ended there. A visitor id is
worth one UTC day, as everywhere.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import compress, groupby, pairwise
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from tracker.packs import store
from tracker.packs.columns import marks_of
from tracker.packs.measured import Measured
from tracker.packs.visits import DIMENSIONS, key_of
from tracker.reports import cut, funnel
from tracker.reports.breakdown import Row
from tracker.reports.cut import Chosen
from tracker.reports.overview import Overview
from tracker.reports.picked import PROPERTY, Asked, Filter, Picked
from tracker.reports.reading import Reading
from tracker.reports.revenue import Earned
from tracker.reports.timeseries import STEP_MS, Point
from tracker.reports.values import values_of
from tracker.reports.visits import VisitPoint, filled
from tracker.rollups import BUSY_TIMEOUT_MS, DAY_MS, MICRO, Step

EVENTS_MAX: Final = 200_000
ROWS_MAX: Final = 2_000_000  # visitors of a day that are packed: some 0.6 s

ARRIVALS: Final = frozenset(
    ("source", "channel", "referrer", "utm_source", "utm_medium", "campaign", "utm_term",
     "utm_content")
)  # fmt: skip
"""Known on the first page of a visit only: empty ones are steps from page to page."""


Wanted = Callable[[str], bool]


class Sum(NamedTuple):
    """A value among all that is chosen."""

    value: str
    rows: int  # visitors of a day with a number above 0
    total: int


class Segment:
    """Over one read-only connection; close it when all is asked."""

    def __init__(
        self, path: Path, asked: Asked, events_max: int = EVENTS_MAX, rows_max: int = ROWS_MAX
    ) -> None:
        """Raises sqlite3.Error, also when there is no warehouse."""
        self._path = path
        self._rows_max = rows_max
        self._is_cut = False
        self._asked = asked
        self._events_max = events_max
        self._db = _connect(path)
        self._whole: sqlite3.Connection | None = None
        try:
            self._db.execute("BEGIN")  # packs and events of one moment
            spans = self._spans()
            found = cut.of_packs(self._db, asked, spans)
            filters = [(one, _fits(one)) for one in asked.filters]
            self._chosen = [_filtered(one, filters) for one in found.chosen]
            self._loose = Picked(self._db, asked, self._gaps(spans), events_max, found.events)
            self._loose.pick()
        except BaseException:
            self._db.close()
            raise

    @property
    def cut(self) -> bool:
        """More events than are looked at: the oldest are left out."""
        return self._is_cut or self._loose.cut

    def close(self) -> None:
        self._db.close()
        if self._whole is not None:
            self._whole.close()

    @property
    def _days(self) -> tuple[int, int]:
        """First and end of the days of the range, whole or not."""
        return self._asked.start_ms // DAY_MS, -(-self._asked.end_ms // DAY_MS)

    def _spans(self) -> list[store.Span]:
        """What is packed of the days of the range."""
        first, end = self._days
        if self._asked.start_ms >= self._asked.end_ms or not store.has_packs(self._db):
            return []
        found = store.spans(self._db, self._asked.site)
        mine = [one for one in found if one.first < end and one.end > first]
        left = self._rows_max
        for place in reversed(range(len(mine))):
            left -= mine[place].rows
            if left < 0 and place + 1 < len(mine):
                self._is_cut = True
                return mine[place + 1 :]
        return mine

    def _gaps(self, spans: Sequence[store.Span]) -> list[tuple[int, int]]:
        """What is not packed of the range."""
        first, end = self._days
        gaps, cursor_ms = [], self._asked.start_ms
        if self._is_cut:  # nothing before the packs that are looked at
            cursor_ms = max(cursor_ms, spans[0].first * DAY_MS)
        for span in spans:
            gaps.append((cursor_ms, max(span.first, first) * DAY_MS))
            cursor_ms = min(span.end, end) * DAY_MS
        gaps.append((cursor_ms, self._asked.end_ms))
        return [one for one in gaps if one[0] < one[1]]

    def overview(self) -> Overview:
        """As reports.overview has it, of these visitors."""
        totals = {one.value: one for one in self._sums("totals")}
        nothing = Sum("", 0, 0)
        visits = totals.get("visits", nothing).total
        return Overview(
            visitors=totals.get("views", nothing).rows,
            page_views=totals.get("views", nothing).total,
            sessions=visits,
            bounces=totals.get("bounces", nothing).total,
            events=totals.get("events", nothing).total,
            average_visit_ms=totals.get("lasted", nothing).total // visits if visits else 0,
        )

    def timeseries(self, step: Step) -> list[Point]:
        """Every bucket of the range, empty ones too."""
        width_ms = STEP_MS[step]
        counts = self._over_time("views", step)
        start, end = self._asked.start_ms // width_ms, -(-self._asked.end_ms // width_ms)
        return [Point(one * width_ms, *counts.get(one, (0, 0))) for one in range(start, end)]

    def visits(self, step: Step) -> list[VisitPoint]:
        """As reports.visits has them, of these visitors."""
        bounces, lasted = self._over_time("bounces", step), self._over_time("lasted", step)
        nothing = (0, 0)
        rows = [
            (bucket, count, bounces.get(bucket, nothing)[1], lasted.get(bucket, nothing)[1])
            for bucket, (_, count) in self._over_time("visits", step).items()
        ]
        return filled(rows, self._asked.start_ms, self._asked.end_ms, STEP_MS[step])

    def _over_time(self, what: str, step: Step) -> Mapping[int, tuple[int, int]]:
        """Bucket -> rows, total."""
        if step == Step.MINUTE:  # of some hours at most: they are not packed
            minutes = self._picked().sums(f"{what}/{STEP_MS[step]}")
            return {int(minute): (count, total) for minute, count, total in minutes}
        if step == Step.HOUR:
            return {int(one.value): one[1:] for one in self._sums(f"{what}/{STEP_MS[step]}")}
        counts: dict[int, tuple[int, int]] = {}
        for day, count, total in (*self._packed_days(what), *self._loose_days(what)):
            before = counts.get(day, (0, 0))
            counts[day] = (before[0] + count, before[1] + total)
        return counts

    def _packed_days(self, what: str) -> Iterator[tuple[int, int, int]]:
        """A pack's rows are in the order of their days."""
        for pack, who in self._chosen:
            if not who:
                continue
            begins = [*pack.days.values(), pack.rows]
            of_days = (who & ((1 << end) - (1 << begin)) for begin, end in pairwise(begins))
            sums = pack.column("totals").in_turn(what, of_days)
            for day, (count, total) in zip(pack.days, sums, strict=True):
                if count:
                    yield day, count, total

    def _loose_days(self, what: str) -> Iterator[tuple[int, int, int]]:
        for day, count, total in self._loose.sums(f"{what}/{DAY_MS}"):
            yield int(day), count, total

    def breakdown(self, dimension: str, limit: int) -> list[Row]:
        """The values with the most visitors. Raises ValueError for an unknown dimension."""
        _known(dimension)
        left_out = dimension in ARRIVALS
        found = [Row(*one) for one in self._sums(dimension) if one.value or not left_out]
        return sorted(found, key=lambda row: (-row.visitors, -row.page_views, row.value))[:limit]

    def properties(self, event: str, limit: int) -> list[tuple[str, Row]]:
        """Property and value of one event, those of most visitors first."""
        begins = key_of(event)[:-1] + ","
        found = []
        for one in self._sums("props", lambda value: value.startswith(begins)):
            _, key, value = msgspec.json.decode(one.value)
            found.append((key, Row(value, one.rows, one.total)))
        found.sort(key=lambda pair: (-pair[1].visitors, -pair[1].page_views, pair[0], pair[1]))
        return found[:limit]

    def reading(self, limit: int) -> list[Reading]:
        """How long pages are looked at, and how far down; the most seen first."""
        seen = sorted(self._sums("page"), key=lambda one: (-one.total, one.value))
        shown: list[Sum] = []
        told: dict[str, int] = {}
        for reach in (2 * limit, len(seen)):  # most pages tell: the first of them are enough
            pages = {one.value for one in seen[:reach]}
            told = {one.value: one.total for one in self._sums("read_views", pages.__contains__)}
            shown = [one for one in seen if one.value in told][:limit]
            if len(shown) == limit:
                break
        pages = {one.value for one in shown}
        read_ms, depths, depth_views = (
            {one.value: one.total for one in self._sums(name, pages.__contains__)}
            for name in ("read_ms", "depths", "depth_views")
        )
        return [
            Reading(
                page,
                visitors,
                views,
                read_ms.get(page, 0) // told[page],
                depths.get(page, 0) / depth_views[page] if page in depth_views else None,
            )
            for page, visitors, views in shown
        ]

    def revenue(self) -> list[Earned]:
        """As reports.revenue has it, of these visitors."""
        micros: defaultdict[tuple[str, str], int] = defaultdict(int)
        for one in self._sums("earned"):
            event, currency, sign = msgspec.json.decode(one.value)
            micros[event, currency] += -one.total if sign == "-" else one.total
        found = []
        for one in self._sums("revenue"):
            event, currency = msgspec.json.decode(one.value)
            found.append(Earned(event, currency, one.total, micros[event, currency] / MICRO))
        return sorted(found, key=lambda earned: (-earned.amount, earned.event, earned.currency))

    def values(self, vital: str) -> Measured:
        """What these visitors measured in the hours that the range touches; `vital` by page."""
        return values_of(self._db, self._asked, vital, self._visitors())

    def _visitors(self) -> Iterator[tuple[int, set[str]]]:
        """Ids by the day that they are worth."""
        loose = self._loose.visitors()
        for _, parts in groupby(self._chosen, lambda one: min(one.pack.days, default=None)):
            found: defaultdict[int, set[str]] = defaultdict(set)
            for pack, who in parts:
                everybody, marks = pack.visitors(), marks_of(who, pack.rows)
                begins = [*pack.days.values(), pack.rows]
                for day, (begin, end) in zip(pack.days, pairwise(begins), strict=True):
                    found[day].update(compress(everybody[begin:end], marks[begin:end]))
            for day, ids in found.items():
                yield day, ids | loose.pop(day, set())
        yield from loose.items()

    def funnel(self, steps: Sequence[str]) -> list[funnel.Stage]:
        """How many of these visitors took the steps one after the other."""
        found = [one.visitors for one in self._loose.funnel(steps)]
        for pack, who in self._chosen:
            if who:
                counts = pack.path().funnel(steps, who)
                found = [one + more for one, more in zip(found, counts, strict=True)]
        return [funnel.Stage(*one) for one in zip(steps, found, strict=True)]

    def _picked(self) -> Picked:
        """All of the range, for what packs do not tell."""
        if not self._chosen:
            return self._loose
        if self._whole is None:
            self._whole = _connect(self._path)
            range_ = (self._asked.start_ms, self._asked.end_ms)
            self._all = Picked(self._whole, self._asked, [range_], self._events_max)
        return self._all

    def _sums(self, name: str, is_wanted: Callable[[str], bool] | None = None) -> list[Sum]:
        """Of each value, or of those wanted, over all that is chosen."""
        sums = {value: (count, total) for value, count, total in self._loose.sums(name, is_wanted)}
        for pack, who in self._chosen:
            if who:
                for value, count, total in pack.column(name).sums(who, is_wanted):
                    before = sums.get(value, (0, 0))
                    sums[value] = (before[0] + count, before[1] + total)
        return [Sum(value, *both) for value, both in sums.items()]


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_MS / 1000,
    )
    db.execute("PRAGMA temp_store = MEMORY")
    return db


def _filtered(one: Chosen, filters: Iterable[tuple[Filter, Wanted]]) -> Chosen:
    pack, who = one
    for wanted, fits in filters:
        has = pack.column(_column_of(wanted)).who(fits)
        who &= ~has if wanted.without else has
    return Chosen(pack, who)


def _column_of(wanted: Filter) -> str:
    return "props" if wanted.dimension.startswith(PROPERTY) else _known(wanted.dimension)


def _fits(wanted: Filter) -> Wanted:
    """Whether a value of the column is wanted."""
    fits = wanted.fits()
    if not wanted.dimension.startswith(PROPERTY):
        return fits
    name = wanted.dimension.removeprefix(PROPERTY)
    quick = f",{key_of(name)[1:-1]},"  # a look before the exact one

    def has(value: str) -> bool:
        if quick not in value:
            return False
        _, key, text = msgspec.json.decode(value)
        return key == name and fits(text)

    return has


def _known(dimension: str) -> str:
    if dimension not in DIMENSIONS:
        raise ValueError(f"{dimension!r} is none of {', '.join(DIMENSIONS)}")
    return dimension
