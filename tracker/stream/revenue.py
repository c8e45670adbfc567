"""Revenue: what events were worth, by site, hour, name of the event and currency."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tracker.rollups import MICRO
from tracker.stream.counted import Counted
from tracker.stream.windows import hour_of

AMOUNT_MAX: Final = Decimal(10) ** 9
"""Greatest amount that is added up: the warehouse keeps every other, here one would spoil a sum."""


class Revenue:
    """Counts a batch inside the caller's transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def count(self, batch: Sequence[Counted]) -> None:
        events: Counter[tuple[int, int, int, str]] = Counter()
        micros: Counter[tuple[int, int, int, str]] = Counter()
        for event, _key, ids in batch:
            if event.revenue_amount is None or event.revenue_currency is None:
                continue
            amount = Decimal(event.revenue_amount)
            if abs(amount) > AMOUNT_MAX:
                continue
            bucket = (ids.site, hour_of(event.occurred_at), ids.name, event.revenue_currency)
            events[bucket] += 1
            micros[bucket] += int(amount * MICRO)
        self._db.executemany(
            "INSERT INTO revenue_hours (site_id, hour, name_id, currency, events, micros)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (site_id, hour, name_id, currency) DO UPDATE"
            " SET events = events + excluded.events, micros = micros + excluded.micros",
            [(*bucket, count, micros[bucket]) for bucket, count in events.items()],
        )
