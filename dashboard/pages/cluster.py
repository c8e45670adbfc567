"""Cluster (/cluster): brokers, controller, what each leads, how the watching itself goes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.cluster.model import Partition, Snapshot, Topic
from dashboard.metrics.roles import Sample, quantile
from dashboard.pages.page import Page, Values, Visit
from tracker.kafka.answers import BrokerNode
from tracker.kafka.inventory import LogDir

APIS_SHOWN = 12
CONNECTIONS = "kafka_server_socket_server_metrics_connection_count"


@dataclass(frozen=True, slots=True)
class BrokerRow:
    node: BrokerNode
    leads: int
    holds: int
    under_replicated: int
    is_controller: bool
    stored: int | None  # bytes of its partitions; None: not known
    log_dirs: tuple[LogDir, ...]
    leads_skew: float | None = None  # from the mean of all brokers, 0.5: half as many again
    holds_skew: float | None = None  # None: there is but one, or nothing to share


@dataclass(frozen=True, slots=True)
class ApiRow:
    """Latency of one kind of request since the broker started."""

    api: str
    requests: float
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None


async def values(visit: Visit) -> Values:
    """The brokers as metadata tells them, and request latencies when the broker is ours."""
    snapshot, state = visit.snapshot, visit.state
    rows = broker_rows(snapshot) if snapshot is not None else []
    racks = await visit.beside.brokers.racks.answer() if rows else None
    found: Values = {"brokers": rows, "apis": [], "disks": [], "roles": [], "connections": []}
    found["racks"] = (racks.value if racks is not None else None) or {}
    found["preferred"] = preferred(snapshot) if snapshot is not None else None
    found["troubled"] = troubled(snapshot) if snapshot is not None else []
    if state.is_first(visit.poller):
        found["apis"] = _apis(state.roles.samples("footfall_kafka_request_duration_seconds"))
        found["disks"] = state.disks
        found["connections"] = _connections(state.roles.samples(CONNECTIONS))
        found["roles"] = [(role, state.roles.page(role) is not None) for role in state.roles.roles]
    return found


def broker_rows(snapshot: Snapshot) -> list[BrokerRow]:
    """What each broker leads and holds, one pass over all partitions."""
    leads: Counter[int] = Counter()
    holds: Counter[int] = Counter()
    thin: Counter[int] = Counter()
    for topic in snapshot.topics.values():
        for part in topic.partitions:
            leads[part.leader] += 1
            holds.update(part.replicas)
            thin[part.leader] += part.under_replicated
    return [
        BrokerRow(
            node=node,
            leads=leads[node.id],
            holds=holds[node.id],
            under_replicated=thin[node.id],
            is_controller=node.id == snapshot.controller_id,
            stored=snapshot.size_by_broker.get(node.id, 0) if snapshot.log_dirs else None,
            log_dirs=tuple(one for one in snapshot.log_dirs if one.broker_id == node.id),
            leads_skew=_skew(leads, node.id, snapshot),
            holds_skew=_skew(holds, node.id, snapshot),
        )
        for node in snapshot.brokers
    ]


def _skew(counts: Mapping[int, int], broker_id: int, snapshot: Snapshot) -> float | None:
    ids = [node.id for node in snapshot.brokers]
    mean = sum(counts[one] for one in ids) / len(ids)
    return counts[broker_id] / mean - 1 if mean and len(ids) > 1 else None


def preferred(snapshot: Snapshot) -> float | None:
    """Share of partitions led by the first of their replicas, where an election would put them."""
    parts = [part for topic in snapshot.topics.values() for part in topic.partitions]
    led = sum(bool(part.replicas) and part.leader == part.replicas[0] for part in parts)
    return led / len(parts) if parts else None


def troubled(snapshot: Snapshot) -> list[tuple[str, Topic, Partition]]:
    """Partitions that are not as they should be, the worst first, and in a word why."""
    found: list[tuple[str, Topic, Partition]] = []
    for topic in snapshot.troubled:
        for part in topic.partitions:
            if part.offline:
                found.append(("offline", topic, part))
            elif len(part.isr) < topic.min_isr:
                found.append(("under min ISR", topic, part))
            elif part.under_replicated:
                found.append(("under-replicated", topic, part))
    order = ("offline", "under min ISR", "under-replicated")
    return sorted(found, key=lambda one: (order.index(one[0]), one[1].name, one[2].index))


def _apis(samples: list[Sample]) -> list[ApiRow]:
    by_api: dict[str, list[Sample]] = {}
    for sample in samples:
        by_api.setdefault(sample.labels.get("api", "?"), []).append(sample)
    rows = [
        ApiRow(
            api,
            sum(sample.value for sample in found if sample.name.endswith("_count")),
            quantile(found, 0.5),
            quantile(found, 0.95),
            quantile(found, 0.99),
        )
        for api, found in by_api.items()
    ]
    return sorted(rows, key=lambda row: -row.requests)[:APIS_SHOWN]


def _connections(samples: list[Sample]) -> list[tuple[str, float]]:
    """How many are open at each listener of our broker."""
    return sorted((sample.labels.get("listener", "?"), sample.value) for sample in samples)


PAGE = Page("Cluster", "/cluster", "cluster.html", values, nav="cluster")
