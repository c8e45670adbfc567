"""Sessions by the hour: what the tables add up to, whenever what was stored changes."""

from pathlib import Path

from tests.support.made_events import MIDNIGHT_MS, made_event
from tests.support.sinks import KINDS, rollup_tables
from tracker.sinks.exporter import Arrived
from tracker.topics import TopicPartition

WHERE = TopicPartition("events", 0)
MINUTE_MS = 60_000


def test_an_hour_has_its_sessions_bounces_views_and_time(tmp_path: Path) -> None:
    """One comes for 20 minutes, in two transactions; another sees one page, a third only acts."""
    sink = KINDS["rollups"].make(tmp_path / "rollups.db")
    sink.open()
    sink.positions([WHERE])
    visits = [("a", 0, "pageview"), ("b", 5, "pageview"), ("c", 6, "Signup"), ("a", 20, "pageview")]
    for number, (visitor, minute, name) in enumerate(visits):
        event = made_event(
            number + 1,
            visitor_id=visitor,
            occurred_at=MIDNIGHT_MS + minute * MINUTE_MS,
            event_name=name,
        )
        sink.write([Arrived(WHERE, number, event)], {WHERE: number + 1})
        sink.flush()
    sink.close()

    (hour,) = rollup_tables(tmp_path / "rollups.db")["session_hours"]

    assert hour[2:] == (2, 1, 3, 20 * MINUTE_MS)
