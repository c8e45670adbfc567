"""Repeats: an event id counts once, however often the event was sent or read.

A beacon that got no answer sends its event again with the same id, and an importer that was
stopped repeats its last lines. Two memories together recognise them:

`seen` holds the ids counted in the last `repeat_window_days`, by processing time: browsers give up
re-sending after 24 hours, so 7 days leave room for an aggregator that was away for some days. By
processing time and not by the event's own, since an import of 2015 is as repeatable as a click
of this minute. `hits` holds every event for ever, by site, time and id: it is asked about events
that happened longer ago than the window, so the same file imported again next year, or the whole
log read again, counts nothing twice. What slips through is only a repeat after the window with
another time.

Pruning goes in small steps with every batch, oldest first, so no flush pays for all of it.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple
from uuid import UUID

from tracker.events import Event
from tracker.rollups import DAY_MS

LOOKUP_KEYS: Final = 1_000
CLOCK_MARGIN_MS: Final = (
    DAY_MS  # an event may claim to lie in the future, by ingest's bound far less
)
PRUNE_ROWS: Final = 20_000  # more than a batch brings, so pruning always catches up


class Fresh(NamedTuple):
    """An event never counted before, with its short key."""

    event: Event
    key: bytes


def event_key(event_id: str) -> bytes:
    """16 bytes that stand for an event id: a UUID's own (they sort by time), else a hash."""
    try:
        return UUID(event_id).bytes
    except ValueError:
        return blake2b(event_id.encode(errors="surrogatepass"), digest_size=16).digest()


class Repeats:
    """Tells first sightings from repeats, inside the caller's transaction."""

    def __init__(self, db: sqlite3.Connection, window_days: int) -> None:
        self._db = db
        self._window_ms = window_days * DAY_MS

    def first_sightings(self, events: Iterable[Event], now_ms: int) -> list[Fresh]:
        """The events that were never counted, in order; from now on they were."""
        arrived: dict[bytes, Event] = {}
        for event in events:
            arrived.setdefault(event_key(event.event_id), event)
        known = self._known(list(arrived))
        known |= self._long_counted(arrived, now_ms - self._window_ms + CLOCK_MARGIN_MS)
        fresh = [Fresh(event, key) for key, event in arrived.items() if key not in known]
        self._db.executemany(
            "INSERT INTO seen (event_key, seen_at_ms) VALUES (?, ?)"
            " ON CONFLICT (event_key) DO NOTHING",
            [(one.key, now_ms) for one in fresh],
        )
        return fresh

    def prune(self, now_ms: int) -> None:
        """Forget ids older than the window, some rows a call."""
        first = self._db.execute("SELECT min(sequence) FROM seen").fetchone()[0]
        if first is not None:
            self._db.execute(
                "DELETE FROM seen WHERE sequence < ? AND seen_at_ms < ?",
                (first + PRUNE_ROWS, now_ms - self._window_ms),
            )

    def _known(self, keys: Sequence[bytes]) -> set[bytes]:
        known: set[bytes] = set()
        for begin in range(0, len(keys), LOOKUP_KEYS):
            part = keys[begin : begin + LOOKUP_KEYS]
            marks = ",".join("?" * len(part))
            rows = self._db.execute(
                f"SELECT event_key FROM seen WHERE event_key IN ({marks})", part
            )
            known.update(key for (key,) in rows)
        return known

    def _long_counted(self, arrived: dict[bytes, Event], before_ms: int) -> set[bytes]:
        """Keys of events that happened before `before_ms` and stand in `hits`."""
        select = (
            "SELECT 1 FROM hits WHERE site_id = (SELECT id FROM names WHERE text = ?)"
            " AND occurred_at_ms = ? AND event_key = ?"
        )
        return {
            key
            for key, event in arrived.items()
            if event.occurred_at < before_ms
            and self._db.execute(select, (event.site_id, event.occurred_at, key)).fetchone()
        }
