"""Now (/): is it healthy, is data arriving, who is furthest behind, is data at risk."""

from collections.abc import Collection
from contextlib import suppress

from dashboard.activity.desk import Unreadable
from dashboard.alerts.engine import Alert
from dashboard.cluster.health import Health, is_told
from dashboard.cluster.history import History
from dashboard.cluster.model import Group, Snapshot
from dashboard.metrics.beacons import WORDS
from dashboard.metrics.roles import quantile
from dashboard.pages.page import Page, Values, Visit
from tracker.topics import DEADLETTER

TOP_TOPICS = 8
TOP_GROUPS = 8
TOP_SITES = 8
TOP_REASONS = 8
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
E2E_TARGET_S = 5.0  # from a beacon to its count, as the alert on its latency has it
ARRIVING = "cluster.in"
SPARKS = (ARRIVING, "cluster.lag_seconds")


NOT_LOOKED: Values = {
    "offline": 0,
    "under_min_isr": 0,
    "under_replicated": 0,
    "worst": None,
    "risk": None,
    "topics": (),
    "groups": (),
    "nothing_yet": False,
}
NOT_OURS: Values = {
    "exports": [],
    "disks": [],
    "e2e_p99": None,
    "live_visitors": None,
    "crowds": (),
    "lately": None,
    "deadletter": "",
}
"""What is known of the appliance stands with its own cluster only."""


async def values(visit: Visit) -> Values:
    """The five signals, the open problems, the busiest topics, the furthest groups."""
    state, history = visit.state, visit.poller.history
    first, now_ms = state.is_first(visit.poller), state.clock.now_ms()
    health = state.health(visit.poller)
    return {
        "health": health,
        "live_rate": visit.poller.live_rate,
        "first": first,
        "e2e_target": E2E_TARGET_S,
        "change": _change(history, now_ms),
        "sparks": {name: history.spark(name, HOUR_MS, now_ms) for name in SPARKS},
        "words": WORDS,
        "top_reasons": TOP_REASONS,
        **_of_cluster(visit.snapshot, first),
        **_of_alerts(visit, health),
        **(await _of_appliance(visit) if first else NOT_OURS),
    }


def _of_cluster(snapshot: Snapshot | None, first: bool) -> Values:
    """The busiest topics, the furthest groups, and how many partitions are in trouble."""
    if snapshot is None:
        return NOT_LOOKED
    troubled = snapshot.troubled
    return {
        "offline": sum(topic.offline for topic in troubled),
        "under_min_isr": sum(topic.under_min_isr for topic in troubled),
        "under_replicated": sum(topic.under_replicated for topic in troubled),
        "worst": snapshot.worst_group,
        "risk": _nearest_to_loss(snapshot),
        "topics": snapshot.named[:TOP_TOPICS],
        "groups": snapshot.furthest[:TOP_GROUPS],
        **_beginning(snapshot, first),
    }


def _of_alerts(visit: Visit, health: Health) -> Values:
    """Those about this cluster that no problem tells already, and how many there are elsewhere."""
    own, shown = visit.state.own_cluster, visit.poller.settings.name
    loud = visit.state.alerts.loud()
    # those on the appliance itself belong to its own cluster
    here = [one for one in loud if one.labels.get("kafka_cluster", own) == shown]
    problems = {(problem.kind, problem.name) for problem in health.problems}
    looked_at = {one.runbook for one in health.problems if one.kind not in ("group", "topic")}
    untold = [
        one
        for one in here
        if not (is_told(one.name) or one.name in looked_at or _is_about(one, problems))
    ]
    return {"alerts": untold, "elsewhere": len(loud) - len(here)}


async def _of_appliance(visit: Visit) -> Values:
    """Exports, disks, visitors, and what its beacons brought."""
    state = visit.state
    samples = state.roles.samples("footfall_event_e2e_latency_seconds")
    counted = [one for one in samples if one.labels.get("stage") == "consumer"]
    visitors = None
    with suppress(Unreadable):  # its role says why, and so does Activity
        visitors = await state.desk.live_everywhere()
    return {
        "exports": state.export_ages_s(),
        "disks": state.disks,
        "e2e_p99": quantile(counted, 0.99),
        "live_visitors": visitors,
        **_of_beacons(visit),
    }


def _of_beacons(visit: Visit) -> Values:
    """Visitors of the busiest sites beside those of a week ago, and what was rejected."""
    state = visit.state
    seen = [one for one in state.crowds.seen if state.sight.site(one.site)]
    topic = DEADLETTER.name
    kept = visit.snapshot is not None and topic in visit.snapshot.topics
    return {
        "crowds": sorted(seen, key=lambda one: -one.last_hour)[:TOP_SITES],
        "lately": state.beacons.lately(),
        "deadletter": topic if kept and state.shows_messages(visit.poller, topic) else "",
    }


def _is_about(alert: Alert, problems: Collection[tuple[str, str]]) -> bool:
    """Whether the list of problems says it already."""
    for label, kind in (("consumergroup", "group"), ("topic", "topic")):
        if label in alert.labels:
            return (kind, alert.labels[label]) in problems
    # connectors that failed and silent workers are problems each, be it in a number
    return "worker" in alert.labels and any(kind == "connect" for kind, _ in problems)


def _beginning(snapshot: Snapshot, first: bool) -> Values:
    """Whether to teach the first steps: no topic holds a record. `address` is a broker's."""
    node = next(iter(snapshot.brokers), None)
    return {
        "nothing_yet": node is not None and not any(topic.records for topic in snapshot.named),
        "first_cluster": first,
        "address": f"{node.host}:{node.port}" if node is not None else "",
    }


def _nearest_to_loss(snapshot: Snapshot) -> Group | None:
    """The group that has used most of the time until retention deletes what it has not read."""
    waiting = [
        group for group in snapshot.groups.values() if group.lag and group.at_risk is not None
    ]
    return max(waiting, key=lambda group: group.at_risk or 0.0, default=None)


def _change(history: History, now_ms: int) -> tuple[float, str] | None:
    """The last hour's rate against the same hour a week ago, or yesterday where that is not known:
    as a share, and against when. None when neither is known."""
    now = history.mean(ARRIVING, now_ms - HOUR_MS, now_ms)
    for ago_ms, when in ((WEEK_MS, "in this hour last week"), (DAY_MS, "in this hour yesterday")):
        then = history.mean(ARRIVING, now_ms - ago_ms - HOUR_MS, now_ms - ago_ms)
        if now is not None and then:
            return now / then - 1, when
    return None


PAGE = Page("Now", "/", "now.html", values, every_s=1.0, nav="now")
