"""One look: what may be missing is missing without harm, and is not asked all the time."""

from collections.abc import Mapping

from dashboard.cluster.collect import Collector
from tests.support.made_cluster import MadeCluster, MadePartition
from tracker.kafka_admin import ClusterUnavailable, TopicPartition
from tracker.kafka_inventory import Disks

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
    collector = Collector(cluster, 5.0, cluster)

    first, second = sizes_of(collector), sizes_of(collector)

    assert first == second == {EVENTS: {1: 500}}
    assert cluster.asked.count("disks") == 1
    assert cluster.asked.count("other_groups") == 2


def test_a_cluster_that_does_not_tell_its_disks_is_watched_all_the_same() -> None:
    cluster = Refusing()
    cluster.add_topic("events", MadePartition(end=5))
    collector = Collector(cluster, 5.0, cluster)

    looks = [collector.observe(), collector.observe()]

    assert [look.ends for look in looks] == [{EVENTS: 5}] * 2
    assert looks[1].disks == Disks({}, ())
    assert cluster.asked.count("disks") == 1


def test_without_a_second_client_everything_else_is_there() -> None:
    cluster = MadeCluster()
    cluster.add_topic("events", MadePartition(end=5))

    seen = Collector(cluster, 5.0).observe()

    assert (seen.ends, seen.topic_ids) == ({EVENTS: 5}, {"events": "events-0"})
