"""Each edge case in which other tools tell a wrong lag, with the tests named after it.

Each is played twice: over our own broker with producers whose clocks are a year wrong, and over
another broker.

| edge case | tests |
|---|---|
| commits raced by log ends | test_race_* |
| no commit | test_no_commit_* |
| committed before the log's start | test_retention_overtaking_* |
| transactions: markers take offsets | test_transaction_marker_* |
| open transaction | test_open_transaction_* |
| compacted topic | test_compacted_topic_* |
| empty partition | test_empty_partition_* |
| group stopped reading one topic | test_topic_no_longer_read_* |
| deleted topic with commits left | test_deleted_topic_* |
| topic made anew | test_recreated_topic_* |
| KIP-848, share, streams groups | test_new_group_types_*; tests/wire/test_dashboard_clusters.py |
| coordinator out of reach | test_silent_coordinator_* |
| one group named by two brokers | test_group_from_two_brokers_* |
| readers that never commit | test_reader_without_commits_* |
| clocks that disagree | test_clock_skew_* |
| records that may not be read | test_unreadable_* |
| the dashboard starts anew | test_lag_restarts.py |
| topics made by being asked for | tests/wire/test_dashboard_clusters.py |
"""

import pytest

from dashboard.cluster.model import Estimate, Group, GroupState
from tests.support.made_cluster import MadePartition
from tests.support.watched import NOW, Watch
from tracker.kafka.answers import GroupDescription, GroupMember, ListedGroup
from tracker.kafka.groups import ShareGroup, ShareStart, StreamsGroup
from tracker.topics import TopicPartition

EVENTS = TopicPartition("events", 0)


def only(group: Group) -> tuple[int | None, GroupState]:
    """Lag and state of a group's one partition."""
    (part,) = group.partitions
    return part.lag, part.state


def test_race_commits_are_asked_before_ends(watch: Watch) -> None:
    watch.cluster.add_topic("events")
    watch.cluster.add_group("g", {EVENTS: 0}, [EVENTS])

    watch.look()

    asked = watch.cluster.asked
    assert asked.index("committed") < asked.index("latest")


def test_race_starts_are_asked_before_commits(watch: Watch) -> None:
    """Kafka Streams commits, then deletes what it read: asked later, a start was past the commit,
    and the alert said that records were lost."""
    watch.cluster.add_topic("events")
    watch.cluster.add_group("g", {EVENTS: 0}, [EVENTS])

    watch.look()

    asked = watch.cluster.asked
    assert asked.index("earliest") < asked.index("committed")


def test_race_a_commit_past_the_end_seen_once_is_caught_up(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=10))
    watch.cluster.add_group("g", {EVENTS: 12}, [EVENTS])

    assert only(watch.look().groups["g"]) == (0, GroupState.OK)


def test_race_a_commit_past_the_end_at_two_looks_is_an_anomaly_with_its_cause(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=10))
    watch.cluster.add_group("g", {EVENTS: 12}, [EVENTS])
    watch.look()

    group = watch.look(NOW + 5_000).groups["g"]

    assert only(group) == (0, GroupState.UNKNOWN)
    assert "2 records past the end of the log" in group.cause


def test_no_commit_is_no_series_and_tells_what_a_reset_would_bring(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=7), MadePartition(end=9))
    watch.cluster.add_group("g", {EVENTS: 7}, [EVENTS])

    group = watch.look().groups["g"]

    assert group.state is GroupState.NO_COMMIT
    assert [p.lag for p in group.partitions] == [0, None]
    assert "would bring 9 records" in group.cause


def test_retention_overtaking_a_group_counts_each_lost_record_once(watch: Watch) -> None:
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
    assert "deleted unread" in second.cause


