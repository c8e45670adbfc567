"""The worker's own decisions: poison, waiting, starting over."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.made_events import YEAR_10000_MS, made_event
from tests.support.memory_topic import MemoryTopic
from tests.support.sinks import KINDS, Instance, finish
from tracker.events import encode
from tracker.kafka.client import KafkaFailure
from tracker.sinks.exporter import Offsets
from tracker.topics import TopicPartition

pytestmark = pytest.mark.parametrize("name", KINDS)


def topic_with(*values: bytes) -> MemoryTopic:
    topic = MemoryTopic("events", 1)
    for value in values:
        topic.append(0, value)
    return topic


def good(number: int) -> bytes:
    return encode(made_event(number))


def test_what_is_durable_is_then_committed_to_the_group(name: str, tmp_path: Path) -> None:
    topic = topic_with(good(1), good(2))
    instance = Instance.started(KINDS[name], tmp_path / "sink.db", topic)

    instance.turn(times=3)

    assert topic.committed == {TopicPartition("events", 0): 2}
    assert instance.metric("footfall_export_rows_total") == 2
    assert instance.metric("footfall_export_lag_seconds") == 0
    instance.sink.close()


def test_each_flush_tells_of_its_own_records_and_how_old_they_were(
    name: str, tmp_path: Path
) -> None:
    """The topic's records are of 1970, so their age is the time; an empty turn ends it."""
    topic = topic_with(good(1), good(2))
    instance = Instance.started(KINDS[name], tmp_path / "sink.db", topic)
    age_s = instance.clock.now_ms() / 1000
    seen = [(0.0, 0.0)]

    for _ in range(6):
        instance.turn(size=1)
        rows = instance.metric("footfall_export_rows_total")
        now = (rows, instance.metric("footfall_export_lag_seconds"))
        seen += [now] if now != seen[-1] else []

    latencies = instance.registry.get_sample_value(
        "footfall_event_e2e_latency_seconds_count", {"stage": "test"}
    )
    assert seen[1:] == [(1, age_s), (2, age_s), (2, 0)]
    assert latencies == 2
    instance.sink.close()


