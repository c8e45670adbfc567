"""Topics (/topics) and one topic (/topics/X): partitions, consumers, settings."""

from collections import Counter
from dataclasses import dataclass

from dashboard.cluster.model import Group, GroupPartition, Snapshot, Topic
from dashboard.pages import messages
from dashboard.pages.page import NotFound, Page, Values, Visit, table

NO_MESSAGES: Values = {
    "found": None,
    "trouble": "",
    "bad_filter": "",
    "wish": None,
    "tail_url": "",
    "masks": (),
}
SPARK_MS = 1_800_000
TABS = ("overview", "partitions", "consumers", "messages", "config")


@dataclass(frozen=True, slots=True)
class TopicRow:
    topic: Topic
    worst_lag_s: float | None  # of any group that reads it
    groups: int


async def list_values(visit: Visit) -> Values:
    """All topics, internal ones when asked."""
    snapshot = visit.snapshot
    internal = visit.query.get("internal") == "1"
    troubled = visit.query.get("only") == "trouble"
    rows = [] if snapshot is None else _rows(snapshot, internal)
    if troubled and snapshot is not None:
        names = {topic.name for topic in snapshot.troubled}
        rows = [row for row in rows if row.topic.name in names]
    sorts = {
        "name": lambda row: row.topic.name,
        "rate": lambda row: row.topic.rate or 0.0,
        "partitions": lambda row: len(row.topic.partitions),
        "records": lambda row: row.topic.records,
        "size": lambda row: row.topic.size or 0,
        "lag": lambda row: row.worst_lag_s or 0.0,
        "groups": lambda row: row.groups,
        "under_replicated": lambda row: row.topic.under_replicated,
    }
    found = table(visit, rows, sorts, lambda row: row.topic.name)
    history, now_ms = visit.poller.history, visit.state.clock.now_ms()
    sparks = {
        row.topic.name: history.spark(f"topic.in:{row.topic.name}", SPARK_MS, now_ms)
        for row in found.rows
    }
    return {"table": found, "internal": internal, "troubled": troubled, "sparks": sparks}


def _rows(snapshot: Snapshot, internal: bool) -> list[TopicRow]:
    """Every topic with its worst lag and the number of groups that read it."""
    lags: dict[str, list[float]] = {}
    for group in snapshot.groups.values():
        for part in group.counted:
            if part.lag_seconds is not None:
                lags.setdefault(part.topic, []).append(part.lag_seconds)
    readers = Counter(name for group in snapshot.groups.values() for name in group.topics)
    readers.update(name for share in snapshot.share_groups for name in share.topics)
    return [
        TopicRow(topic, max(lags.get(topic.name, []), default=None), readers[topic.name])
        for topic in snapshot.topics.values()
        if internal or not topic.internal
    ]


async def topic_values(visit: Visit) -> Values:
    """One topic; which tab is asked stands in `?tab=`."""
    snapshot = visit.snapshot
    tab = visit.query.get("tab", "overview")
    if tab not in TABS:
        tab = "overview"
    if snapshot is None:
        nothing: Values = {"consumers": [], "queues": []}
        return {"topic": None, "tab": tab, "tabs": TABS, **nothing, **NO_MESSAGES}
    topic = snapshot.topics.get(visit.name)
    if topic is None:
        raise NotFound(f"There is no topic {visit.name!r} in this cluster.")
    looked = await messages.values(visit, topic) if tab == "messages" else NO_MESSAGES
    sorts = {
        "partition": lambda part: part.index,
        "leader": lambda part: -1 if part.offline else part.leader,
        "records": lambda part: part.records,
        "size": lambda part: part.size or 0,
        "held": lambda part: part.held_by_transaction,
    }
    return {
        **looked,
        "topic": topic,
        "table": table(visit, list(topic.partitions), sorts, lambda part: str(part.index)),
        "tab": tab,
        "tabs": TABS,
        "consumers": _consumers(snapshot, topic.name),
        "queues": [
            (share, share.lag_of(topic.name))
            for share in snapshot.share_groups
            if topic.name in share.topics
        ],
        "skew": _skew(topic),
    }


def _consumers(snapshot: Snapshot, topic: str) -> list[tuple[Group, list[GroupPartition]]]:
    """Each group that reads a topic, with the partitions of it."""
    read = (
        (group, [part for part in group.partitions if part.topic == topic])
        for group in snapshot.groups.values()
    )
    return [(group, parts) for group, parts in read if parts]


def _skew(topic: Topic) -> float | None:
    """How many times the mean the fullest partition holds; None of an empty topic."""
    records = [part.records for part in topic.partitions]
    return max(records) * len(records) / sum(records) if any(records) else None


LIST = Page("Topics", "/topics", "topics.html", list_values, nav="topics")
TOPIC = Page("Topic", "/topics/", "topic.html", topic_values, nav="topics")
