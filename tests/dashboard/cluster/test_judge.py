"""From what a cluster answers to groups with lag and a verdict."""

from dashboard.cluster import lag
from dashboard.cluster.collect import Collector
from dashboard.cluster.judge import Judge, Look
from dashboard.cluster.model import Estimate, GroupState, Snapshot
from tests.support.made_cluster import MadeCluster, MadePartition
from tracker.kafka_admin import TopicPartition

NOW = 1_700_000_000_000
EVENTS = TopicPartition("events", 0)


class Watch:
    """A judge over a made cluster, looked at by hand."""

    def __init__(self) -> None:
        self.cluster = MadeCluster()
        self._collector = Collector(self.cluster, timeout_s=5.0)
        self._judge = Judge("local", target_seconds=60.0)
        self._looks = 0

    def look(self, now_ms: int = NOW) -> Snapshot:
        seen = self._collector.observe()
        clock = self._judge.clock
        clock.see_ends(now_ms, seen.ends)
        wanted = clock.to_read(lag.places(seen.commits.values(), seen.starts, seen.ends))
        clock.learn(wanted, self.cluster.first(wanted, 1.0), seen.ends)
        self._looks += 1
        return self._judge.snapshot(seen, Look(self._looks, now_ms, 0.01))


def test_commits_are_asked_before_ends() -> None:
    watch = Watch()
    watch.cluster.add_topic("events")
    watch.cluster.add_group("g", {EVENTS: 0}, [EVENTS])

    watch.look()

    asked = watch.cluster.asked
    assert asked.index("committed") < asked.index("latest")


def test_a_group_behind_is_told_in_records_and_seconds() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=100, stamps={0: NOW - 30_000}))
    watch.cluster.add_group("g", {EVENTS: 40}, [EVENTS])

    group = watch.look().groups["g"]

    assert (group.lag, group.lag_seconds, group.state) == (60, 30.0, GroupState.OK)
    assert group.partitions[0].estimate is Estimate.EXACT


def test_the_seconds_of_a_group_are_those_of_its_worst_partition() -> None:
    watch = Watch()
    watch.cluster.add_topic(
        "events",
        MadePartition(end=10, stamps={0: NOW - 1_000}),
        MadePartition(end=10, stamps={0: NOW - 500_000}),
    )
    places = [EVENTS, TopicPartition("events", 1)]
    watch.cluster.add_group("g", dict.fromkeys(places, 5), places)

    assert watch.look().groups["g"].lag_seconds == 500.0


def test_the_marker_at_the_end_of_a_transaction_is_no_lag() -> None:
    """librdkafka issue 3917: a control record takes an offset, lag seems stuck at 1."""
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=11, only_markers_from=10))
    watch.cluster.add_group("g", {EVENTS: 10}, [EVENTS])

    group = watch.look().groups["g"]

    assert (group.lag, group.lag_seconds, group.state) == (0, 0.0, GroupState.OK)


def test_what_an_open_transaction_holds_back_is_told_apart() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=20, stable=15))
    watch.cluster.add_group("g", {EVENTS: 15}, [EVENTS])

    assert watch.look().groups["g"].partitions[0].held_by_transaction == 5


def test_retention_overtaking_a_group_counts_each_lost_record_once() -> None:
    watch = Watch()
    part = MadePartition(start=0, end=100)
    watch.cluster.add_topic("events", part)
    watch.cluster.add_group("g", {EVENTS: 10}, [EVENTS])
    watch.look()

    part.start = 60
    first = watch.look(NOW + 5_000).groups["g"]
    part.start = 70
    second = watch.look(NOW + 10_000).groups["g"]

    assert first.lost_total == {"events": 50}
    assert second.lost_total == {"events": 60}
    assert (second.lost, second.lag) == (60, 30)


def test_a_deleted_topic_leaves_an_orphan_that_counts_for_nothing() -> None:
    watch = Watch()
    watch.cluster.add_group("g", {TopicPartition("gone", 0): 5})

    group = watch.look().groups["g"]

    assert (group.state, group.lag, group.lag_seconds) == (GroupState.ORPHANED, 0, None)


def test_a_topic_the_group_no_longer_reads_does_not_spoil_its_verdict() -> None:
    watch = Watch()
    old = TopicPartition("old", 0)
    watch.cluster.add_topic("events", MadePartition(end=5))
    watch.cluster.add_topic("old", MadePartition(end=1_000))
    watch.cluster.add_group("g", {EVENTS: 5, old: 1}, [EVENTS])

    group = watch.look().groups["g"]

    assert (group.state, group.lag) == (GroupState.OK, 0)
    assert {p.topic: p.state for p in group.partitions}["old"] is GroupState.ORPHANED


def test_partitions_without_a_commit_are_listed_without_a_lag() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=7), MadePartition(end=9))
    watch.cluster.add_group("g", {EVENTS: 7}, [EVENTS])

    group = watch.look().groups["g"]

    assert group.state is GroupState.NO_COMMIT
    assert [p.lag for p in group.partitions] == [0, None]


def test_a_stopped_group_sums_what_waits() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=7, stamps={0: NOW}), MadePartition(end=9))
    watch.cluster.add_group("g", {EVENTS: 0, TopicPartition("events", 1): 0})

    group = watch.look(NOW + 60_000).groups["g"]

    assert group.state is GroupState.STOPPED
    assert "16 records wait" in group.cause


def test_rates_come_from_the_last_minute() -> None:
    watch = Watch()
    part = MadePartition(end=0)
    watch.cluster.add_topic("events", part)
    watch.cluster.add_group("g", {EVENTS: 0}, [EVENTS])
    watch.look(NOW)

    part.end = 100
    watch.cluster.commits["g"][EVENTS] = 50
    snapshot = watch.look(NOW + 10_000)

    assert snapshot.topics["events"].rate == 10.0
    assert snapshot.groups["g"].consume_rate == 5.0


def test_a_topic_made_anew_has_no_negative_rate() -> None:
    watch = Watch()
    part = MadePartition(end=1_000)
    watch.cluster.add_topic("events", part)
    watch.look(NOW)

    part.end = 3

    assert watch.look(NOW + 10_000).topics["events"].rate is None


def test_a_group_that_is_gone_is_forgotten() -> None:
    watch = Watch()
    watch.cluster.add_topic("events")
    watch.cluster.add_group("g", {EVENTS: 0}, [EVENTS])
    watch.look()

    del watch.cluster.groups["g"], watch.cluster.commits["g"]

    assert watch.look(NOW + 5_000).groups == {}


def test_settings_of_topics_are_not_asked_at_every_look() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", min_insync_replicas="2")
    watch.look()
    watch.cluster.add_topic("more")

    snapshot = watch.look(NOW + 5_000)

    assert snapshot.topics["events"].under_min_isr == 1
    assert watch.cluster.asked.count("topic_configs") == 2
    assert snapshot.topics["more"].min_isr == 1
