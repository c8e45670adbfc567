"""One look: what may be missing is missing without harm, and is not asked all the time."""

from collections.abc import Mapping, Sequence

import pytest

from dashboard.cluster.collect import STARTS_MAX, Collector, Second
from tests.support.made_cluster import MadeCluster, MadePartition
from tracker.kafka.admin import EARLIEST, LATEST_STABLE, ClusterUnavailable
from tracker.kafka.answers import ClusterMetadata, ListedGroup
from tracker.kafka.inventory import Disks
from tracker.topics import TopicPartition

EVENTS = TopicPartition("events", 0)


class Refusing(MadeCluster):
    """Tells nothing of disks."""

    def disks(self, timeout_s: float) -> Disks:
        self.asked.append("disks")
        raise ClusterUnavailable("not authorised")


def sizes_of(collector: Collector) -> Mapping[TopicPartition, Mapping[int, int]]:
    return collector.observe().disks.sizes


def test_bytes_are_asked_once_in_thirty_seconds() -> None:
    cluster = MadeCluster()
    cluster.add_topic("events", MadePartition(end=5))
    collector = Collector(cluster, 5.0, Second(cluster))

    first, second = sizes_of(collector), sizes_of(collector)

    assert first == second == {EVENTS: {1: 500}}
    assert cluster.asked.count("disks") == 1
    assert cluster.asked.count("other_groups") == 2


def test_disks_are_asked_at_once_when_a_partition_has_lost_its_leader() -> None:
    """A log directory that is away is named with the look that finds its partitions offline."""
    cluster = MadeCluster()
    cluster.add_topic("events", MadePartition(end=5))
    collector = Collector(cluster, 5.0, Second(cluster))
    collector.observe()

    cluster.disk_failed, cluster.partitions[EVENTS].leader = True, -1
    seen = [collector.observe(), collector.observe()]

    assert [one.disks.log_dirs[0].offline for one in seen] == [True, True]
    assert cluster.asked.count("disks") == 2


def test_a_cluster_that_does_not_tell_its_disks_is_watched_all_the_same() -> None:
    cluster = Refusing()
    cluster.add_topic("events", MadePartition(end=5))
    collector = Collector(cluster, 5.0, Second(cluster))

    looks = [collector.observe(), collector.observe()]

    assert [look.ends for look in looks] == [{EVENTS: 5}] * 2
    assert looks[1].disks == Disks({}, ())
    assert cluster.asked.count("disks") == 1


def test_sizes_are_known_where_groups_are_not() -> None:
    """As after a log directory with some of the coordinators' logs went away."""

    class Groupless(MadeCluster):
        def other_groups(self, timeout_s: float) -> tuple[ListedGroup, ...]:
            raise ClusterUnavailable("coordinator not available")

    cluster = Groupless()
    cluster.add_topic("events", MadePartition(end=5))

    assert sizes_of(Collector(cluster, 5.0, Second(cluster))) == {EVENTS: {1: 500}}


def test_commits_are_asked_only_where_a_coordinator_has_just_answered() -> None:
    """librdkafka ends the process when one says that it is not the coordinator (any more)."""
    asked: list[Sequence[str]] = []

    class NotingGroups(MadeCluster):
        def committed(
            self, group_ids: Sequence[str], timeout_s: float
        ) -> dict[str, dict[TopicPartition, int]]:
            asked.append(tuple(group_ids))
            return super().committed(group_ids, timeout_s)

    cluster = NotingGroups()
    cluster.add_topic("events", MadePartition(end=5))
    for name in ("heard", "unheard"):
        cluster.add_group(name, {EVENTS: 3})
    collector = Collector(cluster, 5.0)
    collector.observe()
    cluster.silent = {"unheard"}

    kept = collector.observe().commits["unheard"]

    assert asked == [("heard", "unheard"), ("heard",)]
    assert kept == {EVENTS: 3}


def test_without_a_second_client_everything_else_is_there() -> None:
    cluster = MadeCluster()
    cluster.add_topic("events", MadePartition(end=5))

    seen = Collector(cluster, 5.0).observe()

    assert (seen.ends, seen.topic_ids) == ({EVENTS: 5}, {"events": "events-0"})


