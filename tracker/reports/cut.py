"""Cut: which visitors of packs lie within a range, and which events have to be read for the others.

A visitor of a day is either wholly in the answer from a pack or wholly from events, so that nobody
counts twice.
"""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from tracker.packs import store
from tracker.packs.columns import bitmap
from tracker.packs.store import Pack, Span
from tracker.reports.picked import Asked
from tracker.rollups import DAY_MS


class Chosen(NamedTuple):
    """Some rows of a pack, as a bitmap."""

    pack: Pack
    who: int


class Found(NamedTuple):
    """Of all packs of a range."""

    chosen: list[Chosen]
    events: list[int]  # rowids; some are outside of the range


def of_packs(db: sqlite3.Connection, asked: Asked, spans: Iterable[Span]) -> Found:
    """Inside one transaction."""
    found = Found([], [])
    for span in spans:
        later = _later(db, asked, span)
        found.events.extend(later)
        visitors = set(later.values())
        for pack in store.packs_of(db, asked.site, span):
            who, partly = _within(pack, asked.start_ms, asked.end_ms)
            who &= pack.there
            partly = [row for row in partly if pack.there >> row & 1]
            if visitors:
                theirs = pack.rows_of(visitors)
                who &= ~bitmap(theirs)
                partly = [*{*partly, *theirs}]
            if partly:
                found.events.extend(pack.bounds().events_of(partly))
            found.chosen.append(Chosen(pack, who))
    return found


def _later(db: sqlite3.Connection, asked: Asked, span: Span) -> dict[int, str]:
    """Rowid and visitor of events in the range that came since a fresh day was packed."""
    if span.until is None:
        return {}
    rows = db.execute(
        "SELECT rowid, visitor_id FROM events WHERE site_id = ? AND occurred_at >= ?"
        " AND occurred_at < ? AND rowid > ? AND is_bot IS NOT 1",
        (
            asked.site,
            max(asked.start_ms, span.first * DAY_MS),
            min(asked.end_ms, span.end * DAY_MS),
            span.until,
        ),
    )
    return dict(rows.fetchall())


def _within(pack: Pack, start_ms: int, end_ms: int) -> tuple[int, list[int]]:
    """Bitmap of the rows that lie in the range, and a list of those that do partly."""
    who, partly = 0, []
    ends = [*pack.days.values(), pack.rows][1:]  # none where only bots came
    for (day, begin), end in zip(pack.days.items(), ends, strict=True):
        from_ms, to_ms = start_ms - day * DAY_MS, end_ms - day * DAY_MS
        if from_ms <= 0 and to_ms >= DAY_MS:
            who |= (1 << end) - (1 << begin)
        elif from_ms < DAY_MS and to_ms > 0:
            within, some = pack.bounds().parted(range(begin, end), from_ms, to_ms)
            who |= within
            partly += some
    return who, partly
