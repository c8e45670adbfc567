"""Rules about clusters, topics and consumer groups."""

from collections.abc import Callable, Iterator
from typing import Final

from dashboard.alerts.facts import Facts, commit_series, lag_series, lost_series
from dashboard.alerts.rule import Finding, Rule
from dashboard.alerts.window import increase, slope, unchanged
from dashboard.cluster.model import Group, GroupState, Topic
from dashboard.text import count, duration, percent, plural, short

MINUTE_MS: Final = 60_000
SILENT_MS: Final = 120_000
LAG_HIGH_S: Final = 60.0
LAG_CRITICAL_S: Final = 300.0
GROWING_S: Final = 30.0
RETENTION_USED: Final = 0.8


def _unreachable(facts: Facts) -> Iterator[Finding]:
    for cluster in facts.clusters:
        last = cluster.last_success_ms
        if not cluster.up or (last is not None and facts.now_ms - last > SILENT_MS):
            labels = {"kafka_cluster": cluster.name}
            yield Finding(labels, 0.0, f"Cannot poll Kafka cluster {cluster.name}")


def _connectors(facts: Facts) -> Iterator[Finding]:
    """As their worker told them last; the number of tasks that failed, at least 1."""
    for cluster in facts.clusters:
        for worker in cluster.connect:
            for one in worker.connectors:
                if one.severity == "critical":
                    labels = {"kafka_cluster": cluster.name, "worker": str(worker.index)}
                    said = f"Connector {short(one.name)}: {one.sentence}"
                    yield Finding({**labels, "connector": one.name}, max(one.failed, 1), said)


def _silent_workers(facts: Facts) -> Iterator[Finding]:
    for cluster in facts.clusters:
        for worker in cluster.connect:
            if worker.silent:
                labels = {"kafka_cluster": cluster.name, "worker": str(worker.index)}
                said = f"Connect worker {worker.index} of {cluster.name} does not answer"
                yield Finding(labels, 0.0, said)


def _topics(number: Callable[[Topic], int], sentence: str) -> Callable[[Facts], Iterator[Finding]]:
    """One finding for each topic with a partition of that kind."""

    def find(facts: Facts) -> Iterator[Finding]:
        for cluster in facts.clusters:
            for topic in cluster.snapshot.topics.values() if cluster.snapshot else ():
                if bad := number(topic):
                    labels = {"kafka_cluster": cluster.name, "topic": topic.name}
                    said = sentence.format(partitions=plural(bad, "partition"), topic=topic.name)
                    yield Finding(labels, bad, said)

    return find


def _log_dirs(facts: Facts) -> Iterator[Finding]:
    """One finding for each broker with log directories that failed; how many."""
    for cluster in facts.clusters:
        failed: dict[int, list[str]] = {}
        for one in cluster.snapshot.log_dirs if cluster.snapshot else ():
            if one.offline:
                failed.setdefault(one.broker_id, []).append(one.path)
        for broker_id, paths in failed.items():
            labels = {"kafka_cluster": cluster.name, "broker_id": str(broker_id)}
            said = f"Broker {broker_id} has lost log directory {' and '.join(paths)}"
            yield Finding(labels, len(paths), said)


def _groups(facts: Facts) -> Iterator[tuple[str, Group, dict[str, str]]]:
    for cluster in facts.clusters:
        for group in cluster.snapshot.groups.values() if cluster.snapshot else ():
            labels = {"kafka_cluster": cluster.name, "consumergroup": group.group_id}
            yield cluster.name, group, labels


def _behind(limit_s: float) -> Callable[[Facts], Iterator[Finding]]:
    def find(facts: Facts) -> Iterator[Finding]:
        for _, group, labels in _groups(facts):
            if group.lag_seconds is not None and group.lag_seconds > limit_s:
                said = f"Group {group.group_id} is {duration(group.lag_seconds)} behind"
                yield Finding(labels, group.lag_seconds, said)

    return find


def _growing(facts: Facts) -> Iterator[Finding]:
    for cluster, group, labels in _groups(facts):
        if (group.lag_seconds or 0.0) <= GROWING_S:
            continue
        name = lag_series(cluster, group.group_id)
        rise = slope(facts.window.points(name, facts.now_ms, 10 * MINUTE_MS))
        if rise is not None and rise > 0:
            said = f"Group {group.group_id} falls further behind, {rise:.1f} records a second"
            yield Finding(labels, rise, said)


