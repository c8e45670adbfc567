"""Sessions: visits, bounces and entry pages, right for late events too.

A batch becomes small sessions of its own; they are merged with the stored ones of the same
visitors, and the sums of `session_hours` move by the difference. A visit counts when it has a page
view; it belongs to the hour in which it starts.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tracker.events import PAGEVIEW, PASSIVE, Event
from tracker.stream.counted import Counted
from tracker.stream.windows import Entry, Session, hour_of, merge

Visitor = tuple[int, str]
"""site id, visitor id"""


def piece_of(event: Event, key: bytes, page_id: int) -> Session:
    """The session that one event alone would be."""
    at_ms = event.occurred_at
    if event.event_name == PAGEVIEW:
        return Session(at_ms, at_ms, page_views=1, entry=Entry(at_ms, key, page_id))
    acted = event.interactive and event.event_name not in PASSIVE
    return Session(at_ms, at_ms, interactions=int(acted))


class Sessions:
    """Merges a batch inside the caller's transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.execute("CREATE TEMP TABLE IF NOT EXISTS visiting (site_id INTEGER, visitor_id TEXT)")

    def count(self, batch: Sequence[Counted]) -> None:
        pieces: defaultdict[Visitor, list[Session]] = defaultdict(list)
        for event, key, ids in batch:
            who = (ids.site, event.visitor_id)
            pieces[who].append(piece_of(event, key, ids.page))
        stored = self._lookup(list(pieces))
        gone: list[tuple[Visitor, Session]] = []
        new: list[tuple[Visitor, Session]] = []
        for who, parts in pieces.items():
            before = stored.get(who, [])
            after = merge([*before, *parts]) if before or len(parts) > 1 else parts
            gone += [(who, one) for one in before if one not in after]
            new += [(who, one) for one in after if one not in before]
        self._store(gone, new)
        self._store_hours(gone, new)

    def _lookup(self, visitors: Iterable[Visitor]) -> Mapping[Visitor, list[Session]]:
        self._db.execute("DELETE FROM visiting")
        self._db.executemany("INSERT INTO visiting VALUES (?, ?)", visitors)
        rows = self._db.execute(
            "SELECT site_id, visitor_id, started_at_ms, last_at_ms, page_views, interactions,"
            " entry_at_ms, entry_key, entry_page_id"
            " FROM visiting CROSS JOIN sessions USING (site_id, visitor_id)"
        )
        found: defaultdict[Visitor, list[Session]] = defaultdict(list)
        for site, visitor, start, last, views, interactions, entry_at, key, page in rows:
            entry = None if key is None else Entry(entry_at, key, page)
            found[site, visitor].append(Session(start, last, views, interactions, entry))
        return found

    def _store(
        self, gone: Iterable[tuple[Visitor, Session]], new: Iterable[tuple[Visitor, Session]]
    ) -> None:
        self._db.executemany(
            "DELETE FROM sessions WHERE site_id = ? AND visitor_id = ? AND started_at_ms = ?",
            [(*who, one.started_at_ms) for who, one in gone],
        )
        rows = []
        for who, one in new:
            entry: tuple[object, ...] = (None, None, None)
            if one.entry is not None:
                entry = (one.entry.at_ms, one.entry.key, one.entry.page_id)
            rows.append(
                (
                    *who,
                    one.started_at_ms,
                    one.last_at_ms,
                    one.page_views,
                    one.interactions,
                    *entry,
                )
            )
        self._db.executemany("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def _store_hours(
        self, gone: Iterable[tuple[Visitor, Session]], new: Iterable[tuple[Visitor, Session]]
    ) -> None:
        sums: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for sign, sessions in ((-1, gone), (1, new)):
            for (site, _visitor), one in sessions:
                if one.page_views:
                    total = sums[site, hour_of(one.started_at_ms)]
                    total[0] += sign
                    total[1] += sign * one.bounced
                    total[2] += sign * one.page_views
                    total[3] += sign * (one.last_at_ms - one.started_at_ms)
        self._db.executemany(
            "INSERT INTO session_hours (site_id, hour, sessions, bounces, page_views, duration_ms)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (site_id, hour) DO UPDATE SET"
            " sessions = sessions + excluded.sessions, bounces = bounces + excluded.bounces,"
            " page_views = page_views + excluded.page_views,"
            " duration_ms = duration_ms + excluded.duration_ms",
            [(*where, *total) for where, total in sums.items() if any(total)],
        )