def test_transaction_marker_at_the_end_is_no_lag(watch: Watch) -> None:
    """librdkafka issue 3917: a control record takes an offset, lag seems stuck at 1."""
    watch.cluster.add_topic("events", MadePartition(end=11, only_markers_from=10))
    watch.cluster.add_group("g", {EVENTS: 10}, [EVENTS])

    group = watch.look().groups["g"]

    assert (group.lag, group.lag_seconds, group.state) == (0, 0.0, GroupState.OK)


def test_transaction_marker_followed_by_a_record_is_lag_again(watch: Watch) -> None:
    part = MadePartition(end=11, only_markers_from=10)
    watch.cluster.add_topic("events", part)
    watch.cluster.add_group("g", {EVENTS: 10}, [EVENTS])
    watch.look()

    part.end, part.only_markers_from, part.stamps = 12, None, {11: NOW - 2_000}
    group = watch.look(NOW).groups["g"]

    assert group.lag == 2


def test_open_transaction_what_it_holds_back_is_told_apart(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=20, stable=15))
    watch.cluster.add_group("g", {EVENTS: 15}, [EVENTS])

    assert watch.look().groups["g"].partitions[0].held_by_transaction == 5


def test_open_transaction_records_that_came_between_two_answers_hold_nothing(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=20, stable=24))

    (part,) = watch.look().topics["events"].partitions

    assert part.held_by_transaction == 0


def test_open_transaction_there_is_none_and_nothing_is_held_back(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=20))
    watch.cluster.add_group("g", {EVENTS: 15, TopicPartition("gone", 0): 5}, [EVENTS])

    group = watch.look().groups["g"]

    assert [part.held_by_transaction for part in group.partitions] == [0, 0]


def test_open_transaction_from_the_first_record_on_holds_all(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=20, stable=0))
    watch.cluster.add_group("g", {EVENTS: 0}, [EVENTS])

    assert watch.look().groups["g"].partitions[0].held_by_transaction == 20


def test_compacted_topic_lag_is_an_upper_bound_and_seconds_are_of_the_next_record(
    watch: Watch,
) -> None:
    part = MadePartition(end=100, stamps={0: NOW - 90_000, 60: NOW - 30_000})
    watch.cluster.add_topic("events", part, cleanup_policy="compact")
    watch.cluster.add_group("g", {EVENTS: 60}, [EVENTS])

    group = watch.look().groups["g"]

    assert (group.lag, group.lag_seconds) == (40, 30.0)
    assert group.at_risk == 0.0


def test_empty_partition_has_no_lag(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(start=50, end=50))
    watch.cluster.add_group("g", {EVENTS: 20}, [EVENTS])

    group = watch.look().groups["g"]

    assert (group.lag, group.lag_seconds, group.state) == (0, 0.0, GroupState.OK)


def test_topic_no_longer_read_does_not_spoil_the_verdict_and_keeps_its_own_lag(
    watch: Watch,
) -> None:
    old = TopicPartition("old", 0)
    watch.cluster.add_topic("events", MadePartition(end=5))
    watch.cluster.add_topic("old", MadePartition(end=1_000))
    watch.cluster.add_group("g", {EVENTS: 5, old: 1}, [EVENTS])

    group = watch.look().groups["g"]

    by_topic = {part.topic: part for part in group.partitions}
    assert (group.state, group.lag) == (GroupState.OK, 0)
    assert (by_topic["old"].state, by_topic["old"].lag) == (GroupState.ORPHANED, 999)


def test_deleted_topic_leaves_an_orphan_that_counts_for_nothing(watch: Watch) -> None:
    watch.cluster.add_group("g", {TopicPartition("gone", 0): 5})

    group = watch.look().groups["g"]

    assert (group.state, group.lag, group.lag_seconds) == (GroupState.ORPHANED, 0, None)


