"""Now (/): is it healthy, is data arriving, who is furthest behind, is data at risk."""

from collections.abc import Collection
from contextlib import suppress

from dashboard.activity.desk import Unreadable
from dashboard.alerts.engine import Alert
from dashboard.cluster.health import is_told
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


async def values(visit: Visit) -> Values:
    """The five signals, the open problems, the busiest topics, the furthest groups."""
    snapshot, state = visit.snapshot, visit.state
    health = state.health(visit.poller)
    loud = state.alerts.loud()

    def here(alert: Alert) -> bool:
        """About this cluster; those on the appliance itself belong to its own."""
        return alert.labels.get("kafka_cluster", state.own_cluster) == visit.poller.settings.name

    problems = {(problem.kind, problem.name) for problem in health.problems}
    looked_at = {one.runbook for one in health.problems if one.kind not in ("group", "topic")}
    found: Values = {
        "health": health,
        "live_rate": visit.poller.live_rate,
        "worst": snapshot.worst_group if snapshot is not None else None,
        "topics": snapshot.named[:TOP_TOPICS] if snapshot is not None else (),
        "groups": snapshot.furthest[:TOP_GROUPS] if snapshot is not None else (),
        "nothing_yet": False,
        "offline": 0,
        "under_min_isr": 0,
        "under_replicated": 0,
        "exports": [],
        "disks": [],
        "first": state.is_first(visit.poller),
        "e2e_p99": None,
        "e2e_target": E2E_TARGET_S,
        "live_visitors": None,
        "risk": _nearest_to_loss(snapshot),
        "alerts": [
            one
            for one in loud
            if here(one)
            and not is_told(one.name)
            and one.name not in looked_at
            and not _is_about(one, problems)
        ],
        "elsewhere": sum(not here(one) for one in loud),
        "change": _change(visit.poller.history, state.clock.now_ms()),
        "crowds": (),
        "lately": None,
        "deadletter": "",
        "words": WORDS,
        "top_reasons": TOP_REASONS,
        "sparks": {
            name: visit.poller.history.spark(name, HOUR_MS, state.clock.now_ms()) for name in SPARKS
        },
    }
    if snapshot is not None:
        found |= _beginning(snapshot, state.is_first(visit.poller))
        topics = snapshot.troubled
        found["offline"] = sum(topic.offline for topic in topics)
        found["under_min_isr"] = sum(topic.under_min_isr for topic in topics)
        found["under_replicated"] = sum(topic.under_replicated for topic in topics)
    if state.is_first(visit.poller):
        found["exports"] = state.export_ages_s()
        found["disks"] = state.disks
        found["e2e_p99"] = quantile(
            [
                sample
                for sample in state.roles.samples("footfall_event_e2e_latency_seconds")
                if sample.labels.get("stage") == "consumer"
            ],
            0.99,
        )
        found |= _of_beacons(visit)
        with suppress(Unreadable):  # its role says why, and so does Activity
            found["live_visitors"] = await state.desk.live_everywhere()
    return found


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


def _nearest_to_loss(snapshot: Snapshot | None) -> Group | None:
    """The group that has used most of the time until retention deletes what it has not read."""
    groups = snapshot.groups.values() if snapshot is not None else ()
    waiting = [group for group in groups if group.lag and group.at_risk is not None]
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
