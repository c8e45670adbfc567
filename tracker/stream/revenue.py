"""Revenue: what events were worth, by site, hour, name of the event and currency."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Final

from tracker.money import AMOUNT_MAX, amount_of, is_currency
from tracker.rollups import MICRO
from tracker.stream.counted import Counted
from tracker.stream.windows import hour_of

INT64_MAX: Final = 2**63 - 1


class Revenue:
    """Counts a batch inside the caller's transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def count(self, batch: Sequence[Counted]) -> None:
        events: Counter[tuple[int, int, int, str]] = Counter()
        micros: Counter[tuple[int, int, int, str]] = Counter()
        for event, _key, ids in batch:
            if event.revenue_amount is None or not is_currency(event.revenue_currency or ""):
                continue
            amount = amount_of(event.revenue_amount)
            if amount is None or abs(amount) > AMOUNT_MAX:
                continue
            bucket = (ids.site, hour_of(event.occurred_at), ids.name, event.revenue_currency or "")
            events[bucket] += 1
            micros[bucket] += int(amount * MICRO)
        self._db.executemany(
            "INSERT INTO revenue_hours (site_id, hour, name_id, currency, events, micros)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (site_id, hour, name_id, currency) DO UPDATE"
            " SET events = events + excluded.events, micros = micros + excluded.micros",
            [(*bucket, count, _storable(micros[bucket])) for bucket, count in events.items()],
        )


def _storable(micros: int) -> int | float:
    """A sum beyond 64 bits as SQLite itself goes on with one: as a floating-point number."""
    return micros if abs(micros) <= INT64_MAX else float(micros)
