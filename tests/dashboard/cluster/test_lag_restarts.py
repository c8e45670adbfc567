"""The dashboard starts anew: what it knew of groups before is told as such, or kept."""

from dashboard.cluster.model import Estimate, Group, GroupState
from tests.support.made_cluster import MadePartition
from tests.support.watched import NOW, Watch
from tracker.topics import TopicPartition

EVENTS = TopicPartition("events", 0)


def stood(watch: Watch, looks: int, grows: int = 0) -> Group:
    """The group after so many looks, ten seconds apart, at which it committed nothing new."""
    watch.cluster.add_topic("events", MadePartition(end=100, stamps={0: NOW - 500_000}))
    watch.cluster.add_group("g", {EVENTS: 40}, [EVENTS])
    for number in range(looks):
        watch.cluster.partitions[EVENTS].end += grows
        if grows:
            watch.cluster.commits["g"][EVENTS] += 1
        group = watch.look(NOW + 10_000 * number).groups["g"]
    return group


def test_a_group_that_stood_still_is_stalled_at_the_first_look(watch: Watch) -> None:
    assert stood(watch, looks=40).state is GroupState.STALLED
    watch.restart()

    group = watch.look(NOW + 3_600_000).groups["g"]

    assert group.state is GroupState.STALLED
    assert "in 1 h" in group.cause


def test_what_was_slow_is_not_ok_until_it_is_known_anew(watch: Watch) -> None:
    assert stood(watch, looks=40, grows=50).state is GroupState.SLOW
    watch.restart()
    watch.cluster.commits["g"][EVENTS] += 10

    later = NOW + 3_600_000  # nothing of the ten minutes before counts any more
    first = watch.look(later).groups["g"]
    watch.cluster.commits["g"][EVENTS] += 10
    again = watch.look(later + 119_000).groups["g"]
    watch.cluster.commits["g"][EVENTS] += 10
    known = watch.look(later + 121_000).groups["g"]

    assert [first.state, again.state, known.state] == [
        GroupState.LEARNING,
        GroupState.LEARNING,
        GroupState.OK,
    ]
    assert "slow before the dashboard was started anew" in first.cause


def test_what_was_slow_is_still_known_after_two_restarts_in_a_row(watch: Watch) -> None:
    assert stood(watch, looks=40, grows=50).state is GroupState.SLOW
    for number in (1, 2):
        watch.restart()
        watch.cluster.commits["g"][EVENTS] += 10
        group = watch.look(NOW + 3_600_000 * number).groups["g"]

    assert group.state is GroupState.LEARNING
    assert "slow before the dashboard was started anew" in group.cause


def test_who_has_caught_up_since_is_ok_at_once(watch: Watch) -> None:
    stood(watch, looks=40)
    watch.restart()
    watch.cluster.commits["g"][EVENTS] = watch.cluster.partitions[EVENTS].end

    assert watch.look(NOW + 900_000).groups["g"].state is GroupState.OK


def test_a_topic_made_anew_meanwhile_begins_anew(watch: Watch) -> None:
    stood(watch, looks=40)
    watch.restart()
    watch.cluster.ids["events"] = "another"
    watch.cluster.partitions[EVENTS].stamps = {0: NOW + 899_000}

    group = watch.look(NOW + 900_000).groups["g"]

    assert group.state is GroupState.LEARNING
    assert group.lag_seconds == 1.0


def test_the_ends_seen_before_it_still_tell_when_a_record_came() -> None:
    watch = Watch()
    part = MadePartition(end=100)
    watch.cluster.add_topic("events", part)
    watch.cluster.add_group("g", {EVENTS: 100}, [EVENTS])
    watch.cluster.readable = False
    watch.look(NOW)
    part.end = 200
    watch.look(NOW + 20_000)
    watch.restart()
    watch.cluster.commits["g"][EVENTS] = 150

    part_of_g = watch.look(NOW + 60_000).groups["g"].partitions[0]

    assert (part_of_g.lag_seconds, part_of_g.estimate) == (50.0, Estimate.INTERPOLATED)


def test_when_a_trouble_began_is_known_after_it() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=9))
    watch.cluster.add_group("g", {EVENTS: 9})
    watch.look(NOW - 60_000)
    watch.cluster.add_topic("events", MadePartition(replicas=(1, 2), isr=(1,), end=20))
    watch.look(NOW)
    watch.restart()

    snapshot = watch.look(NOW + 60_000)

    assert snapshot.topics["events"].trouble_since_ms == NOW
    assert snapshot.groups["g"].since_ms == NOW
