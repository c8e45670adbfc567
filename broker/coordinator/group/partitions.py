"""Partitions as groups share them out among their members: by topic id."""

from collections.abc import Iterable

from broker.coordinator.group.record_parts import TopicPartitions

Partition = tuple[bytes, int]
"""(topic id, partition index)"""

Partitions = frozenset[Partition]

Assignment = dict[str, Partitions]
"""member id -> partitions"""


def to_topics(partitions: Iterable[Partition]) -> list[TopicPartitions]:
    """Partitions by topic, both in ascending order."""
    topics: dict[bytes, list[int]] = {}
    for topic, index in sorted(partitions):
        topics.setdefault(topic, []).append(index)
    return [TopicPartitions(topic, indexes) for topic, indexes in topics.items()]


def from_topics(topics: Iterable[TopicPartitions]) -> Partitions:
    return frozenset((topic.topic_id, index) for topic in topics for index in topic.partitions)
