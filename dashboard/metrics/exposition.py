"""Snapshots as Prometheus text. Rendered by hand: a label set is escaped once and used for all the
families of its partition, so ten thousand partitions cost milliseconds.

Deleted topics and groups are simply not in the snapshot, so their series end by themselves. Series
above the limit are left out in a fixed order and counted in footfall_series_dropped; no cluster is
too large for the limit.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import re2

from dashboard.cluster.model import Group, Partition, Snapshot
from dashboard.connect.model import CONNECTOR_STATES, WorkerSeen, state_told
from dashboard.metrics import families as f
from dashboard.metrics.families import Family
from tracker.kafka.groups import ShareGroup

OFFSETS_TOPIC: Final = "__consumer_offsets"  # the one internal topic worth its series
STATES: Final = ("ok", "slow", "stalled", "stopped", "rewound", "orphaned", "unknown")

Row = tuple[str, float]


@dataclass(frozen=True, slots=True)
class ClusterPage:
    """One cluster's part of the scrape; `snapshot` None: too old to be shown."""

    name: str
    snapshot: Snapshot | None
    up: bool
    last_success_ms: int | None
    duration_s: float
    jmx_names: bool
    connect: Sequence[WorkerSeen] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    fork_aliases: bool
    series_max: int
    exclude_groups: str  # RE2; empty: none