def recreated(watch: Watch, end: int, topic_id: str = "another") -> Group:
    """The group after `events` was deleted and made anew with `end` records."""
    watch.cluster.add_topic("events", MadePartition(end=100, stamps={0: NOW - 500_000}))
    watch.cluster.add_group("g", {EVENTS: 40}, [EVENTS])
    watch.look(NOW)
    watch.cluster.add_topic("events", MadePartition(end=end, stamps={0: NOW + 1_000}))
    watch.cluster.ids["events"] = topic_id
    watch.cluster.commits["g"][EVENTS] = 2
    return watch.look(NOW + 5_000).groups["g"]


@pytest.mark.parametrize("end", [10, 100, 5_000])
def test_recreated_topic_is_known_by_its_id_however_long_its_new_log_is(
    watch: Watch, end: int
) -> None:
    group = recreated(watch, end)

    assert (group.state, group.lag) == (GroupState.OK, end - 2)
    assert group.lag_seconds == 4.0
    assert group.consume_rate is None


def test_recreated_topic_does_not_use_the_time_of_an_old_record_at_the_same_offset(
    watch: Watch,
) -> None:
    watch.cluster.add_topic("events", MadePartition(end=100, stamps={0: NOW - 500_000}))
    watch.cluster.add_group("g", {EVENTS: 40}, [EVENTS])
    watch.look(NOW)
    watch.cluster.add_topic("events", MadePartition(end=100, stamps={0: NOW + 1_000}))

    group = watch.look(NOW + 5_000).groups["g"]

    assert group.lag_seconds == 4.0


def test_recreated_topic_without_ids_is_known_by_an_end_that_went_back(watch: Watch) -> None:
    group = recreated(watch, 10, topic_id="events-0")

    assert (group.state, group.lag) == (GroupState.OK, 8)


def test_recreated_topic_loses_its_own_records_from_its_first_offset_on(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(start=60, end=100))
    watch.cluster.add_group("g", {EVENTS: 10}, [EVENTS])
    before = watch.look(NOW).groups["g"].lost_total
    watch.cluster.add_topic("events", MadePartition(start=30, end=100))
    watch.cluster.ids["events"] = "another"
    watch.cluster.commits["g"][EVENTS] = 2

    after = watch.look(NOW + 5_000).groups["g"].lost_total

    assert (before, after) == ({"events": 50}, {"events": 78})


def test_recreated_topic_has_a_rate_of_its_own(watch: Watch) -> None:
    recreated(watch, 5_000)

    assert watch.look(NOW + 10_000).topics["events"].rate == 0.0


def test_new_group_types_a_kip_848_group_has_its_members_and_its_lag(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=10, stamps={0: NOW}))
    member = GroupMember("m", "c", "/h", "", (EVENTS,))
    watch.cluster.groups["g"] = GroupDescription("g", "consumer", "stable", "uniform", 1, (member,))
    watch.cluster.commits["g"] = {EVENTS: 4}

    group = watch.look(NOW + 1_000).groups["g"]

    assert (group.protocol, len(group.members), group.lag) == ("consumer", 1, 6)


@pytest.mark.parametrize(
    ("word", "state"), [("stable", GroupState.OK), ("empty", GroupState.STOPPED)]
)
def test_new_group_types_a_streams_group_is_judged_by_its_state(
    watch: Watch, word: str, state: GroupState
) -> None:
    """librdkafka cannot ask who is in it: no members told is not "nobody reads"."""
    watch.cluster.add_topic("events", MadePartition(end=10, stamps={0: NOW}))
    watch.cluster.others = [ListedGroup("app", "streams", word)]
    watch.cluster.commits["app"] = {EVENTS: 4}

    group = watch.look(NOW + 1_000).groups["app"]

    assert (group.protocol, group.lag, group.state) == ("streams", 6, state)


