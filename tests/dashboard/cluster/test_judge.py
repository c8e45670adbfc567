"""From what a cluster answers to groups with lag and a verdict; edge cases: test_lag_cases.py."""

from dashboard.cluster.model import Estimate, GroupState
from tests.support.made_cluster import MadePartition
from tests.support.watched import NOW, Watch
from tracker.topics import TopicPartition

EVENTS = TopicPartition("events", 0)


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


def test_a_stopped_group_sums_what_waits() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=7, stamps={0: NOW}), MadePartition(end=9))
    watch.cluster.add_group("g", {EVENTS: 0, TopicPartition("events", 1): 0})

    group = watch.look(NOW + 60_000).groups["g"]

    assert group.state is GroupState.STOPPED
    assert "16 records wait" in group.cause


def test_a_single_record_waits_in_the_singular() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=7, stamps={6: NOW}))
    watch.cluster.add_group("idle", {EVENTS: 6})
    watch.cluster.add_group("busy", {EVENTS: 6}, [EVENTS])

    groups = watch.look(NOW + 30_000).groups

    assert groups["idle"].cause == "the group has no members; 1 record waits, for 30 s"
    assert groups["busy"].cause == "1 record of events-0 waits, for 30 s"


def test_a_slow_group_says_how_fast_it_reads_and_where_most_of_it_waits() -> None:
    watch = Watch()
    first, second = MadePartition(stamps={0: NOW}), MadePartition(stamps={0: NOW})
    watch.cluster.add_topic("events", first, second)
    places = [EVENTS, TopicPartition("events", 1)]
    watch.cluster.add_group("g", dict.fromkeys(places, 0), places)
    for looks in range(10):
        first.end, second.end = looks * 1_000, looks * 200
        watch.cluster.commits["g"] = dict.fromkeys(places, looks * 100)
        group = watch.look(NOW + looks * 20_000).groups["g"]

    assert group.state is GroupState.SLOW
    assert group.cause == (
        "it reads 10.0/s of 60.0/s that arrive; 9\u202f000 records wait, the oldest for 3 min;"
        " 90 % of them in events-0"
    )


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


def test_what_a_group_reads_no_more_counts_for_no_rate_and_no_sentence() -> None:
    watch, gone = Watch(), TopicPartition("gone", 0)
    watch.cluster.add_topic("events", MadePartition(end=100, stamps={0: NOW}))
    watch.cluster.add_topic("gone", MadePartition(end=1_000, stamps={0: NOW}))
    watch.cluster.add_group("g", {EVENTS: 0, gone: 1}, [EVENTS])

    for look in range(1, 61):
        watch.cluster.partitions[EVENTS].end = 100 + 20 * look
        watch.cluster.partitions[gone].end = 1_000 + 900 * look
        watch.cluster.commits["g"][EVENTS] = 10 * look
        group = watch.look(NOW + 10_000 * look).groups["g"]

    assert group.state is GroupState.SLOW
    assert (group.consume_rate, group.produce_rate) == (1.0, 2.0)
    assert "1.0/s of 2.0/s" in group.cause and "700 records wait" in group.cause
    assert "gone" not in group.cause


def test_a_state_is_told_with_when_it_began() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=5))
    watch.cluster.add_group("g", {EVENTS: 5})

    calm = watch.look(NOW).groups["g"]
    watch.cluster.partitions[EVENTS].end = 9
    began = watch.look(NOW + 10_000).groups["g"]
    later = watch.look(NOW + 20_000).groups["g"]

    assert calm.since_ms is None
    assert (began.state, began.since_ms) == (GroupState.STOPPED, NOW + 10_000)
    assert later.since_ms == NOW + 10_000


def test_data_that_retention_takes_is_told_with_when_that_began() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(start=0, end=50))
    watch.cluster.add_group("g", {EVENTS: 5}, [EVENTS])

    calm = watch.look(NOW).groups["g"]
    watch.cluster.partitions[EVENTS].start = 9
    began = watch.look(NOW + 10_000).groups["g"]
    later = watch.look(NOW + 20_000).groups["g"]

    assert (calm.data_trouble, calm.data_trouble_since_ms) == ("", None)
    assert (began.data_trouble, began.data_trouble_since_ms) == ("lost", NOW + 10_000)
    assert later.data_trouble_since_ms == NOW + 10_000


def test_a_trouble_found_at_the_first_look_began_before_and_one_that_was_over_begins_anew() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(replicas=(1, 2), isr=(1,)))

    first = watch.look(NOW).topics["events"]
    watch.cluster.add_topic("events", MadePartition(replicas=(1, 2), isr=(1, 2)))
    well = watch.look(NOW + 10_000).topics["events"]
    watch.cluster.add_topic("events", MadePartition(leader=-1, replicas=(1, 2), isr=()))
    second = watch.look(NOW + 20_000).topics["events"]

    assert (first.trouble, first.trouble_since_ms) == ("under-replicated", None)
    assert (well.trouble, well.trouble_since_ms) == ("", None)
    assert (second.trouble, second.trouble_since_ms) == ("offline", NOW + 20_000)
