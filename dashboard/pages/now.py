"""Now (/): is it healthy, is data arriving, who is furthest behind, is data at risk."""

from dashboard.cluster.model import Group, Snapshot, Topic
from dashboard.metrics.roles import quantile
from dashboard.pages.page import Page, Values, Visit

TOP_TOPICS = 8
TOP_GROUPS = 8


async def values(visit: Visit) -> Values:
    """The five signals, the open problems, the busiest topics, the furthest groups."""
    snapshot, state = visit.snapshot, visit.state
    found: Values = {
        "health": state.health(visit.poller),
        "live_rate": visit.poller.live_rate,
        "worst": snapshot.worst_group if snapshot is not None else None,
        "topics": _busiest(snapshot),
        "groups": _furthest(snapshot),
        "offline": 0,
        "under_min_isr": 0,
        "under_replicated": 0,
        "exports": [],
        "disk": None,
        "e2e_p99": None,
        "live_visitors": None,
    }
    if snapshot is not None:
        topics = snapshot.topics.values()
        found["offline"] = sum(topic.offline for topic in topics)
        found["under_min_isr"] = sum(topic.under_min_isr for topic in topics)
        found["under_replicated"] = sum(topic.under_replicated for topic in topics)
    if state.is_first(visit.poller):
        found["exports"] = state.export_ages_s()
        found["disk"] = state.disk()
        found["e2e_p99"] = quantile(
            [
                sample
                for sample in state.roles.samples("footfall_event_e2e_latency_seconds")
                if sample.labels.get("stage") == "consumer"
            ],
            0.99,
        )
        found["live_visitors"] = await state.desk.live_everywhere()
    return found


def _busiest(snapshot: Snapshot | None) -> list[Topic]:
    if snapshot is None:
        return []
    named = [topic for topic in snapshot.topics.values() if not topic.internal]
    return sorted(named, key=lambda t: (-(t.rate or 0.0), -t.records, t.name))[:TOP_TOPICS]


def _furthest(snapshot: Snapshot | None) -> list[Group]:
    if snapshot is None:
        return []
    groups = list(snapshot.groups.values())
    return sorted(groups, key=lambda g: (-(g.lag_seconds or 0.0), -g.lag, g.group_id))[:TOP_GROUPS]


PAGE = Page("Now", "/", "now.html", values, every_s=1.0, nav="now")