def escape(value: str) -> str:
    """A label value as the text format wants it."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def labels(names: Sequence[str], values: Sequence[str]) -> str:
    """`{a="1",b="2"}`; empty without labels."""
    if not names:
        return ""
    pairs = zip(names, values, strict=True)
    return "{" + ",".join(f'{name}="{escape(value)}"' for name, value in pairs) + "}"


class Exposition:
    """Rows by family, in order of first use; one HELP and TYPE each."""

    def __init__(self) -> None:
        self._rows: dict[Family, list[Row]] = {}

    def add(self, family: Family, values: Sequence[str], value: float) -> None:
        self._rows.setdefault(family, []).append((labels(family.labels, values), value))

    def add_rows(self, family: Family, rows: Iterable[Row]) -> None:
        """Rows whose label sets are written already."""
        self._rows.setdefault(family, []).extend(rows)

    def drop(self, dropped: Iterable[Family]) -> int:
        """Leave families out; returns how many series that saved."""
        return sum(len(self._rows.pop(family, ())) for family in dropped)

    def cut(self, series_most: int, kept: Collection[Family]) -> int:
        """Leave the last rows out until no more are left than that; `kept` families stay whole."""
        above = saved = max(0, self.series - series_most)
        for family in reversed([family for family in self._rows if family not in kept]):
            rows = self._rows[family]
            cut = min(above, len(rows))
            del rows[len(rows) - cut :]
            above -= cut
            if not rows:
                del self._rows[family]
        return saved - above

    @property
    def series(self) -> int:
        return sum(len(rows) for rows in self._rows.values())

    @property
    def names(self) -> set[str]:
        return {family.name for family in self._rows}

    def text(self) -> str:
        lines: list[str] = []
        for family, rows in self._rows.items():
            lines.append(f"# HELP {family.name} {family.help}")
            lines.append(f"# TYPE {family.name} {family.kind}")
            lines.extend(f"{family.name}{key} {number(value)}" for key, value in rows)
        return "\n".join(lines) + "\n" if lines else ""


def number(value: float) -> str:
    """Integers without a point, so that offsets stay exact."""
    return str(int(value)) if value == int(value) else repr(float(value))


ALIASES: Final = (f.UNCOMMITTED, f.LAG_MILLIS)
JMX: Final = tuple(
    family
    for family in f.ALL
    if family.name.startswith(
        ("kafka_cluster_", "kafka_log_", "kafka_server_", "kafka_controller_")
    )
)
BY_GROUP_PARTITION: Final = (f.COMMITTED, f.LAG, f.LAG_SECONDS)
STAGES: Final = (
    ("fork_aliases", ALIASES),
    ("jmx_names", JMX),
    ("group_partitions", BY_GROUP_PARTITION),
    ("topic_partitions", (f.START, f.REPLICAS, f.IN_SYNC, f.PREFERRED)),
)
"""What goes first when there are too many, by reason; then single rows, by "rest"."""

ALWAYS: Final = (
    *(f.COLLECTOR_UP, f.COLLECTOR_LAST, f.COLLECTOR_DURATION, f.SERIES_DROPPED, f.CONNECT_UP),
)
REASONS: Final = (*(reason for reason, _ in STAGES), "rest", "roles")


def expose(clusters: Iterable[ClusterPage], limits: Limits, roles_dropped: int = 0) -> Exposition:
    """Everything known about the clusters, cut to the limit.

    `roles_dropped`: series of other roles that were left out already, only to be told.
    """
    page = Exposition()
    excluded = re2.compile(limits.exclude_groups) if limits.exclude_groups else None
    for cluster in clusters:
        _collector(page, cluster)
        _connect(page, cluster)  # before topics and groups: what is late is cut first
        if cluster.snapshot is None:
            continue
        _topics(page, cluster.snapshot, cluster.jmx_names)
        for group in cluster.snapshot.groups.values():
            if excluded is None or not excluded.search(group.group_id):
                _group(page, cluster.name, group, limits.fork_aliases)
        for share in cluster.snapshot.share_groups:
            if excluded is None or not excluded.search(share.group_id):
                _share_group(page, cluster.name, share)
    dropped = _guard(page, limits.series_max - len(REASONS)) | {"roles": roles_dropped}
    for reason in REASONS:
        page.add(f.SERIES_DROPPED, (reason,), dropped[reason])
    return page


def _guard(page: Exposition, series_most: int) -> dict[str, int]:
    """Aliases go first, then JMX names, then groups by partition; their sums stay the longest."""
    saved = {
        reason: page.drop(dropped) if page.series > series_most else 0 for reason, dropped in STAGES
    }
    return saved | {"rest": page.cut(series_most, ALWAYS)}


def _collector(page: Exposition, cluster: ClusterPage) -> None:
    page.add(f.COLLECTOR_UP, (cluster.name,), float(cluster.up))
    if cluster.last_success_ms is not None:
        page.add(f.COLLECTOR_LAST, (cluster.name,), cluster.last_success_ms / 1000)
    page.add(f.COLLECTOR_DURATION, (cluster.name,), cluster.duration_s)


def _connect(page: Exposition, cluster: ClusterPage) -> None:
    """Connectors that failed come first, so that they are cut last."""
    for worker in cluster.connect:
        place = (cluster.name, str(worker.index))
        page.add(f.CONNECT_UP, place, float(not worker.silent))
        for one in sorted(worker.connectors, key=lambda one: one.severity != "critical"):
            tasks = Counter(state_told(task.state) for task in one.tasks)
            page.add(f.CONNECTOR_STATE, (*place, one.name, state_told(one.state)), 1)
            for state in CONNECTOR_STATES:
                if tasks[state] or state in ("running", "failed"):
                    page.add(f.CONNECTOR_TASKS, (*place, one.name, state), tasks[state])


def _topics(page: Exposition, snapshot: Snapshot, jmx_names: bool) -> None:
    name = snapshot.name
    page.add(f.BROKERS, (name,), len(snapshot.brokers))
    for node in snapshot.brokers:
        page.add(f.BROKER_INFO, (name, str(node.id), f"{node.host}:{node.port}"), 1)
    shown = [
        topic
        for topic in snapshot.topics.values()
        if not topic.internal or topic.name == OFFSETS_TOPIC
    ]
    keyed: list[tuple[str, Partition, int]] = []
    for topic in shown:
        page.add(f.PARTITIONS, (name, topic.name), len(topic.partitions))
        for part in topic.partitions:
            key = labels(f.END.labels, (name, topic.name, str(part.index)))
            keyed.append((key, part, topic.min_isr))
    _partition_rows(page, keyed, _KAFKA_EXPORTER)
    if jmx_names:
        _partition_rows(page, keyed, _JMX_PARTITION)
        _jmx_brokers(page, snapshot)


_Measure = Callable[[Partition, int], float | None]

_KAFKA_EXPORTER: Final[dict[Family, _Measure]] = {
    f.END: lambda part, _: part.end,
    f.START: lambda part, _: part.start,
    f.LEADER: lambda part, _: part.leader,
    f.REPLICAS: lambda part, _: len(part.replicas),
    f.IN_SYNC: lambda part, _: len(part.isr),
    f.PREFERRED: lambda part, _: float(part.replicas[:1] == (part.leader,)),
    f.UNDER_REPLICATED: lambda part, _: float(part.under_replicated),
}

_JMX_PARTITION: Final[dict[Family, _Measure]] = {
    f.JMX_UNDER_REPLICATED: lambda part, _: float(part.under_replicated),
    f.JMX_UNDER_MIN_ISR: lambda part, min_isr: float(len(part.isr) < min_isr),
    f.JMX_AT_MIN_ISR: lambda part, min_isr: float(len(part.isr) == min_isr),
    f.JMX_REPLICAS: lambda part, _: len(part.replicas),
    f.JMX_IN_SYNC: lambda part, _: len(part.isr),
    f.JMX_START: lambda part, _: part.start,
    f.JMX_END: lambda part, _: part.end,
    f.JMX_SIZE: lambda part, _: part.size,
}


def _partition_rows(
    page: Exposition,
    keyed: Sequence[tuple[str, Partition, int]],
    measures: dict[Family, _Measure],
) -> None:
    for family, measure in measures.items():
        values = ((key, measure(part, min_isr)) for key, part, min_isr in keyed)
        page.add_rows(family, [(key, value) for key, value in values if value is not None])


def _jmx_brokers(page: Exposition, snapshot: Snapshot) -> None:
    pairs = [
        (part, topic.min_isr) for topic in snapshot.topics.values() for part in topic.partitions
    ]
    for node in snapshot.brokers:
        led = [(part, min_isr) for part, min_isr in pairs if part.leader == node.id]
        key = (snapshot.name, str(node.id))
        page.add(f.JMX_BROKER_STATE, key, 3)
        page.add(f.JMX_LEADERS, key, len(led))
        page.add(f.JMX_PARTITIONS, key, sum(node.id in part.replicas for part, _ in pairs))
        under = sum(part.under_replicated for part, _ in led)
        page.add(f.JMX_BROKER_UNDER_REPLICATED, key, under)
        below = sum(len(part.isr) < min_isr for part, min_isr in led)
        page.add(f.JMX_BROKER_UNDER_MIN_ISR, key, below)
        own = [log_dir for log_dir in snapshot.log_dirs if log_dir.broker_id == node.id]
        if own:
            page.add(f.JMX_OFFLINE_DIRS, key, sum(log_dir.offline for log_dir in own))
    whole = (snapshot.name,)
    page.add(f.JMX_CONTROLLERS, whole, float(snapshot.controller_id >= 0))
    page.add(f.JMX_OFFLINE, whole, sum(part.offline for part, _ in pairs))
    imbalance = sum(part.replicas[:1] != (part.leader,) for part, _ in pairs)
    page.add(f.JMX_IMBALANCE, whole, imbalance)


def _group(page: Exposition, cluster: str, group: Group, fork_aliases: bool) -> None:
    if group.is_described:
        page.add(f.MEMBERS, (cluster, group.group_id), len(group.members))
    state = group.state.value if group.state.value in STATES else "unknown"
    for name in STATES:
        page.add(f.GROUP_STATE, (cluster, group.group_id, name), float(name == state))
    by_topic: dict[str, list[int]] = {}
    for part in group.partitions:
        sums = by_topic.setdefault(part.topic, [0, 0, 0])
        if part.committed is None:
            sums[2] += 1
            continue
        key = labels(f.LAG.labels, (cluster, group.group_id, part.topic, str(part.partition)))
        sums[0] += part.committed
        page.add_rows(f.COMMITTED, [(key, part.committed)])
        if part.lag is not None:
            sums[1] += part.lag
            page.add_rows(f.LAG, [(key, part.lag)])
            if fork_aliases:
                page.add_rows(f.UNCOMMITTED, [(key, part.lag)])
        if part.lag_seconds is not None:
            page.add_rows(f.LAG_SECONDS, [(key, part.lag_seconds)])
            if fork_aliases:
                page.add_rows(f.LAG_MILLIS, [(key, part.lag_seconds * 1000)])
    for topic, (committed, waiting, uncommitted) in by_topic.items():
        place = (cluster, group.group_id, topic)
        page.add(f.COMMITTED_SUM, place, committed)
        page.add(f.LAG_SUM, place, waiting)
        page.add(f.UNCOMMITTED_PARTITIONS, place, uncommitted)
        page.add(f.LOST, place, group.lost_total.get(topic, 0))
        used = [p.retention_used for p in group.partitions if p.topic == topic]
        page.add(f.RETENTION_USED, place, max((u for u in used if u is not None), default=0.0))


def _share_group(page: Exposition, cluster: str, share: ShareGroup) -> None:
    """Nothing of a group that is listed and not described."""
    if share.starts is None:
        return
    page.add(f.SHARE_MEMBERS, (cluster, share.group_id), len(share.members))
    by_topic: dict[str, int] = {}
    for place, at in share.starts.items():
        if at.lag is not None:
            by_topic[place.topic] = by_topic.get(place.topic, 0) + at.lag
    for topic, waiting in by_topic.items():
        page.add(f.SHARE_LAG, (cluster, share.group_id, topic), waiting)
