"""Cluster (/cluster): brokers, controller, what each leads, how the watching itself goes."""

from dataclasses import dataclass

from dashboard.cluster.model import Partition, Snapshot, Topic
from dashboard.metrics.roles import Sample, quantile
from dashboard.pages.page import Page, Values, Visit
from tracker.kafka_admin import BrokerNode
from tracker.kafka_inventory import LogDir

APIS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class BrokerRow:
    node: BrokerNode
    leads: int
    holds: int
    under_replicated: int
    is_controller: bool
    stored: int | None  # bytes of its partitions; None: not known
    log_dirs: tuple[LogDir, ...]


@dataclass(frozen=True, slots=True)
class ApiRow:
    """Latency of one kind of request since the broker started."""

    api: str
    requests: float
    p50_s: float | None
    p99_s: float | None


async def values(visit: Visit) -> Values:
    """The brokers as metadata tells them, and request latencies when the broker is ours."""
    snapshot, state = visit.snapshot, visit.state
    rows: list[BrokerRow] = []
    if snapshot is not None:
        parts = [part for topic in snapshot.topics.values() for part in topic.partitions]
        rows = [
            BrokerRow(
                node=node,
                leads=sum(part.leader == node.id for part in parts),
                holds=sum(node.id in part.replicas for part in parts),
                under_replicated=sum(p.leader == node.id and p.under_replicated for p in parts),
                is_controller=node.id == snapshot.controller_id,
                stored=snapshot.size_by_broker.get(node.id, 0) if snapshot.log_dirs else None,
                log_dirs=tuple(one for one in snapshot.log_dirs if one.broker_id == node.id),
            )
            for node in snapshot.brokers
        ]
    found: Values = {"brokers": rows, "apis": [], "disk": None, "roles": []}
    found["troubled"] = troubled(snapshot) if snapshot is not None else []
    if state.is_first(visit.poller):
        found["apis"] = _apis(state.roles.samples("footfall_kafka_request_duration_seconds"))
        found["disk"] = state.disk()
        found["roles"] = [(role, state.roles.page(role) is not None) for role in state.roles.roles]
    return found


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
            quantile(found, 0.99),
        )
        for api, found in by_api.items()
    ]
    return sorted(rows, key=lambda row: -row.requests)[:APIS_SHOWN]


PAGE = Page("Cluster", "/cluster", "cluster.html", values, nav="cluster")
