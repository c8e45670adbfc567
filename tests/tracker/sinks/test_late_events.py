"""Which events count for the promised latency: those that were late, not those read again."""

from pathlib import Path

import pytest

from tests.support.made_events import MIDNIGHT_MS, made_event
from tests.support.manual_clock import ManualClock
from tests.support.memory_topic import MemoryTopic
from tests.support.sinks import KINDS, Instance
from tracker.events import encode
from tracker.topics import TopicPartition

pytestmark = pytest.mark.parametrize("name", KINDS)

HOUR_MS = 3_600_000
WHERE = TopicPartition("events", 0)


class Appliance:
    """A topic whose events arrive as the clock goes, and a role that is started on it again."""

    def __init__(self, name: str, directory: Path) -> None:
        self.topic = MemoryTopic("events", 1)
        self.clock = ManualClock(MIDNIGHT_MS)
        self._kind, self._directory = KINDS[name], directory
        self._begun = self._arrived = 0
        self.role: Instance | None = None

    def arrive(self, events: int) -> None:
        for _ in range(events):
            self._arrived += 1
            event = made_event(self._arrived, received_at=self.clock.now_ms())
            self.topic.append(0, encode(event))

    def start(self, *, with_a_new_sink: bool = False) -> Instance:
        if self.role is not None:
            self.role.sink.close()
        self._begun += with_a_new_sink
        path = self._directory / f"sink{self._begun}.db"
        self.role = Instance.started(self._kind, path, self.topic, self.clock)
        return self.role

    def stop(self) -> None:
        assert self.role is not None
        self.role.sink.close()


def measured(role: Instance, within_s: str = "+Inf") -> float:
    family = "footfall_event_e2e_latency_seconds_bucket"
    found = role.registry.get_sample_value(family, {"stage": "test", "le": within_s})
    assert found is not None
    return found


def late(role: Instance) -> float:
    return measured(role) - measured(role, "5.0")


def test_events_read_again_into_a_new_sink_do_not_count(name: str, tmp_path: Path) -> None:
    appliance = Appliance(name, tmp_path)
    appliance.arrive(4)
    appliance.start().turn(times=3)
    appliance.clock.advance(HOUR_MS)

    role = appliance.start(with_a_new_sink=True)
    role.turn(times=3)
    before = measured(role)
    appliance.arrive(2)
    role.turn()
    appliance.stop()

    assert before == 0
    assert measured(role, "5.0") == measured(role) == 2
    assert role.metric("footfall_export_rows_total") == 6


def test_a_refill_that_is_stopped_half_way_goes_on_not_to_count(name: str, tmp_path: Path) -> None:
    appliance = Appliance(name, tmp_path)
    appliance.arrive(6)
    appliance.start().turn(times=3)
    appliance.clock.advance(HOUR_MS)
    appliance.start(with_a_new_sink=True).turn(size=2, times=2)
    half_way = appliance.topic.committed[WHERE]

    role = appliance.start()
    role.turn(times=3)
    appliance.stop()

    assert 0 < half_way < 6
    assert appliance.topic.committed[WHERE] == 6
    assert measured(role) == 0


def test_events_that_waited_for_a_role_that_hung_count_as_late(name: str, tmp_path: Path) -> None:
    appliance = Appliance(name, tmp_path)
    appliance.arrive(2)
    role = appliance.start()
    role.turn(times=3)
    appliance.arrive(5)
    appliance.clock.advance(HOUR_MS)

    role.turn(times=2)
    appliance.stop()

    assert late(role) == 5


def test_events_that_waited_for_a_role_that_was_away_count_as_late(
    name: str, tmp_path: Path
) -> None:
    appliance = Appliance(name, tmp_path)
    appliance.arrive(2)
    appliance.start().turn(times=3)
    appliance.arrive(5)
    appliance.clock.advance(HOUR_MS)

    role = appliance.start()
    role.turn(times=2)
    appliance.stop()

    assert late(role) == measured(role) == 5


def test_events_that_come_during_a_refill_count_as_late_as_they_are(
    name: str, tmp_path: Path
) -> None:
    appliance = Appliance(name, tmp_path)
    appliance.arrive(4)
    appliance.start().turn(times=3)
    role = appliance.start(with_a_new_sink=True)
    role.turn(size=1, times=2)
    appliance.arrive(3)
    appliance.clock.advance(HOUR_MS)

    role.turn(times=3)
    appliance.stop()

    assert late(role) == measured(role) == 3


def test_a_sink_that_begins_beside_an_old_topic_counts_only_what_comes(
    name: str, tmp_path: Path
) -> None:
    """A first start on a cluster that has events already; what arrives while it starts is new."""
    appliance = Appliance(name, tmp_path)
    appliance.arrive(4)
    appliance.clock.advance(HOUR_MS)

    role = appliance.start()
    appliance.arrive(2)
    role.turn(times=3)
    appliance.stop()

    assert measured(role, "5.0") == measured(role) == 2


def test_a_sink_replaced_while_it_runs_does_not_count_again(name: str, tmp_path: Path) -> None:
    appliance = Appliance(name, tmp_path)
    role = appliance.start()
    appliance.arrive(4)
    role.turn(times=3)
    appliance.topic.commits_are_unknown = True
    appliance.clock.advance(HOUR_MS)
    role.sink.restart(WHERE, 0)
    role.consumer.rebalance([WHERE])

    role.turn(times=4)
    appliance.stop()

    assert role.metric("footfall_export_rows_total") == 8
    assert measured(role) == 4


def test_events_of_a_topic_made_anew_count(name: str, tmp_path: Path) -> None:
    appliance = Appliance(name, tmp_path)
    appliance.arrive(6)
    appliance.start().turn(times=3)
    appliance.topic.values = [[]]
    appliance.topic.committed.clear()
    appliance.topic.notes.clear()
    appliance.arrive(2)
    appliance.clock.advance(HOUR_MS)

    role = appliance.start()
    role.turn(times=3)
    appliance.stop()

    assert late(role) == measured(role) == 2


@pytest.mark.parametrize("note", ["stored=", "stored=x", "of another tool", "stored=-5"])
def test_a_note_of_somebody_else_is_passed_over(name: str, note: str, tmp_path: Path) -> None:
    appliance = Appliance(name, tmp_path)
    appliance.arrive(2)
    appliance.start().turn(times=3)
    appliance.topic.notes[WHERE] = note
    appliance.arrive(1)

    role = appliance.start()
    role.turn(times=2)
    appliance.stop()

    assert measured(role) == 1