def test_new_group_types_a_streams_group_that_is_described_has_members_and_owners(
    watch: Watch,
) -> None:
    watch.cluster.add_topic("events", MadePartition(end=10, stamps={0: NOW}), MadePartition(end=3))
    watch.cluster.others = [ListedGroup("app", "streams", "stable")]
    member = GroupMember("m", "c", "/h", "", (EVENTS,))
    described = GroupDescription("app", "streams", "stable", "", 1, (member,))
    watch.cluster.streams_groups["app"] = StreamsGroup(described, 1, 0, (), ())
    watch.cluster.commits["app"] = {EVENTS: 4}

    group = watch.look(NOW + 1_000).groups["app"]

    assert [part.member for part in group.partitions] == [member, None]
    assert (len(group.members), group.lag, group.state) == (1, 6, GroupState.NO_COMMIT)
    assert group.streams is watch.cluster.streams_groups["app"]


def test_new_group_types_a_share_group_is_told_apart_with_its_own_lag(watch: Watch) -> None:
    watch.cluster.others = [ListedGroup("old", "share", "stable"), ListedGroup("q", "share", "x")]
    watch.cluster.share_groups["q"] = ShareGroup("q", "stable", starts={EVENTS: ShareStart(3, 7)})

    snapshot = watch.look()

    assert snapshot.groups == {}
    assert [(one.group_id, one.state, one.lag) for one in snapshot.share_groups] == [
        ("old", "stable", None),
        ("q", "stable", 7),
    ]


def test_silent_coordinator_makes_no_group_look_fine(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=10, stamps={0: NOW}))
    watch.cluster.add_group("g", {EVENTS: 10}, [EVENTS])
    assert watch.look().groups["g"].state is GroupState.OK
    watch.cluster.silent = {"g"}

    group = watch.look(NOW + 5_000).groups["g"]

    assert (group.state, group.lag) == (GroupState.UNKNOWN, 0)
    assert group.cause == "its coordinator does not answer; before, caught up"
    watch.cluster.silent = set()
    assert watch.look(NOW + 10_000).groups["g"].state is GroupState.OK


@pytest.mark.parametrize("listed", [True, False])
def test_silent_coordinator_keeps_its_groups_for_three_looks(watch: Watch, listed: bool) -> None:
    watch.cluster.add_topic("events", MadePartition(end=10, stamps={0: NOW}))
    watch.cluster.add_group("g", {EVENTS: 4}, [EVENTS])
    watch.look()
    watch.cluster.silent, watch.cluster.listed = {"g"}, listed

    looks = [watch.look(NOW + 5_000 * n).groups["g"] for n in range(1, 9)]

    assert [group.lag for group in looks[:3]] == [6, 6, 6]
    assert {(group.partitions, group.state) for group in looks[3:]} == {((), GroupState.UNKNOWN)}
    watch.cluster.silent = set()
    assert watch.look(NOW + 50_000).groups["g"].lag == 6


def test_silent_coordinator_does_not_make_a_stall_begin_anew(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=10, stamps={0: NOW}))
    watch.cluster.add_group("g", {EVENTS: 4}, [EVENTS])
    watch.look()
    watch.cluster.silent, watch.cluster.listed = {"g"}, False
    for minutes in range(1, 6):
        watch.look(NOW + 60_000 * minutes)
    watch.cluster.silent, watch.cluster.listed = set(), True

    assert watch.look(NOW + 360_000).groups["g"].state is GroupState.STALLED


def test_a_group_that_is_deleted_meanwhile_is_gone_once_all_brokers_list(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=10, stamps={0: NOW}))
    watch.cluster.add_group("g", {EVENTS: 4}, [EVENTS])
    watch.look()
    watch.cluster.silent, watch.cluster.listed = {"g"}, False
    watch.look(NOW + 5_000)
    del watch.cluster.groups["g"], watch.cluster.commits["g"]
    watch.cluster.silent, watch.cluster.listed = set(), True

    assert watch.look(NOW + 10_000).groups == {}


def test_silent_coordinator_of_one_group_does_not_touch_another(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=10, stamps={0: NOW}))
    watch.cluster.add_group("g", {EVENTS: 4}, [EVENTS])
    watch.cluster.add_group("h", {EVENTS: 9}, [EVENTS])
    watch.cluster.silent = {"g"}

    groups = watch.look().groups

    assert groups["h"].lag == 1
    assert groups.get("g") is None or groups["g"].state is GroupState.UNKNOWN