def _stalled(facts: Facts) -> Iterator[Finding]:
    for cluster, group, labels in _groups(facts):
        lags: dict[str, int] = {}
        for part in group.partitions:
            if part.lag and part.state is not GroupState.ORPHANED:
                lags[part.topic] = lags.get(part.topic, 0) + part.lag
        for topic, lag in lags.items():
            name = commit_series(cluster, group.group_id, topic)
            if unchanged(facts.window.points(name, facts.now_ms, 10 * MINUTE_MS)):
                said = f"Group {group.group_id} makes no progress on {topic}"
                yield Finding({**labels, "topic": topic}, lag, said)


def _will_lose(facts: Facts) -> Iterator[Finding]:
    cut = {
        (cluster.name, topic.name)
        for cluster in facts.clusters
        for topic in (cluster.snapshot.topics.values() if cluster.snapshot else ())
        if any(part.start for part in topic.partitions)
    }
    for cluster, group, labels in _groups(facts):
        for topic, share in _retention_used(group).items():
            if share > RETENTION_USED and (cluster, topic) in cut:
                said = (
                    f"Group {group.group_id} has used {percent(share)} of the retention of {topic}"
                )
                yield Finding({**labels, "topic": topic}, share, said)


def _retention_used(group: Group) -> dict[str, float]:
    """By topic, of the partition in which it is furthest behind."""
    used: dict[str, float] = {}
    for part in group.partitions:
        if part.retention_used is not None:
            used[part.topic] = max(used.get(part.topic, 0.0), part.retention_used)
    return used


def _lost(facts: Facts) -> Iterator[Finding]:
    for cluster, group, labels in _groups(facts):
        for topic in group.lost_total:
            name = lost_series(cluster, group.group_id, topic)
            lost = increase(facts.window.points(name, facts.now_ms, 10 * MINUTE_MS))
            if lost > 0:
                said = (
                    f"Retention deleted {count(lost)} records of {topic} "
                    f"before group {group.group_id} read them"
                )
                yield Finding({**labels, "topic": topic}, lost, said)


RULES: Final = (
    Rule(
        "KafkaClusterUnreachable",
        "critical",
        60,
        "the cluster does not answer, or has not for 2 minutes",
        _unreachable,
    ),
    Rule(
        "KafkaPartitionOffline",
        "critical",
        60,
        "a partition has no leader",
        _topics(lambda topic: topic.offline, "{partitions} of {topic} without a leader"),
    ),
    Rule(
        "KafkaLogDirectoryOffline",
        "critical",
        60,
        "a broker tells that a log directory failed or is away",
        _log_dirs,
    ),
    Rule(
        "KafkaPartitionUnderMinISR",
        "critical",
        120,
        "fewer replicas are in sync than acks=all needs",
        _topics(lambda topic: topic.under_min_isr, "acks=all writes to {topic} are refused"),
    ),
    Rule(
        "KafkaPartitionUnderReplicated",
        "warning",
        300,
        "a replica is out of sync",
        _topics(lambda topic: topic.under_replicated, "{topic} is under-replicated"),
    ),
    Rule(
        "ConnectorFailed",
        "critical",
        60,
        "a connector failed, or a task of it",
        _connectors,
    ),
    Rule(
        "ConnectWorkerSilent",
        "warning",
        120,
        "a Kafka Connect worker does not list its connectors",
        _silent_workers,
    ),
    Rule(
        "ConsumerLagTimeHigh",
        "warning",
        300,
        "the oldest waiting record is older than 60 s; quiet while ConsumerLagTimeCritical fires",
        _behind(LAG_HIGH_S),
        under="ConsumerLagTimeCritical",
    ),
    Rule(
        "ConsumerLagTimeCritical",
        "critical",
        300,
        "the oldest waiting record is older than 300 s",
        _behind(LAG_CRITICAL_S),
    ),
    Rule(
        "ConsumerLagGrowing",
        "warning",
        600,
        "lag rises over 10 minutes, and the oldest waiting record is older than 30 s",
        _growing,
    ),
    Rule(
        "ConsumerStalled",
        "critical",
        300,
        "records wait, and no commit moved for 10 minutes",
        _stalled,
    ),
    Rule(
        "ConsumerWillLoseData",
        "critical",
        300,
        "more than 80 % of the log waits, of a log that has deleted something already",
        _will_lose,
    ),
    Rule(
        "ConsumerLostData",
        "critical",
        0,
        "records were deleted in the last 10 minutes before the group read them",
        _lost,
    ),
)
