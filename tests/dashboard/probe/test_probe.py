"""What the probe measures, and what it calls lost."""

import asyncio
from collections.abc import Mapping

import pytest

from dashboard.probe.probe import LOST_S, PLACE, Probe, ProbeSettings
from dashboard.probe.writer import ProbeWriter
from tests.support.manual_clock import ManualClock
from tests.support.running_broker import RunningBroker
from tracker.clock import SystemClock
from tracker.config import KafkaConfig
from tracker.kafka.admin import Admin, ClusterUnavailable
from tracker.kafka.answers import Reading, Record
from tracker.kafka.changes import NewRecord
from tracker.kafka.reader import RecordReader
from tracker.topics import PROBE, TopicPartition


class MadeLog:
    """Writer and reader of one log; time passes as a test says."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.end = 0
        self.away = self.deaf = False
        self.sleeps_ms = 0  # the machine stands still so long in the next read
        self.started: list[int] = []
        self._next = 0

    def prepare(self) -> None: ...

    def remove(self) -> None: ...

    def produce(self, record: NewRecord) -> tuple[int, int]:
        self.clock.advance(3)
        if self.away:
            raise ClusterUnavailable("made to be away")
        self.end += 1
        return 0, self.end - 1

    def start(self, positions: Mapping[TopicPartition, int]) -> None:
        self._next = positions[PLACE]
        self.started.append(self._next)

    def read(self, records_max: int, timeout_s: float) -> Reading:
        if self.sleeps_ms:
            self.clock.advance(self.sleeps_ms)
            self.sleeps_ms = 0
            return Reading((), frozenset())
        if self.deaf or self._next >= self.end:
            self.clock.advance(round(timeout_s * 1000))
            return Reading((), frozenset())
        self.clock.advance(4)
        self._next += 1
        record = Record(PROBE.name, 0, self._next - 1, 0, True, None, b"", ())
        return Reading((record,), frozenset())

    def stop(self) -> None: ...


def made_probe(log: MadeLog) -> Probe:
    return Probe(log, log, log.clock, ProbeSettings(True, 1.0))


def test_a_record_that_comes_back_is_timed_twice() -> None:
    probe = made_probe(MadeLog())

    probe.step()
    probe.step()

    assert list(probe.recent) == [(0.003, 0.007)] * 2
    assert (probe.sent, probe.lost, probe.failures) == (2, 0, 0)
    assert 'footfall_probe_roundtrip_seconds_count{kafka_cluster="local"} 2.0' in probe.exposition()
    assert "_created" not in probe.exposition()


def test_acknowledged_and_not_read_in_time_is_lost() -> None:
    log = MadeLog()
    probe = made_probe(log)
    log.deaf = True

    probe.step()
    spent_ms = log.clock.monotonic_ms()
    log.deaf = False
    probe.step()

    assert (probe.sent, probe.lost) == (2, 1)
    assert spent_ms == pytest.approx(LOST_S * 1000, abs=300)
    assert log.started == [0, 1]
    assert 'footfall_probe_lost_total{kafka_cluster="local"} 1.0' in probe.exposition()


def test_nothing_is_lost_while_the_machine_sleeps() -> None:
    """A laptop was closed, a machine was moved: the record comes when the broker runs again."""
    log = MadeLog()
    probe = made_probe(log)
    log.sleeps_ms = 40_000

    probe.step()

    assert (probe.sent, probe.lost, probe.trouble) == (1, 0, "")


def test_not_acknowledged_is_a_failure_and_no_loss() -> None:
    log = MadeLog()
    probe = made_probe(log)
    log.away = True

    probe.step()
    log.away = False
    probe.step()

    assert (probe.sent, probe.lost, probe.failures, probe.trouble) == (1, 0, 1, "")


@pytest.mark.may_block
async def test_a_running_broker_gives_back_what_it_took_and_off_removes_the_topic(
    broker: RunningBroker,
) -> None:
    config = KafkaConfig(bootstrap_servers=broker.bootstrap)
    clock = SystemClock()
    reader = RecordReader(config)
    probe = Probe(ProbeWriter(config), reader, clock, ProbeSettings(True, 0.1))

    for _ in range(3):
        await asyncio.to_thread(probe.step)

    assert (probe.sent, probe.lost, probe.failures, probe.trouble) == (3, 0, 0, "")
    off = Probe(ProbeWriter(config), reader, clock, ProbeSettings(False, 1.0))
    await off.run()
    metadata = await asyncio.to_thread(Admin(config).metadata, 10.0)
    groups = await asyncio.to_thread(Admin(config).list_groups, 10.0)
    assert PROBE.name not in metadata.topics
    assert groups == ()
    assert off.exposition() == ""