def test_group_from_two_brokers_is_one_group(watch: Watch) -> None:
    """While its coordinator moves, two brokers may name a group, and list it with its old type."""
    watch.cluster.add_topic("events", MadePartition(end=10, stamps={0: NOW}))
    watch.cluster.commits["app"] = {EVENTS: 4}
    watch.cluster.groups["app"] = GroupDescription("app", "unknown", "dead", "", -1, ())
    watch.cluster.others = [ListedGroup("app", "streams", "stable")] * 2

    groups = watch.look().groups

    assert [(group.group_id, group.protocol) for group in groups.values()] == [("app", "streams")]


def test_reader_without_commits_shows_its_members_and_no_lag(watch: Watch) -> None:
    """Flink and Spark may never commit: with no group there is nothing to show; with one, this."""
    watch.cluster.add_topic("events", MadePartition(end=10))
    watch.cluster.add_group("flink", {}, [EVENTS])

    group = watch.look().groups["flink"]

    assert (len(group.members), group.state) == (1, GroupState.NO_COMMIT)
    assert (group.lag, group.lag_seconds) == (0, None)


def test_clock_skew_a_record_of_tomorrow_is_no_negative_lag(watch: Watch) -> None:
    watch.cluster.add_topic("events", MadePartition(end=10, stamps={0: NOW + 86_400_000}))
    watch.cluster.add_group("g", {EVENTS: 4}, [EVENTS])

    assert watch.look().groups["g"].lag_seconds == 0.0


def test_clock_skew_our_clock_set_back_makes_no_negative_rate_and_no_verdict(watch: Watch) -> None:
    part = MadePartition(end=10, stamps={0: NOW - 1_000})
    watch.cluster.add_topic("events", part)
    watch.cluster.add_group("g", {EVENTS: 4}, [EVENTS])
    watch.look(NOW)

    part.end = 20
    snapshot = watch.look(NOW - 3_600_000)

    group = snapshot.groups["g"]
    assert group.lag_seconds == 0.0
    assert group.partitions[0].estimate is Estimate.EXACT
    assert group.consume_rate is None
    assert snapshot.topics["events"].rate is None
    assert group.state is GroupState.OK


def test_unreadable_records_have_a_place_on_the_straight_line_of_their_log() -> None:
    """klag's way for who has no READ right: between the first record and the youngest."""
    watch = Watch()
    part = MadePartition(start=100, end=201, stamps={100: NOW - 100_000, 200: NOW})
    watch.cluster.add_topic("events", part)
    watch.cluster.add_group("g", {EVENTS: 150}, [EVENTS])
    watch.cluster.readable = False

    part_of_g = watch.look().groups["g"].partitions[0]

    assert (part_of_g.lag_seconds, part_of_g.estimate) == (50.0, Estimate.BOUNDED)


def test_unreadable_records_overtaken_by_retention_are_no_older_than_the_log() -> None:
    watch = Watch()
    part = MadePartition(start=100, end=201, stamps={100: NOW - 100_000, 200: NOW})
    watch.cluster.add_topic("events", part)
    watch.cluster.add_group("g", {EVENTS: 5}, [EVENTS])
    watch.cluster.readable = False

    assert watch.look().groups["g"].lag_seconds == 100.0


def test_unreadable_records_on_our_own_broker_have_their_append_time() -> None:
    watch = Watch(bundled=True)
    watch.cluster.add_topic("events", MadePartition(end=10, stamps={0: NOW, 5: NOW - 7_000}))
    watch.cluster.add_group("g", {EVENTS: 5}, [EVENTS])
    watch.cluster.readable = False

    part = watch.look().groups["g"].partitions[0]

    assert (part.lag_seconds, part.estimate) == (7.0, Estimate.EXACT)
