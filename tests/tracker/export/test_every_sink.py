"""What each sink must do, whatever it is: one suite, run for all of them."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.made_events import made_event
from tests.support.sinks import KINDS
from tracker.sinks.exporter import Arrived, Exporter, SinkRewound, SinkUnavailable
from tracker.topics import TopicPartition

WHERE = TopicPartition("events", 0)
ELSEWHERE = TopicPartition("events", 1)

pytestmark = pytest.mark.parametrize("name", KINDS)


def arrived(*offsets: int, where: TopicPartition = WHERE) -> list[Arrived]:
    return [
        Arrived(where, offset, made_event(offset + 1000 * where.partition, pathname=f"/{offset}"))
        for offset in offsets
    ]


def opened(name: str, path: Path) -> Exporter:
    sink = KINDS[name].make(path)
    sink.open()
    sink.positions([WHERE])
    return sink


@contextmanager
def files_limited_to(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond: the nearest thing to a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_new_sink_reads_every_partition_from_its_start(name: str, tmp_path: Path) -> None:
    sink = KINDS[name].make(tmp_path / "sink.db")
    sink.open()

    positions = sink.positions([WHERE, ELSEWHERE])

    assert positions == {WHERE: 0, ELSEWHERE: 0}
    sink.close()


def test_a_flush_tells_the_offsets_that_are_safe_and_a_reopened_sink_knows_them(
    name: str, tmp_path: Path
) -> None:
    sink = opened(name, tmp_path / "sink.db")
    sink.write(arrived(0, 1, 5), {WHERE: 8})  # offsets of a log may have holes

    safe = sink.flush()
    sink.close()

    again = KINDS[name].make(tmp_path / "sink.db")
    again.open()
    assert safe == {WHERE: 8}
    assert again.positions([WHERE]) == {WHERE: 8}
    assert KINDS[name].events_in(tmp_path / "sink.db") == 3
    again.close()


def test_nothing_is_durable_before_the_flush(name: str, tmp_path: Path) -> None:
    sink = opened(name, tmp_path / "sink.db")
    sink.write(arrived(0, 1), {WHERE: 2})
    sink.close()

    assert KINDS[name].events_in(tmp_path / "sink.db") == 0


def test_a_flush_of_nothing_is_nothing(name: str, tmp_path: Path) -> None:
    sink = opened(name, tmp_path / "sink.db")

    assert sink.flush() == {}
    sink.close()


def test_records_read_twice_count_once(name: str, tmp_path: Path) -> None:
    sink = opened(name, tmp_path / "sink.db")
    sink.write(arrived(0, 1, 2), {WHERE: 3})
    sink.flush()

    sink.write(arrived(1, 2, 3), {WHERE: 4})
    sink.flush()

    assert KINDS[name].events_in(tmp_path / "sink.db") == 4
    sink.close()


def test_an_event_sent_twice_is_one_event(name: str, tmp_path: Path) -> None:
    sink = opened(name, tmp_path / "sink.db")
    first, second = made_event(7), made_event(7)

    sink.write([Arrived(WHERE, 0, first), Arrived(WHERE, 1, second)], {WHERE: 2})
    sink.flush()
    sink.write([Arrived(WHERE, 2, made_event(7))], {WHERE: 3})
    sink.flush()

    assert KINDS[name].events_in(tmp_path / "sink.db") == 1
    sink.close()


def test_records_of_a_partition_that_is_not_ours_are_not_taken(name: str, tmp_path: Path) -> None:
    sink = opened(name, tmp_path / "sink.db")
    sink.write(arrived(0, where=ELSEWHERE), {ELSEWHERE: 1})

    assert sink.flush() == {}
    assert KINDS[name].events_in(tmp_path / "sink.db") == 0
    sink.close()


def test_of_two_instances_with_the_same_records_one_writes_each(name: str, tmp_path: Path) -> None:
    one, other = opened(name, tmp_path / "sink.db"), opened(name, tmp_path / "sink.db")
    one.write(arrived(0, 1, 2, 3), {WHERE: 4})
    other.write(arrived(0, 1), {WHERE: 2})

    assert other.flush() == {WHERE: 2}
    assert one.flush() == {WHERE: 4}
    assert KINDS[name].events_in(tmp_path / "sink.db") == 4
    one.close()
    other.close()


def test_an_instance_that_comes_late_moves_no_offset_back(name: str, tmp_path: Path) -> None:
    one, other = opened(name, tmp_path / "sink.db"), opened(name, tmp_path / "sink.db")
    one.write(arrived(0, 1), {WHERE: 2})
    other.write(arrived(0, 1, 2, 3), {WHERE: 4})
    other.flush()

    assert one.flush() == {WHERE: 4}
    assert one.positions([WHERE]) == {WHERE: 4}
    one.close()
    other.close()


def test_a_sink_replaced_by_an_older_copy_takes_no_records_with_a_hole_before(
    name: str, tmp_path: Path
) -> None:
    sink = opened(name, tmp_path / "sink.db")
    sink.write(arrived(0, 1), {WHERE: 2})
    sink.flush()
    db = sqlite3.connect(tmp_path / "sink.db")
    db.execute("UPDATE _offsets SET next_offset = 1")
    db.commit()
    db.close()
    sink.write(arrived(2), {WHERE: 3})

    with pytest.raises(SinkRewound, match="stands at 1 in the sink, records held start at 2"):
        sink.flush()
    sink.close()


def test_a_locked_sink_says_so_and_loses_nothing(name: str, tmp_path: Path) -> None:
    sink = opened(name, tmp_path / "sink.db")
    sink.write(arrived(0, 1), {WHERE: 2})
    other = sqlite3.connect(tmp_path / "sink.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(SinkUnavailable) as refusal:
        sink.flush()
    other.execute("ROLLBACK")
    other.close()

    assert refusal.value.reason == "locked"
    assert sink.flush() == {WHERE: 2}
    assert KINDS[name].events_in(tmp_path / "sink.db") == 2
    sink.close()


def test_a_disk_that_takes_no_more_loses_nothing(name: str, tmp_path: Path) -> None:
    sink = opened(name, tmp_path / "sink.db")
    sink.write(arrived(*range(2000)), {WHERE: 2000})
    size = max(file.stat().st_size for file in tmp_path.iterdir())

    with files_limited_to(size + 4096), pytest.raises(SinkUnavailable) as refusal:
        sink.flush()

    assert refusal.value.reason in ("disk_full", "io_error")
    assert sink.flush() == {WHERE: 2000}
    assert KINDS[name].events_in(tmp_path / "sink.db") == 2000
    sink.close()


def test_readers_see_whole_flushes_and_wait_for_nobody(name: str, tmp_path: Path) -> None:
    sink = opened(name, tmp_path / "sink.db")
    sink.write(arrived(0), {WHERE: 1})
    sink.flush()
    writer = sqlite3.connect(tmp_path / "sink.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM _offsets")

    assert KINDS[name].events_in(tmp_path / "sink.db") == 1
    writer.execute("ROLLBACK")
    writer.close()
    sink.close()


def test_a_replaced_log_is_read_from_where_it_is_told(name: str, tmp_path: Path) -> None:
    sink = opened(name, tmp_path / "sink.db")
    sink.write(arrived(5, 6), {WHERE: 7})
    sink.flush()

    sink.restart(WHERE, 0)
    sink.write([Arrived(WHERE, 0, made_event(99))], {WHERE: 1})

    assert sink.flush() == {WHERE: 1}
    assert KINDS[name].events_in(tmp_path / "sink.db") == 3
    sink.close()
