"""Picked: single events of a site and some ranges of time, counted as tracker.packs counts.

What is not packed is read so. It costs in proportion to the events of the ranges, so it is bounded:
of at most events_max of the newest. The table is made when it is first needed; the columns of
tracker.packs.visits are answered from it by SQL.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Final, NamedTuple

from tracker.events import PAGEVIEW, PASSIVE, TOLD_BY_ITSELF
from tracker.packs.columns import Sum
from tracker.packs.visits import (
    COLUMNS,
    OF_VISITS,
    VISIT_GAP_MS,
    key_of,
    micros_of,
    prop_text,
    props_of,
)
from tracker.reports import funnel
from tracker.rollups import DAY_MS

PROPERTY: Final = "prop."
"""A dimension that begins so is a property of events."""

TEXT: Final = """CASE one.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'
 ELSE CAST(one.value AS TEXT) END"""
"""SQL: the value of a property as people read it."""

UNSEEN: Final = ", ".join(f"'{name}'" for name in sorted(TOLD_BY_ITSELF))
IDLE: Final = ", ".join(f"'{name}'" for name in sorted(PASSIVE))
PEOPLE: Final = "site_id = ? AND occurred_at >= ? AND occurred_at < ? AND is_bot IS NOT 1"
VISITOR: Final = f"((occurred_at / {DAY_MS}) || '/' || visitor_id)"
"""SQL: an id is worth one UTC day."""

TABLE: Final = (
    f"SELECT {VISITOR} AS visitor, occurred_at AS at_ms, events.rowid AS place,"
    f" event_name = '{PAGEVIEW}' AS views,"
    f" interactive IS NOT 0 AND event_name NOT IN ('{PAGEVIEW}', {IDLE}) AS acted, props,"
    " page_view_id AS view, engagement_ms, scroll_depth, revenue_amount AS amount,"
    " revenue_currency AS currency,"
    f" {', '.join(f'''coalesce({column}, '') AS {name}''' for name, column in COLUMNS.items())}"
)
ALL: Final = "events"
WANTED: Final = "wanted CROSS JOIN events ON events.rowid = wanted.event"
"""Where events are read from: all there are, or those of the table `wanted`, in this order."""
MARKED: Final = (
    "CREATE TEMP TABLE marked AS SELECT visitor, at_ms, views, acted, page,"
    f" at_ms - lag(at_ms, 1, -{VISIT_GAP_MS} - 1) OVER mine > {VISIT_GAP_MS} AS begins FROM picked"
    " WINDOW mine AS (PARTITION BY visitor ORDER BY at_ms, place) ORDER BY visitor, at_ms, place"
)
"""Of events of the same time the one that arrived first is the first, as in tracker.packs."""
NUMBERED: Final = (
    "CREATE TEMP TABLE numbered AS SELECT visitor, at_ms, views, acted, page,"
    " sum(begins) OVER (ORDER BY rowid ROWS UNBOUNDED PRECEDING) AS visit FROM marked"
)
VISITS: Final = (
    "CREATE TEMP TABLE visits AS SELECT visitor, min(at_ms) AS began,"
    " max(at_ms) - min(at_ms) AS lasted, sum(views) = 1 AND sum(acted) = 0 AS bounces,"
    " min(rowid) FILTER (WHERE views) AS entry_page, max(rowid) FILTER (WHERE views) AS exit_page"
    " FROM numbered GROUP BY visit HAVING sum(views) > 0"
)
"""Entry and exit page are rows of `numbered`."""
TOLD: Final = (
    "CREATE TEMP TABLE told AS SELECT visitor, page, total(max(engagement_ms, 0)) AS ms,"
    " max(max(scroll_depth, 0)) AS depth FROM picked WHERE engagement_ms IS NOT NULL"
    " GROUP BY visitor, page, view"
)
"""Parts of a view are added up, its deepest place counts."""
READ: Final = {
    "read_views": "count(*)",
    "read_ms": "CAST(total(ms) AS INTEGER)",
    "depths": "CAST(total(depth) AS INTEGER)",
    "depth_views": "count(depth)",
}
OVER_TIME: Final = {"visits": "count(*)", "bounces": "sum(bounces)", "lasted": "sum(lasted)"}


class Filter(NamedTuple):
    """A dimension of tracker.packs.visits or a property, and values of it, one of which is enough;
    "" is "not known"."""

    dimension: str
    values: tuple[str, ...]
    without: bool = False
    """Visitors who never have one."""
    contains: bool = False
    """The values are parts of it; A to Z are as good as a to z."""

    def fits(self) -> Callable[[str], bool]:
        """Whether a value is wanted; what was asked before is known."""
        if not self.contains:
            return frozenset(self.values).__contains__
        parts = [_lower(part).encode() for part in self.values]

        @cache
        def has_a_part(value: str) -> bool:
            lower = value.encode().lower()
            return any(part in lower for part in parts)

        return has_a_part

    def condition(self, value: str) -> tuple[str, tuple[str, ...]]:
        """SQL that tells the same of the SQL `value`, and its parameters."""
        if self.contains:
            test = " OR ".join(f"instr(lower({value}), ?) > 0" for _ in self.values)
            return f"({test})", tuple(map(_lower, self.values))
        return f"{value} IN ({', '.join('?' * len(self.values))})", self.values


class Asked(NamedTuple):
    """A site, a range [start_ms, end_ms) of event time, and who counts."""

    site: str
    start_ms: int
    end_ms: int
    filters: tuple[Filter, ...] = ()


class Picked:
    """Temporary tables over one read-only connection."""

    def __init__(
        self,
        db: sqlite3.Connection,
        asked: Asked,
        ranges: Sequence[tuple[int, int]],
        most: int,
        events: Sequence[int] = (),
    ) -> None:
        """All events in `ranges` of the time that is asked about, ascending, and those with the
        rowids `events`, which are of other days; at most `most` of them."""
        self._db = db
        self._asked = asked
        self._ranges = ranges
        self._events = events
        self._most = most
        self._made: set[str] = set()
        self.cut = False

    def pick(self) -> None:
        """Copies what is asked about, once, the newest first."""
        if "picked" in self._made:
            return
        self._made.add("picked")
        left = self._copy_wanted()
        for begin_ms, end_ms in reversed(self._ranges):
            started_ms = self._newest(begin_ms, end_ms, left)
            self._copy(started_ms, end_ms)
            if started_ms > begin_ms:
                self.cut = True
                break
            if len(self._ranges) > 1:
                left -= self._count(begin_ms, end_ms)
        for one in self._asked.filters:
            if one.dimension in OF_VISITS:
                self._keep(one)

    def _newest(self, begin_ms: int, end_ms: int, most: int) -> int:
        """Where the newest so many events of a range begin."""
        older = self._db.execute(
            "SELECT occurred_at FROM events WHERE site_id = ? AND occurred_at >= ?"
            " AND occurred_at < ? ORDER BY occurred_at DESC LIMIT 1 OFFSET ?",
            (self._asked.site, begin_ms, end_ms, most),
        ).fetchone()
        return begin_ms if older is None else int(older[0]) + 1

    def _count(self, begin_ms: int, end_ms: int) -> int:
        select = (
            "SELECT count(*) FROM events WHERE site_id = ? AND occurred_at >= ? AND occurred_at < ?"
        )
        return int(self._db.execute(select, (self._asked.site, begin_ms, end_ms)).fetchone()[0])

    def _copy_wanted(self) -> int:
        """How many more events may be picked."""
        newest = sorted(self._events)[-self._most :]
        self._db.execute("CREATE TEMP TABLE wanted (event INTEGER PRIMARY KEY)")
        self._db.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((one,) for one in newest))
        self._copy(self._asked.start_ms, self._asked.end_ms, WANTED)
        self.cut = len(newest) < len(self._events)
        return self._most - len(newest)

    def _copy(self, begin_ms: int, end_ms: int, source: str = ALL) -> None:
        range_ = (self._asked.site, begin_ms, end_ms)
        where, values = "", [*range_]
        for one in self._asked.filters:
            if one.dimension in OF_VISITS:
                continue
            condition, theirs = _condition(one)
            where += (
                f" AND {VISITOR} {'NOT ' * one.without}IN"
                f" (SELECT {VISITOR} FROM {source} WHERE {PEOPLE} AND {condition})"
            )
            values += [*range_, *theirs]
        into = "INSERT INTO picked" if "rows" in self._made else "CREATE TEMP TABLE picked AS"
        self._made.add("rows")
        self._db.execute(f"{into} {TABLE} FROM {source} WHERE {PEOPLE}{where}", values).close()

    def _keep(self, wanted: Filter) -> None:
        """Leaves out who does not fit a filter by what visits have."""
        self._number_visits()
        self._db.execute("DROP TABLE IF EXISTS fitting")
        fits, theirs = wanted.condition("page")
        self._db.execute(
            f"CREATE TEMP TABLE fitting AS SELECT DISTINCT visitor FROM {_ends(wanted.dimension)}"
            f" WHERE {fits}",
            theirs,
        )
        left_out = "IN" if wanted.without else "NOT IN"
        for table in ("picked", "numbered", "visits"):
            self._db.execute(f"DELETE FROM {table} WHERE visitor {left_out} fitting")

    def sums(self, name: str, is_wanted: Callable[[str], bool] | None = None) -> Iterable[Sum]:
        """As Column.sums of the column of this name, over all that is picked."""
        self.pick()
        found = self._sums(name)
        return found if is_wanted is None else [one for one in found if is_wanted(one[0])]

    def _sums(self, name: str) -> Iterable[Sum]:
        what, _, width = name.partition("/")
        if name in COLUMNS:
            counted = f"NOT views AND event NOT IN ({UNSEEN})" if name == "event" else "views"
            return self._all(
                f"SELECT {name}, count(DISTINCT visitor), count(*) FROM picked"
                f" WHERE {counted} GROUP BY 1"
            )
        if width and what == "views":
            return self._all(
                f"SELECT CAST(at_ms / {int(width)} AS TEXT), count(DISTINCT visitor), count(*)"
                " FROM picked WHERE views GROUP BY 1"
            )
        if width or name == "totals" or name in OF_VISITS:
            return self._of_visits(what, width)
        if name in READ:
            self._make(TOLD)
            return self._all(
                f"SELECT page, count(DISTINCT visitor), {READ[name]} FROM told GROUP BY page"
            )
        return self._props() if name == "props" else self._money(name)

    def _of_visits(self, what: str, width: str) -> Iterable[Sum]:
        self._number_visits()
        if width:
            return self._all(
                f"SELECT CAST(began / {int(width)} AS TEXT), count(DISTINCT visitor),"
                f" {OVER_TIME[what]} FROM visits GROUP BY 1"
            )
        if what == "totals":
            return self._all(
                "SELECT 'views', count(DISTINCT visitor), count(*) FROM picked WHERE views"
                " UNION ALL SELECT 'events', count(DISTINCT visitor), count(*) FROM picked"
                f" WHERE NOT views AND event NOT IN ({UNSEEN})"
                + "".join(
                    f" UNION ALL SELECT '{one}', count(DISTINCT visitor), coalesce({counted}, 0)"
                    " FROM visits"
                    for one, counted in OVER_TIME.items()
                )
            )
        return self._all(
            f"SELECT page, count(DISTINCT visitor), count(*) FROM {_ends(what)} GROUP BY page"
        )

    def _number_visits(self) -> None:
        """Makes `numbered`, the events with the number of their visit, and `visits`."""
        for statement in (MARKED, NUMBERED, VISITS):
            self._make(statement)

    def _make(self, table: str) -> None:
        """A table of the events that are picked, once."""
        if table not in self._made:
            self._made.add(table)
            self._db.execute(table).close()

    def _props(self) -> Iterable[Sum]:
        rows = self._db.execute(
            "SELECT visitor, event, props, count(*) FROM picked WHERE props IS NOT NULL"
            " GROUP BY 1, 2, 3"
        )
        return _summed(
            (visitor, key_of(event, key, prop_text(value)), times)
            for visitor, event, props, times in rows
            for key, value in props_of(props).items()
        )

    def _money(self, name: str) -> Iterable[Sum]:
        rows = self._db.execute(
            "SELECT visitor, event, amount, currency FROM picked WHERE amount IS NOT NULL"
        )
        sold = [(*row, micros_of(*row[2:])) for row in rows]
        return _summed(
            (visitor, key_of(event, currency), 1)
            if name == "revenue"
            else (visitor, key_of(event, currency, "-" if micros < 0 else "+"), abs(micros))
            for visitor, event, _, currency, micros in sold
            if micros is not None
        )

    def _all(self, select: str) -> list[Sum]:
        return [row for row in self._db.execute(select) if row[2]]

    def visitors(self) -> dict[int, set[str]]:
        """Ids by the day that they are worth."""
        self.pick()
        found: defaultdict[int, set[str]] = defaultdict(set)
        for (visitor,) in self._db.execute("SELECT DISTINCT visitor FROM picked"):
            day, _, one = visitor.partition("/")
            found[int(day)].add(one)
        return found

    def funnel(self, steps: Sequence[str]) -> list[funnel.Stage]:
        """How many of these visitors took the steps one after the other."""
        self.pick()
        return funnel.funnel(self._db, steps)


def _summed(found: Iterable[tuple[str, str, int]]) -> list[Sum]:
    """Visitor, value and number, several of each."""
    each: Counter[tuple[str, str]] = Counter()
    for visitor, value, number in found:
        each[value, visitor] += number
    totals: dict[str, tuple[int, int]] = {}
    for (value, _), number in each.items():
        before = totals.get(value, (0, 0))
        totals[value] = (before[0] + 1, before[1] + number)
    return [(value, *both) for value, both in totals.items()]


def _ends(dimension: str) -> str:
    """SQL: visitor and page of each visit, by a dimension of OF_VISITS."""
    return (
        "(SELECT visits.visitor, numbered.page FROM visits"
        f" JOIN numbered ON numbered.rowid = visits.{dimension})"
    )


def _condition(one: Filter) -> tuple[str, tuple[str, ...]]:
    """SQL that says whether an event has such a value, and its parameters."""
    if one.dimension.startswith(PROPERTY):
        fits, theirs = one.condition(TEXT)
        has = f"SELECT 1 FROM json_each(props) AS one WHERE one.key = ? AND {fits}"
        name = one.dimension.removeprefix(PROPERTY)
        return f"props IS NOT NULL AND EXISTS ({has})", (name, *theirs)
    return one.condition(f"coalesce({COLUMNS[one.dimension]}, '')")


def _lower(text: str) -> str:
    """A to Z alone, as SQLite has it."""
    return text.encode().lower().decode()
