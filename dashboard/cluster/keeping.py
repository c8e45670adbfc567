"""What lag and verdicts remember, as bytes that a restart keeps: where ends of logs were seen,
how commits stood, and which verdict each group had. Bounded: only partitions that some group has
committed to, and few points of each.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from dashboard.cluster.end_ring import EndRing
from dashboard.cluster.model import Group, GroupState, Snapshot
from dashboard.cluster.verdict import CommitHistory
from dashboard.onsets import Onset
from tracker.topics import TopicPartition

RINGS_MAX: Final = 2_000
POINTS_MAX: Final = 64  # of one ring
HISTORIES_MAX: Final = 5_000
ONSETS_MAX: Final = 2_000
VERSION: Final = 1
TROUBLED: Final = frozenset((GroupState.STALLED, GroupState.SLOW, GroupState.REWOUND))


@dataclass(slots=True)
class Kept:
    """What is put aside, and comes back after a restart."""

    topic_ids: dict[str, str] = field(default_factory=dict)
    rings: dict[TopicPartition, EndRing] = field(default_factory=dict)
    histories: dict[str, dict[TopicPartition, CommitHistory]] = field(default_factory=dict)
    verdicts: dict[str, tuple[GroupState, str]] = field(default_factory=dict)
    """Of groups that were in trouble: their state and its cause."""
    onsets: list[Onset] = field(default_factory=list)


def gathered(
    snapshot: Snapshot,
    rings: Mapping[TopicPartition, EndRing],
    histories: Mapping[str, Mapping[TopicPartition, CommitHistory]],
) -> Kept:
    """What is worth keeping, the furthest groups first."""
    kept = Kept()
    left = HISTORIES_MAX
    for group in snapshot.furthest:
        if group.state in TROUBLED:
            kept.verdicts[group.group_id] = (group.state, group.cause)
        own = histories.get(group.group_id, {})
        worth = {place: one for place, one in own.items() if one.is_worth_keeping}
        if worth and left > 0:
            kept.histories[group.group_id] = worth
            left -= len(worth)
    read = (place for group in snapshot.furthest for place in _places(group) if place in rings)
    kept.rings = {place: rings[place] for place in islice(dict.fromkeys(read), RINGS_MAX)}
    kept.topic_ids = _topic_ids(kept, snapshot)
    return kept


def _places(group: Group) -> Iterator[TopicPartition]:
    return (TopicPartition(part.topic, part.partition) for part in group.partitions)


def _topic_ids(kept: Kept, snapshot: Snapshot) -> dict[str, str]:
    """By name, of the topics that something is kept of: another of that name is not theirs."""
    named = {place.topic for place in kept.rings}
    named |= {place.topic for own in kept.histories.values() for place in own}
    topics = (snapshot.topics[name] for name in named if name in snapshot.topics)
    return {topic.name: topic.topic_id for topic in topics if topic.topic_id}


def encoded(kept: Kept) -> bytes:
    """As bytes for a store: well under a megabyte."""
    body = {
        "version": VERSION,
        "ids": kept.topic_ids,
        "rings": [[*place, ring.points(POINTS_MAX)] for place, ring in kept.rings.items()],
        "histories": [
            [group_id, *place, history.kept()]
            for group_id, own in kept.histories.items()
            for place, history in own.items()
        ],
        "verdicts": kept.verdicts,
        "onsets": kept.onsets[:ONSETS_MAX],
    }
    return zlib.compress(json.dumps(body, separators=(",", ":")).encode(), 1)


def decoded(data: bytes) -> Kept:
    """What `encoded` wrote; nothing where it is damaged or from another version."""
    try:
        body = json.loads(zlib.decompress(data))
        kept = Kept()
        if body["version"] != VERSION:
            return kept
        kept.topic_ids = dict(body["ids"])
        for topic, partition, points in body["rings"]:
            kept.rings[TopicPartition(topic, partition)] = EndRing(points)
        for group_id, topic, partition, history in body["histories"]:
            own = kept.histories.setdefault(group_id, {})
            own[TopicPartition(topic, partition)] = CommitHistory.restored(history)
        for group_id, (state, cause) in body["verdicts"].items():
            kept.verdicts[group_id] = (GroupState(state), cause)
        kept.onsets = [Onset(*one) for one in body.get("onsets", ())]
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError):
        return Kept()
    return kept