def test_who_waited_for_its_sink_begins_with_a_short_wait_the_next_time(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    topic = topic_with(good(1))
    instance = Instance.started(KINDS[name], tmp_path / "sink.db", topic)
    instance.turn(times=2)
    for number in (2, 3):
        topic.append(0, good(number))
        with closing(sqlite3.connect(tmp_path / "sink.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            instance.turn(times=3)
            other.execute("ROLLBACK")
        instance.turn(times=2)
    instance.sink.close()

    told = [one.getMessage().partition("in_s=")[2] for one in caplog.records]
    waits = [float(words.partition(":")[0]) for words in told if words]
    assert len(waits) == 6
    assert waits[:3] == waits[3:] == sorted(set(waits))


def test_the_sink_and_not_the_group_knows_where_to_go_on(name: str, tmp_path: Path) -> None:
    topic = topic_with(good(1), good(2))
    topic.committed[TopicPartition("events", 0)] = 2
    instance = Instance.started(KINDS[name], tmp_path / "new.db", topic)

    instance.turn(times=2)

    assert KINDS[name].events_in(tmp_path / "new.db") == 2
    instance.sink.close()


@pytest.mark.parametrize(
    "poison",
    [
        b"",
        b"not json",
        b"{}",
        b"\xff\xfe",
        b'{"event_id": "a", "event_name": "\\ud800"}',
        b'{"deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        encode(made_event(9, occurred_at=-1)),
        encode(made_event(9, received_at=YEAR_10000_MS)),
        encode(made_event(9, engagement_ms=2**63)),
    ],
)
def test_poison_is_buried_and_blocks_nobody(name: str, tmp_path: Path, poison: bytes) -> None:
    topic = topic_with(good(1), poison, good(2), poison)
    instance = Instance.started(KINDS[name], tmp_path / "sink.db", topic)

    instance.turn(times=2)

    assert [one.record.offset for one in instance.bin.poison] == [1, 3]
    assert {one.reason for one in instance.bin.poison} == {"schema_violation"}
    assert topic.committed == {TopicPartition("events", 0): 4}
    assert KINDS[name].events_in(tmp_path / "sink.db") == 2
    assert instance.metric("footfall_export_dead_letters_total") == 2
    instance.sink.close()


def test_while_poison_cannot_be_buried_the_offset_stays_before_it(
    name: str, tmp_path: Path
) -> None:
    topic = topic_with(good(1), b"poison")
    instance = Instance.started(KINDS[name], tmp_path / "sink.db", topic)
    instance.bin.is_shut = True

    instance.turn(times=3)
    assert topic.committed == {}
    instance.bin.is_shut = False
    instance.turn(times=2)

    assert len(instance.bin.poison) == 1
    assert topic.committed == {TopicPartition("events", 0): 2}
    assert instance.metric("footfall_export_failures_total", reason="dead_letter") >= 1
    instance.sink.close()


def test_a_locked_sink_is_waited_for_with_its_records_kept(name: str, tmp_path: Path) -> None:
    topic = topic_with(*(good(number) for number in range(10)))
    instance = Instance.started(KINDS[name], tmp_path / "sink.db", topic)
    other = sqlite3.connect(tmp_path / "sink.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    instance.turn(size=3, times=4)
    assert topic.committed == {}
    assert instance.metric("footfall_export_failures_total", reason="locked") >= 2
    assert instance.metric("footfall_export_lag_seconds") > 0
    assert instance.waits == {"locked": instance.clock.now_ms() / 1000}
    other.execute("ROLLBACK")
    other.close()
    instance.turn(size=3, times=6)

    assert KINDS[name].events_in(tmp_path / "sink.db") == 10
    assert topic.committed == {TopicPartition("events", 0): 10}
    assert instance.metric("footfall_export_lag_seconds") == 0
    assert instance.waits == {}
    instance.sink.close()


def test_a_sink_that_does_not_answer_is_told_while_it_is_waited_for(
    name: str, tmp_path: Path
) -> None:
    """A disk that hangs neither refuses nor ends: nothing was told of it, its lag was 0."""
    topic = topic_with(good(1))
    instance = Instance.started(KINDS[name], tmp_path / "sink.db", topic)
    since_s = instance.clock.now_ms() / 1000
    told = []
    flush = instance.sink.flush

    def hangs() -> Offsets:
        instance.clock.advance(70_000)
        told.append((instance.waits, instance.metric("footfall_export_lag_seconds") >= 70))
        return flush()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instance.sink, "flush", hangs)
        instance.turn(times=2)

    assert told == [({"silent": since_s}, True)]
    assert instance.waits == {}
    instance.sink.close()


def test_partitions_lost_while_waiting_are_given_up(name: str, tmp_path: Path) -> None:
    topic = topic_with(good(1), good(2))
    instance = Instance.started(KINDS[name], tmp_path / "sink.db", topic)
    other = sqlite3.connect(tmp_path / "sink.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    instance.turn(times=2)
    instance.consumer.rebalance([])
    instance.turn()
    other.execute("ROLLBACK")
    other.close()

    instance.turn(times=3)

    assert KINDS[name].events_in(tmp_path / "sink.db") == 0
    finish(KINDS[name], tmp_path / "sink.db", topic)
    assert KINDS[name].events_in(tmp_path / "sink.db") == 2
    instance.sink.close()


def test_a_broker_that_fails_is_asked_again_after_a_pause(name: str, tmp_path: Path) -> None:
    topic = topic_with(good(1), good(2))
    instance = Instance.started(KINDS[name], tmp_path / "sink.db", topic)
    instance.turn()
    instance.consumer.poll_failures = [KafkaFailure("gone"), KafkaFailure("gone")]

    instance.turn(times=5)

    assert len(instance.slept_s) == 2
    assert KINDS[name].events_in(tmp_path / "sink.db") == 2
    instance.sink.close()


def test_a_refused_commit_is_covered_by_the_next(name: str, tmp_path: Path) -> None:
    topic = topic_with(good(1), good(2))
    topic.commits_fail = True
    instance = Instance.started(KINDS[name], tmp_path / "sink.db", topic)

    instance.turn(size=1, times=2)
    assert topic.committed == {}
    topic.commits_fail = False
    instance.turn(size=1)

    assert topic.committed == {TopicPartition("events", 0): 2}
    assert KINDS[name].events_in(tmp_path / "sink.db") == 2
    instance.sink.close()


def test_a_topic_made_anew_is_read_from_its_start(name: str, tmp_path: Path) -> None:
    finish(KINDS[name], tmp_path / "sink.db", topic_with(*(good(number) for number in range(9))))
    anew = topic_with(good(100), good(101))

    finish(KINDS[name], tmp_path / "sink.db", anew)

    assert KINDS[name].events_in(tmp_path / "sink.db") == 11
    assert anew.committed == {TopicPartition("events", 0): 2}


def test_a_log_cut_by_retention_goes_on_at_its_start(name: str, tmp_path: Path) -> None:
    topic = topic_with(*(good(number) for number in range(9)))
    topic.starts[0] = 5

    finish(KINDS[name], tmp_path / "sink.db", topic)

    assert KINDS[name].events_in(tmp_path / "sink.db") == 4
    assert topic.committed == {TopicPartition("events", 0): 9}


def test_a_sink_put_back_from_a_backup_is_filled_up_again(name: str, tmp_path: Path) -> None:
    topic = topic_with(*(good(number) for number in range(4)))
    instance = Instance.started(KINDS[name], tmp_path / "sink.db", topic)
    instance.turn(times=2)
    db = sqlite3.connect(tmp_path / "sink.db")
    db.execute("UPDATE _offsets SET next_offset = 1")
    db.commit()
    db.close()
    topic.append(0, good(50))

    instance.turn(times=4)

    assert KINDS[name].events_in(tmp_path / "sink.db") == 5
    assert topic.committed == {TopicPartition("events", 0): 5}
    instance.sink.close()
