"""Rollups: the aggregators as one sink, so that the worker feeds them as it feeds a warehouse.

Values of topic `metrics` are counted apart from events. One flush is one transaction: repeats are
sorted out, each aggregator counts its part, and the offsets move with them.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from tracker import rollups
from tracker.clock import Clock
from tracker.events import TOLD_BY_ITSELF, Event
from tracker.sinks.exporter import Arrived, Offsets
from tracker.sinks.offset_table import refuse_damage
from tracker.sinks.sqlite_sink import SqliteSink
from tracker.stream.bots import Bots
from tracker.stream.counted import Counted, Ids, texts_of
from tracker.stream.hits import Hits
from tracker.stream.live_visitors import LiveVisitors
from tracker.stream.measured import Measured
from tracker.stream.names import Names
from tracker.stream.page_views import PageViews
from tracker.stream.repeats import Repeats
from tracker.stream.revenue import Revenue
from tracker.stream.sessions import Sessions
from tracker.topics import METRICS


class RollupSink(SqliteSink):
    """rollups.db as an Exporter."""

    name = "rollups"

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        repeat_window_days: int = 7,
        busy_timeout_ms: int = rollups.BUSY_TIMEOUT_MS,
    ) -> None:
        super().__init__(path)
        self._busy_timeout_ms = busy_timeout_ms
        self._clock = clock
        self._repeat_window_days = repeat_window_days

    def _connect(self) -> sqlite3.Connection:
        return rollups.open_for_writing(Path(self.place), self._busy_timeout_ms)

    def _prepare(self) -> None:
        refuse_damage(self._db, Path(self.place))
        self._names = Names(self._db)
        self._repeats = Repeats(self._db, self._repeat_window_days)
        self._hits = Hits(self._db)
        self._page_views = PageViews(self._db)
        self._sessions = Sessions(self._db)
        self._live_visitors = LiveVisitors(self._db)
        self._bots = Bots(self._db)
        self._revenue = Revenue(self._db)
        self._measured = Measured(self._db, self._names)

    def flush(self) -> Offsets:
        try:
            return super().flush()
        except BaseException:
            self._names.forget()
            self._page_views.forget()
            self._measured.forget()
            raise

    def _store(self, records: Sequence[Arrived]) -> None:
        now_ms = self._clock.now_ms()
        events = [one.event for one in records if one.where.topic != METRICS.name]
        measured = [one.event for one in records if one.where.topic == METRICS.name]
        self._count_events(events, now_ms)
        fresh = self._repeats.first_sightings(measured, now_ms)
        self._measured.count([event for event, _ in fresh if not event.is_bot])
        self._repeats.prune(now_ms)

    def _count_events(self, events: Sequence[Event], now_ms: int) -> None:
        fresh = self._repeats.first_sightings(events, now_ms)
        texts = [texts_of(event) for event, _ in fresh]
        self._names.prepare(chain.from_iterable(texts))
        batch = [
            Counted(event, key, Ids._make(self._names.ids_of(theirs)))
            for (event, key), theirs in zip(fresh, texts, strict=True)
        ]
        people = [counted for counted in batch if not counted.event.is_bot]
        # By these the script tells that somebody is still there: half of all events, and no figure
        # of theirs is asked for here.
        shown = [one for one in batch if one.event.event_name not in TOLD_BY_ITSELF]
        self._hits.count(shown)
        self._page_views.count([one for one in shown if not one.event.is_bot])
        self._sessions.count(people)
        self._live_visitors.count(people, now_ms)
        self._revenue.count(people)
        self._bots.count([counted for counted in batch if counted.event.is_bot])
