"""Snapshots as Prometheus text. Rendered by hand: a label set is escaped once and used for all the
families of its partition, so ten thousand partitions cost milliseconds.

Deleted topics and groups are simply not in the snapshot, so their series end by themselves. Series
above the limit are left out in a fixed order and counted in footfall_series_dropped, by reason and
family; no cluster is too large for the limit, and no flood in one family takes the others along.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import re2

from dashboard.cluster.model import Group, GroupPartition, Partition, Snapshot
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
        self.worst: set[str] = set()  # labels of the oldest lag of each group in each topic

    def add(self, family: Family, values: Sequence[str], value: float) -> None:
        self._rows.setdefault(family, []).append((labels(family.labels, values), value))

    def add_rows(self, family: Family, rows: Iterable[Row]) -> None:
        """Rows whose label sets are written already."""
        self._rows.setdefault(family, []).extend(rows)

    def thin(self, family: Family, is_kept: Callable[[Row], bool]) -> int:
        """Leave rows out that are not kept; returns how many."""
        rows = self._rows.pop(family, [])
        kept = [row for row in rows if is_kept(row)]
        if kept:
            self._rows[family] = kept
        return len(rows) - len(kept)

    def cap(self, family: Family, rows_most: int) -> int:
        """Leave the last rows of a family out; returns how many."""
        rows = self._rows.get(family, [])
        cut = max(0, len(rows) - rows_most)
        del rows[len(rows) - cut :]
        if not rows:
            self._rows.pop(family, None)
        return cut

    def level(self, series_most: int, kept: Collection[Family]) -> Counter[Family]:
        """Cut the largest families to one height, at which no more are left than that; returns
        what was cut. So a flood in one family costs that family; `kept` ones stay whole."""
        sizes = {family: len(rows) for family, rows in self._rows.items() if family not in kept}
        left = max(0, series_most - (self.series - sum(sizes.values())))
        caps: dict[Family, int] = {}
        for place, family in enumerate(sorted(sizes, key=sizes.__getitem__)):
            caps[family] = min(sizes[family], left // (len(sizes) - place))
            left -= caps[family]
        return Counter({family: self.cap(family, most) for family, most in caps.items()})

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


JMX: Final = tuple(
    family
    for family in f.ALL
    if family.name.startswith(
        ("kafka_cluster_", "kafka_log_", "kafka_server_", "kafka_controller_")
    )
)
STAGES: Final = (
    ("fork_aliases", (f.UNCOMMITTED, f.LAG_MILLIS)),
    ("connectors", (f.CONNECTOR_STATE, f.CONNECTOR_TASKS)),
    ("jmx_names", JMX),
    ("group_partitions", (f.COMMITTED, f.LAG, f.LAG_SECONDS)),
    ("topic_partitions", (f.START, f.REPLICAS, f.IN_SYNC, f.PREFERRED)),
    ("group_states", (f.GROUP_STATE,)),
)
"""What goes first when there are too many, by reason; then what is most, by "rest"."""
CONNECTORS_SHARE: Final = 20  # each family of connectors keeps one in so many series, failed first

ALWAYS: Final = (
    *(f.COLLECTOR_UP, f.COLLECTOR_LAST, f.COLLECTOR_DURATION, f.SERIES_DROPPED, f.CONNECT_UP),
)
REASONS: Final = (*(reason for reason, _ in STAGES), "rest", "roles")

Dropped = dict[tuple[str, str], int]
"""Series left out, by reason and family; those of roles without a family."""


def gathered(clusters: Iterable[ClusterPage], limits: Limits) -> Exposition:
    """Everything known about the clusters."""
    page = Exposition()
    excluded = re2.compile(limits.exclude_groups) if limits.exclude_groups else None
    for cluster in clusters:
        _collector(page, cluster)
        _connect(page, cluster)
        if cluster.snapshot is None:
            continue
        _topics(page, cluster.snapshot, cluster.jmx_names)
        for group in cluster.snapshot.groups.values():
            if excluded is None or not excluded.search(group.group_id):
                _group(page, cluster.name, group, limits.fork_aliases)
        for share in cluster.snapshot.share_groups:
            if excluded is None or not excluded.search(share.group_id):
                _share_group(page, cluster.name, share)
    return page


def expose(clusters: Iterable[ClusterPage], limits: Limits, roles_dropped: int = 0) -> Exposition:
    """What is known about the clusters, cut to the limit.

    `roles_dropped`: series of other roles that were left out already, only to be told.
    """
    return cut_to(gathered(clusters, limits), limits.series_max, roles_dropped)


def cut_to(page: Exposition, series_max: int, roles_dropped: int = 0) -> Exposition:
    """`page`, with a row for each reason and family of what was left out."""
    dropped: Dropped = {("roles", ""): roles_dropped}
    while page.series + (told := len(_told(dropped))) > series_max:
        before = page.series
        _leave_out(page, series_max - told, dropped)
        if page.series == before:
            break  # nothing but what stays always
    for (reason, family), number in _told(dropped).items():
        page.add(f.SERIES_DROPPED, (reason, family), number)
    return page


def room_of_roles(left: int, others: int) -> int:
    """How many of `left` series roles may have, beside `others` of clusters: half of them, or what
    the others do not need. The broker tells ten for each topic."""
    return max(left // 2, left - others - len(REASONS), 0)


def _told(dropped: Dropped) -> Dropped:
    """Each reason has a row at least, so that its series is there before it is needed."""
    told = {key: number for key, number in dropped.items() if number}
    seen = {reason for reason, _ in told}
    return told | {(reason, ""): 0 for reason in REASONS if reason not in seen}


def _leave_out(page: Exposition, series_most: int, dropped: Dropped) -> None:
    """Stage by stage until the rest fits. Sums of groups, what is worst and what failed stay the
    longest, so that alerts go on to see."""
    for reason, families in STAGES:
        for family in families if page.series > series_most else ():
            key = reason, family.name
            dropped[key] = dropped.get(key, 0) + _of_stage(page, family, series_most)
    for family, number in page.level(series_most, ALWAYS).items():
        dropped["rest", family.name] = dropped.get(("rest", family.name), 0) + number


def _of_stage(page: Exposition, family: Family, series_most: int) -> int:
    if family in (f.CONNECTOR_STATE, f.CONNECTOR_TASKS):
        return page.cap(family, max(1, series_most // CONNECTORS_SHARE))
    if family is f.LAG_SECONDS:
        return page.thin(family, lambda row: row[0] in page.worst)
    if family is f.GROUP_STATE:
        return page.thin(family, lambda row: row[1] > 0)
    return page.cap(family, 0)


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
        _jmx_broker(page, snapshot, node.id, pairs)
    whole = (snapshot.name,)
    page.add(f.JMX_CONTROLLERS, whole, float(snapshot.controller_id >= 0))
    page.add(f.JMX_OFFLINE, whole, sum(part.offline for part, _ in pairs))
    imbalance = sum(part.replicas[:1] != (part.leader,) for part, _ in pairs)
    page.add(f.JMX_IMBALANCE, whole, imbalance)


def _jmx_broker(
    page: Exposition, snapshot: Snapshot, broker_id: int, pairs: Sequence[tuple[Partition, int]]
) -> None:
    """One broker, of all partitions and the min_isr of each."""
    led = [(part, min_isr) for part, min_isr in pairs if part.leader == broker_id]
    key = (snapshot.name, str(broker_id))
    page.add(f.JMX_BROKER_STATE, key, 3)
    page.add(f.JMX_LEADERS, key, len(led))
    page.add(f.JMX_PARTITIONS, key, sum(broker_id in part.replicas for part, _ in pairs))
    page.add(f.JMX_BROKER_UNDER_REPLICATED, key, sum(part.under_replicated for part, _ in led))
    below = sum(len(part.isr) < min_isr for part, min_isr in led)
    page.add(f.JMX_BROKER_UNDER_MIN_ISR, key, below)
    own = [log_dir.offline for log_dir in snapshot.log_dirs if log_dir.broker_id == broker_id]
    if own:
        page.add(f.JMX_OFFLINE_DIRS, key, sum(own))


def _group(page: Exposition, cluster: str, group: Group, fork_aliases: bool) -> None:
    if group.is_described:
        page.add(f.MEMBERS, (cluster, group.group_id), len(group.members))
    state = group.state.value if group.state.value in STATES else "unknown"
    for name in STATES:
        page.add(f.GROUP_STATE, (cluster, group.group_id, name), float(name == state))
    by_topic: dict[str, list[GroupPartition]] = {}
    for part in group.partitions:
        by_topic.setdefault(part.topic, []).append(part)
    for topic, parts in by_topic.items():
        place = (cluster, group.group_id, topic)
        _group_partitions(page, place, parts, fork_aliases)
        page.add(f.COMMITTED_SUM, place, sum(part.committed or 0 for part in parts))
        page.add(f.LAG_SUM, place, sum(part.lag or 0 for part in parts))
        page.add(f.UNCOMMITTED_PARTITIONS, place, sum(part.committed is None for part in parts))
        page.add(f.LOST, place, group.lost_total.get(topic, 0))
        page.add(f.RETENTION_USED, place, max(part.retention_used or 0.0 for part in parts))


def _group_partitions(
    page: Exposition,
    place: tuple[str, str, str],
    parts: Sequence[GroupPartition],
    fork_aliases: bool,
) -> None:
    """Those of one topic that the group has committed to."""
    worst = (-1.0, "")
    for part in parts:
        if part.committed is None:
            continue
        key = labels(f.LAG.labels, (*place, str(part.partition)))
        page.add_rows(f.COMMITTED, [(key, part.committed)])
        if part.lag is not None:
            page.add_rows(f.LAG, [(key, part.lag)])
        if part.lag is not None and fork_aliases:
            page.add_rows(f.UNCOMMITTED, [(key, part.lag)])
        if part.lag_seconds is not None:
            worst = max(worst, (part.lag_seconds, key))
            page.add_rows(f.LAG_SECONDS, [(key, part.lag_seconds)])
        if part.lag_seconds is not None and fork_aliases:
            page.add_rows(f.LAG_MILLIS, [(key, part.lag_seconds * 1000)])
    if worst[1]:
        page.worst.add(worst[1])


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
