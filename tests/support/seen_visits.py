"""A data directory with visits in it: the same events in the rollups and in the warehouse."""

from collections.abc import Sequence
from pathlib import Path

from tests.support.manual_clock import ManualClock
from tracker.events import Event
from tracker.export.sqlite import SqliteExporter
from tracker.sinks.exporter import Arrived, Exporter
from tracker.stream.rollup_sink import RollupSink
from tracker.topics import TopicPartition

WHERE = TopicPartition("events", 0)
MEASURED = TopicPartition("metrics", 0)


def store_measures(data_dir: Path, found: Sequence[Event], now_ms: int) -> None:
    """Writes values of topic `metrics` into rollups.db and warehouse.db, as the roles would."""
    sinks: tuple[Exporter, ...] = (
        RollupSink(data_dir / "rollups.db", ManualClock(now_ms)),
        SqliteExporter(data_dir / "warehouse.db"),
    )
    for sink in sinks:
        sink.open()
        next_offset = sink.positions([MEASURED])[MEASURED]
        records = [Arrived(MEASURED, next_offset + index, one) for index, one in enumerate(found)]
        sink.write(records, {MEASURED: next_offset + len(found)})
        sink.flush()
        sink.close()


def store_visits(
    data_dir: Path, found: Sequence[Event], now_ms: int, packed_ms: int | None = None
) -> None:
    """Writes rollups.db and warehouse.db, as the roles would, and packs as they would at packed_ms
    (now)."""
    packed_ms = now_ms if packed_ms is None else packed_ms
    sinks: tuple[Exporter, ...] = (
        RollupSink(data_dir / "rollups.db", ManualClock(now_ms)),
        SqliteExporter(data_dir / "warehouse.db", clock=ManualClock(packed_ms)),
    )
    for sink in sinks:
        sink.open()
        sink.positions([WHERE])
        sink.write(
            [Arrived(WHERE, offset, one) for offset, one in enumerate(found)], {WHERE: len(found)}
        )
        for _ in range(3):  # a pack a flush
            sink.flush()
        sink.close()
