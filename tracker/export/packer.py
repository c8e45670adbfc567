"""Packer: makes packs of the warehouse's days, one after a flush, so that no flush pays for all of
them; settled days, fresh ones (tracker.export.fresh) and measured values (tracker.export.measured)
take turns.

A day is settled when the day after it is over: a beacon's event may be a day late. Today and the
day before get fresh packs (tracker.export.fresh), which the settled one takes the place of. That
takes some weeks of a small site, until it has ROWS visitors, or one day of a large one in several
parts; a day of more than EVENTS_MAX events is left as it is. A pack that ends where the next day
begins and has room is made anew with that day.
"""

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, NamedTuple

from tracker.clock import Clock
from tracker.export.fresh import pack_fresh, tail_of
from tracker.export.measured import next_tail, pack_values
from tracker.packs import store
from tracker.packs.store import Span
from tracker.packs.visits import SELECT, Row, Visits
from tracker.rollups import DAY_MS
from tracker.sinks.exporter import SinkUnavailable
from tracker.sinks.offset_table import in_transaction, meaning

log = logging.getLogger(__name__)

ROWS: Final = 4_096
EVENTS_MAX: Final = 200_000
SETTLED_DAYS: Final = 1  # beside today
REST_TIMES: Final = 30.0  # packing takes one part of so many of the role's time
NOTHING_TO_DO_MS: Final = 60_000.0


Work = Callable[[], None]
"""Makes one pack; part of a transaction."""


class Days(NamedTuple):
    """Days of a site to pack."""

    site: str
    first: int
    end: int


class Packer:
    """Works on the connection of the exporter, between its transactions."""

    def __init__(self, db: sqlite3.Connection, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._not_before_ms = 0.0
        self._kinds = deque((self._settled, self._fresh, self._measured))

    def end_ms(self) -> int:
        """No event from then on is in a settled pack; ask within the transaction that stores
        events."""
        select = "SELECT max(end_day) FROM packs WHERE until IS NULL"
        (day,) = self._db.execute(select).fetchone()
        return (day or 0) * DAY_MS

    def late(self, found: Iterable[tuple[str, int]]) -> None:
        """Events of these sites and days are stored in this transaction: no pack has them."""
        for site, day in found:
            store.take_away(self._db, site, day)

    def pack_some(self) -> bool:
        """One pack, if there is something to pack and the last one is long enough ago.

        A full disk or a lock is waited for: the events are stored, and read without packs. Raises
        SinkUnusable.
        """
        began_ms = self._clock.monotonic_ms()
        if began_ms < self._not_before_ms:
            return False
        self._not_before_ms = began_ms + NOTHING_TO_DO_MS
        try:
            work = self._next()
            if work is None:
                return False
            in_transaction(self._db, work)
        except SinkUnavailable as trouble:
            log.warning("days are not packed now reason=%s: %s", trouble.reason, trouble)
            return False
        took_ms = self._clock.monotonic_ms() - began_ms
        self._not_before_ms = began_ms + REST_TIMES * took_ms
        return True

    def _next(self) -> Work | None:
        """Of the next kind that has some."""
        try:
            for _ in range(len(self._kinds)):
                self._kinds.rotate(-1)
                work = self._kinds[-1]()
                if work is not None:
                    return work
        except sqlite3.Error as error:
            raise meaning(error) from error
        return None

    def _settled(self) -> Work | None:
        for site in self._sites():
            days = self._gap(site, self._first_open_day())
            if days is not None:
                return partial(self._pack, days)
        return None

    def _fresh(self) -> Work | None:
        """Of a day with many events that no fresh pack has."""
        first = self._first_open_day()
        for site in self._sites():
            for day in range(first, first + SETTLED_DAYS + 1):
                tail = tail_of(self._db, site, day)
                if tail is not None:
                    return partial(pack_fresh, self._db, tail)
        return None

    def _measured(self) -> Work | None:
        tail = next_tail(self._db)
        return None if tail is None else partial(pack_values, self._db, tail)

    def _first_open_day(self) -> int:
        return self._clock.now_ms() // DAY_MS - SETTLED_DAYS

    def _sites(self) -> Iterator[str]:
        site = ""
        while True:
            select = "SELECT min(site_id) FROM events WHERE site_id > ?"
            (site,) = self._db.execute(select, (site,)).fetchone()
            if site is None:
                return
            yield site

    def _gap(self, site: str, settled: int) -> Days | None:
        """The first days of a site that have events and no pack."""
        cursor, before = 0, None
        packed = [one for one in store.spans(self._db, site) if one.until is None]
        for span in (*packed, Span(settled, settled, 0)):
            while cursor < span.first:
                day = self._day_with_events(site, cursor, min(span.first, settled))
                if day is None:
                    break
                if self._is_small_enough(site, day):
                    joins = before is not None and before.end == cursor and before.rows < ROWS
                    first = before.first if joins and before is not None else day
                    return Days(site, first, min(span.first, settled))
                cursor, before = day + 1, None
            cursor, before = span.end, span
        return None

    def _day_with_events(self, site: str, first: int, end: int) -> int | None:
        select = (
            "SELECT occurred_at FROM events WHERE site_id = ? AND occurred_at >= ?"
            " AND occurred_at < ? ORDER BY occurred_at LIMIT 1"
        )
        found = self._db.execute(select, (site, first * DAY_MS, end * DAY_MS)).fetchone()
        return None if found is None else found[0] // DAY_MS

    def _is_small_enough(self, site: str, day: int) -> bool:
        select = (
            "SELECT count(*) FROM (SELECT 1 FROM events WHERE site_id = ? AND occurred_at >= ?"
            " AND occurred_at < ? LIMIT ?)"
        )
        asked = (site, day * DAY_MS, (day + 1) * DAY_MS, EVENTS_MAX + 1)
        return bool(self._db.execute(select, asked).fetchone()[0] <= EVENTS_MAX)

    def _pack(self, days: Days) -> None:
        """As many of the days as fill a pack."""
        store.take_away(self._db, days.site, days.first)
        events: list[Row] = []
        visitors: set[tuple[int, str]] = set()
        day = days.first
        while day < days.end and len(visitors) < ROWS:
            if day > days.first and not self._is_small_enough(days.site, day):
                break
            asked = (days.site, day * DAY_MS, (day + 1) * DAY_MS)
            of_day = self._db.execute(SELECT, asked).fetchall()
            visitors.update((day, one[0]) for one in of_day)
            events += of_day
            day += 1
        for covered in range(days.first, day):
            store.take_away(self._db, days.site, covered, fresh=True)
        span = Span(days.first, day, len(visitors))
        ordered = sorted(visitors)
        size = ROWS if len(ordered) > 2 * ROWS else max(1, len(ordered))
        for part, begin in enumerate(range(0, max(1, len(ordered)), size)):  # bots alone: empty
            mine = set(ordered[begin : begin + size])
            chosen = [one for one in events if (one[1] // DAY_MS, one[0]) in mine]
            store.put(self._db, days.site, span, part, Visits(chosen))
