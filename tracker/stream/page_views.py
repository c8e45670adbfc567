"""Page views: hourly, daily and presence: who saw what, when, from where.

A page view counts for the site and for its page, country, browser, system and device, and for its
source if it has one (a step from page to page has none); any other event counts under its name.
Visitors are exact: `presence` holds one row for each visitor, day and value, with one bit for each
hour, and an hour's or a day's number of visitors grows when a bit or a row is new.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from tracker.events import PAGEVIEW
from tracker.rollups import HOURS_A_DAY, Kind
from tracker.stream.hits import texts_of
from tracker.stream.names import Names
from tracker.stream.repeats import Counted
from tracker.stream.windows import day_of, hour_bit, hour_of, hours_in

KNOWN_PRESENCES_MAX: Final = 300_000  # about 60 MB; forgetting costs only lookups

Presence = tuple[int, Kind, int, int, str]
"""site id, kind, day, value id, visitor id"""
Bucket = tuple[int, Kind, int, int]
"""site id, kind, hour or day, value id"""

_UPSERT: Final = (
    "INSERT INTO {table} (site_id, kind, {unit}, value_id, hits, visitors)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (site_id, kind, {unit}, value_id) DO UPDATE SET"
    " hits = hits + excluded.hits, visitors = visitors + excluded.visitors"
)


class PageViews:
    """Counts a batch inside the caller's transaction; remembers presences known to be stored."""

    def __init__(self, db: sqlite3.Connection, names: Names) -> None:
        self._db = db
        self._names = names
        self._known: dict[Presence, int] = {}
        db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS asked (site_id INTEGER, kind INTEGER, day INTEGER,"
            " value_id INTEGER, visitor_id TEXT)"
        )

    def count(self, batch: Sequence[Counted]) -> None:
        hourly: Counter[Bucket] = Counter()
        present: dict[Presence, int] = {}
        id_of = self._names.id_of
        for event, _key in batch:
            at_ms, visitor = event.occurred_at, event.visitor_id
            site, name, page, source, country, browser, system, device, _ = map(
                id_of, texts_of(event)
            )
            hour, day, bit = hour_of(at_ms), day_of(at_ms), hour_bit(at_ms)
            values = (
                (
                    (Kind.TOTAL, 0),
                    (Kind.PAGE, page),
                    (Kind.SOURCE, source),
                    (Kind.COUNTRY, country),
                    (Kind.BROWSER, browser),
                    (Kind.OS, system),
                    (Kind.DEVICE, device),
                )
                if event.event_name == PAGEVIEW
                else ((Kind.EVENT, name),)
            )
            for kind, value in values:
                if kind == Kind.SOURCE and not event.source:
                    continue  # from page to page of one site: nobody arrived
                hourly[site, kind, hour, value] += 1
                who = (site, kind, day, value, visitor)
                present[who] = present.get(who, 0) | bit
        self._store_buckets(hourly, self._arrivals(present))

    def forget(self) -> None:
        """After a rollback: what was thought stored is not."""
        self._known.clear()

    def _arrivals(self, present: dict[Presence, int]) -> list[tuple[Presence, int, bool]]:
        """Store who is there; tells for each new presence its new hours, and if the day is new."""
        if len(self._known) > KNOWN_PRESENCES_MAX:
            self._known.clear()
        known = self._known
        unknown = [who for who in present if who not in known]
        known.update(self._lookup(unknown))
        arrivals = []
        for who, bits in present.items():
            before = known.get(who, 0)
            if new := bits & ~before:
                arrivals.append((who, new, before == 0))
                known[who] = before | new
        self._db.executemany(
            "INSERT INTO presence (site_id, kind, day, value_id, visitor_id, hours)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (site_id, kind, day, value_id, visitor_id)"
            " DO UPDATE SET hours = hours | excluded.hours",
            [(*who, new) for who, new, _ in sorted(arrivals)],
        )
        return arrivals

    def _lookup(self, asked: Sequence[Presence]) -> dict[Presence, int]:
        if not asked:
            return {}
        self._db.execute("DELETE FROM asked")
        self._db.executemany("INSERT INTO asked VALUES (?, ?, ?, ?, ?)", asked)
        rows = self._db.execute(
            "SELECT site_id, kind, day, value_id, visitor_id, hours"
            " FROM asked CROSS JOIN presence USING (site_id, kind, day, value_id, visitor_id)"
        )
        return {(site, kind, day, value, who): bits for site, kind, day, value, who, bits in rows}

    def _store_buckets(
        self, hourly: Counter[Bucket], arrivals: Iterable[tuple[Presence, int, bool]]
    ) -> None:
        daily: Counter[Bucket] = Counter()
        for (site, kind, hour, value), count in hourly.items():
            daily[site, kind, hour // HOURS_A_DAY, value] += count
        hour_visitors: Counter[Bucket] = Counter()
        day_visitors: Counter[Bucket] = Counter()
        for (site, kind, day, value, _visitor), new_hours, is_new_day in arrivals:
            for hour in hours_in(new_hours):
                hour_visitors[site, kind, day * HOURS_A_DAY + hour, value] += 1
            if is_new_day:
                day_visitors[site, kind, day, value] += 1
        for table, unit, counts, visitors in (
            ("hourly", "hour", hourly, hour_visitors),
            ("daily", "day", daily, day_visitors),
        ):
            self._db.executemany(
                _UPSERT.format(table=table, unit=unit),
                [(*bucket, count, visitors[bucket]) for bucket, count in counts.items()],
            )
