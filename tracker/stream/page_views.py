"""Page views: hourly, daily and presence: who saw what, when, from where.

A page view counts for the site and for its page, country, browser, system and device, and for its
source if it has one (a step from page to page has none); any other event counts under its name.
Visitors are exact: `presence` holds one row for each visitor, day and value, with one bit for each
hour, and an hour's or a day's number of visitors grows when a bit or a row is new.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tracker.events import PAGEVIEW
from tracker.rollups import HOURS_A_DAY, Kind
from tracker.stream.counted import Counted
from tracker.stream.windows import day_of, hour_bit, hour_of, hours_in

KNOWN_PRESENCES_MAX: Final = 300_000  # about 60 MB; forgetting costs only lookups

TOTAL, PAGE, SOURCE, COUNTRY, EVENT, BROWSER, OS, DEVICE = (kind.value for kind in Kind)
# Plain numbers, which sqlite3 binds several times as fast as enums.

FIRST: Final = frozenset((TOTAL, EVENT))
"""Kinds to look up first: a visitor without a page view on a day has no other row of that day."""

Presence = tuple[int, int, int, int, str]
"""site id, kind, day, value id, visitor id"""
Bucket = tuple[int, int, int, int]
"""site id, kind, hour or day, value id"""

_UPSERT: Final = (
    "INSERT INTO {table} (site_id, kind, {unit}, value_id, hits, visitors)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (site_id, kind, {unit}, value_id) DO UPDATE SET"
    " hits = hits + excluded.hits, visitors = visitors + excluded.visitors"
)


class PageViews:
    """Counts a batch inside the caller's transaction; remembers presences known to be stored."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[Presence, int] = {}
        db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS asked (site_id INTEGER, kind INTEGER, day INTEGER,"
            " value_id INTEGER, visitor_id TEXT)"
        )

    def count(self, batch: Sequence[Counted]) -> None:
        hourly: defaultdict[Bucket, int] = defaultdict(int)
        present: defaultdict[Presence, int] = defaultdict(int)
        for event, _key, ids in batch:
            at_ms, visitor, site = event.occurred_at, event.visitor_id, ids.site
            hour, day, bit = hour_of(at_ms), day_of(at_ms), hour_bit(at_ms)
            if event.event_name == PAGEVIEW:
                values: tuple[tuple[int, int], ...] = (
                    (TOTAL, 0),
                    (PAGE, ids.page),
                    (COUNTRY, ids.country),
                    (BROWSER, ids.browser),
                    (OS, ids.os),
                    (DEVICE, ids.device),
                )
                if event.source:  # else from page to page of one site: nobody arrived
                    values = (*values, (SOURCE, ids.source))
            else:
                values = ((EVENT, ids.name),)
            for kind, value in values:
                hourly[site, kind, hour, value] += 1
                present[site, kind, day, value, visitor] |= bit
        self._store_buckets(hourly, self._arrivals(present))

    def forget(self) -> None:
        """After a rollback: what was thought stored is not."""
        self._known.clear()

    def _arrivals(self, present: Mapping[Presence, int]) -> list[tuple[Presence, int, bool]]:
        """Store who is there; tells for each new presence its new hours, and if the day is new."""
        if len(self._known) > KNOWN_PRESENCES_MAX:
            self._known.clear()
        known = self._known
        self._learn([who for who in present if who[1] in FIRST and who not in known])
        self._learn(
            [
                who
                for who in present
                if who not in known and (who[0], TOTAL, who[2], 0, who[4]) in known
            ]
        )
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

    def _learn(self, asked: Sequence[Presence]) -> None:
        """Remember those of `asked` that are stored."""
        if not asked:
            return
        self._db.execute("DELETE FROM asked")
        self._db.executemany("INSERT INTO asked VALUES (?, ?, ?, ?, ?)", asked)
        rows = self._db.execute(
            "SELECT site_id, kind, day, value_id, visitor_id, hours"
            " FROM asked CROSS JOIN presence USING (site_id, kind, day, value_id, visitor_id)"
        )
        for *who, bits in rows:
            self._known[tuple(who)] = bits

    def _store_buckets(
        self, hourly: Mapping[Bucket, int], arrivals: Iterable[tuple[Presence, int, bool]]
    ) -> None:
        daily: defaultdict[Bucket, int] = defaultdict(int)
        for (site, kind, hour, value), count in hourly.items():
            daily[site, kind, hour // HOURS_A_DAY, value] += count
        hour_visitors: defaultdict[Bucket, int] = defaultdict(int)
        day_visitors: defaultdict[Bucket, int] = defaultdict(int)
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
