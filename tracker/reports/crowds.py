"""Crowds: how many visitors each site has had in the last hour, and in that hour a week before."""

import sqlite3
from typing import Final, NamedTuple

from tracker.reports.sites import sites
from tracker.reports.tally import tally
from tracker.rollups import DAY_MS, HOUR_MS, Kind, id_of_site, snapshot

WEEK_MS: Final = 7 * DAY_MS
SITES_MAX: Final = 100  # those with most page views


class Crowd(NamedTuple):
    """Visitors of one site; `week_before` is None where the site was not there then."""

    site: str
    last_hour: int
    week_before: int | None


def crowds(db: sqlite3.Connection, now_ms: int) -> list[Crowd]:
    """The hour before `now_ms`, and the same one a week earlier."""
    found = []
    for row in sites(db)[:SITES_MAX]:
        with snapshot(db):
            site_id = id_of_site(db, row.site)
            if site_id is None:
                continue
            then_ms = now_ms - WEEK_MS
            known = row.first_day_ms <= then_ms - HOUR_MS
            before = _visitors(db, site_id, then_ms) if known else None
            found.append(Crowd(row.site, _visitors(db, site_id, now_ms), before))
    return found


def _visitors(db: sqlite3.Connection, site_id: int, end_ms: int) -> int:
    return tally(db, site_id, Kind.TOTAL, end_ms - HOUR_MS, end_ms).visitors[0]