class Noting(MadeCluster):
    """Remembers how many partitions each question was about."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[str, int]] = []

    def offsets(
        self, partitions: Sequence[TopicPartition], which: str, timeout_s: float
    ) -> dict[TopicPartition, int]:
        self.sizes.append((which, len(partitions)))
        return super().offsets(partitions, which, timeout_s)


def test_stable_ends_are_asked_again_only_where_something_moved() -> None:
    cluster = Noting()
    moving, quiet = MadePartition(end=5), MadePartition(end=5)
    held = MadePartition(end=9, stable=7)
    cluster.add_topic("events", moving, quiet, held)
    collector = Collector(cluster, 5.0)
    collector.observe()
    cluster.sizes.clear()

    moving.end, moving.stable = 8, 6
    second = collector.observe()
    held.stable = 9
    third = collector.observe()

    places = [TopicPartition("events", index) for index in range(3)]
    assert [second.stable_ends[place] for place in places] == [6, 5, 7]
    assert [third.stable_ends[place] for place in places] == [6, 5, 9]
    assert [size for which, size in cluster.sizes if which == LATEST_STABLE] == [2, 2]


def test_a_topic_made_anew_with_as_many_records_is_asked_again() -> None:
    cluster = Noting()
    cluster.add_topic("events", MadePartition(end=5))
    collector = Collector(cluster, 5.0)
    collector.observe()

    cluster.add_topic("events", MadePartition(end=5, stable=3))

    assert collector.observe().stable_ends == {EVENTS: 3}


def test_in_a_large_cluster_starts_are_asked_in_rounds_and_at_once_where_new() -> None:
    cluster = Noting()
    cluster.add_topic("events", *(MadePartition(end=5) for _ in range(STARTS_MAX + 1)))
    collector = Collector(cluster, 5.0)
    collector.observe()
    cluster.sizes.clear()

    cluster.add_topic("more", MadePartition(start=3, end=5))
    seen = collector.observe()

    assert [size for which, size in cluster.sizes if which == EARLIEST] == [1]
    assert len(seen.starts) == STARTS_MAX + 2
    assert seen.starts[TopicPartition("more", 0)] == 3


def test_in_a_small_cluster_starts_are_asked_at_every_look() -> None:
    cluster = MadeCluster()
    part = MadePartition(end=5)
    cluster.add_topic("events", part)
    collector = Collector(cluster, 5.0)
    collector.observe()

    part.start = 4

    assert collector.observe().starts == {EVENTS: 4}


class Wholesale:
    """Answers in bulk from a made cluster, or not at all."""

    def __init__(self, cluster: MadeCluster) -> None:
        self.cluster = cluster
        self.refuses = False
        self.asked = 0

    def metadata(self, timeout_s: float) -> tuple[ClusterMetadata, dict[str, str]]:
        self._ask()
        return self.cluster.metadata(timeout_s), dict(self.cluster.ids)

    def offsets(
        self, leaders: Mapping[TopicPartition, int], which: str, timeout_s: float
    ) -> dict[TopicPartition, int]:
        self._ask()
        return self.cluster.offsets(tuple(leaders), which, timeout_s)

    def _ask(self) -> None:
        self.asked += 1
        if self.refuses:
            raise ClusterUnavailable("made to refuse")


def test_what_is_large_is_asked_in_bulk() -> None:
    cluster = MadeCluster()
    cluster.add_topic("events", MadePartition(end=5))
    bulk = Wholesale(cluster)

    collector = Collector(cluster, 5.0, Second(bulk=bulk))
    collector.observe()
    first = bulk.asked
    seen = collector.observe()

    assert (seen.ends, seen.topic_ids) == ({EVENTS: 5}, {"events": "events-0"})
    assert bulk.asked > first > 0
    assert cluster.asked.count("topic_ids") == 1  # once, to see that it is there


def test_a_cluster_that_is_not_there_is_not_asked_in_bulk() -> None:
    cluster = MadeCluster()
    cluster.away = True
    bulk = Wholesale(cluster)
    collector = Collector(cluster, 5.0, Second(bulk=bulk))

    for _ in range(2):
        with pytest.raises(ClusterUnavailable):
            collector.observe()

    assert bulk.asked == 0


def test_what_refuses_in_bulk_is_asked_in_the_old_way_and_left_alone() -> None:
    cluster = MadeCluster()
    cluster.add_topic("events", MadePartition(end=5))
    bulk = Wholesale(cluster)
    bulk.refuses = True
    collector = Collector(cluster, 5.0, Second(bulk=bulk))

    looks = [collector.observe(), collector.observe()]

    assert [(seen.ends, seen.topic_ids) for seen in looks] == [
        ({EVENTS: 5}, {"events": "events-0"})
    ] * 2
    assert bulk.asked == 1
