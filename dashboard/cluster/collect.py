"""One look at a cluster: everything a snapshot needs, in the order that keeps lag true.

Commits are read before log ends: a group that reads on between the two can then only look a little
further behind than it is, never ahead of the log.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tracker.kafka_admin import (
    EARLIEST,
    LATEST,
    LATEST_STABLE,
    ClusterMetadata,
    ClusterUnavailable,
    ConfigValue,
    GroupDescription,
    Record,
    TopicPartition,
)

CONFIGS_AGE_S: Final = 60.0  # topic settings change rarely; a new topic is asked at once


class ClusterAdmin(Protocol):
    """The questions asked; answered by tracker.kafka_admin.Admin."""

    def metadata(self, timeout_s: float) -> ClusterMetadata: ...
    def ping(self, timeout_s: float) -> None: ...
    def list_groups(self, timeout_s: float) -> tuple[str, ...]: ...
    def describe_groups(
        self, group_ids: Sequence[str], timeout_s: float
    ) -> dict[str, GroupDescription]: ...
    def committed(
        self, group_ids: Sequence[str], timeout_s: float
    ) -> dict[str, dict[TopicPartition, int]]: ...
    def offsets(
        self, partitions: Sequence[TopicPartition], which: str, timeout_s: float
    ) -> dict[TopicPartition, int]: ...
    def topic_configs(
        self, topics: Sequence[str], timeout_s: float
    ) -> dict[str, dict[str, ConfigValue]]: ...


class FirstRecords(Protocol):
    """Reads the first record at each offset; answered by tracker.kafka_admin.RecordReader."""

    def first(
        self, positions: Mapping[TopicPartition, int], timeout_s: float
    ) -> dict[TopicPartition, Record | None]: ...


@dataclass(frozen=True, slots=True)
class Observation:
    """What the cluster answered, not yet judged."""

    metadata: ClusterMetadata
    descriptions: Mapping[str, GroupDescription]
    commits: Mapping[str, Mapping[TopicPartition, int]]
    starts: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]
    stable_ends: Mapping[TopicPartition, int]
    configs: Mapping[str, Mapping[str, ConfigValue]]


class Collector:
    """Asks one cluster; remembers topic settings between looks. One look at a time."""

    def __init__(self, admin: ClusterAdmin, timeout_s: float) -> None:
        self._admin = admin
        self._timeout_s = timeout_s
        self._configs: dict[str, dict[str, ConfigValue]] = {}
        self._configs_read_at = -CONFIGS_AGE_S

    def observe(self) -> Observation:
        """Blocks at most `timeout_s`; raises ClusterUnavailable."""
        deadline = time.monotonic() + self._timeout_s

        def left() -> float:
            return max(0.05, deadline - time.monotonic())

        metadata = self._admin.metadata(left())
        group_ids = self._admin.list_groups(left())
        descriptions = self._admin.describe_groups(group_ids, left())
        commits = self._admin.committed(group_ids, left())
        led = [
            TopicPartition(name, partition.index)
            for name, partitions in metadata.topics.items()
            for partition in partitions
            if partition.leader >= 0
        ]
        starts = self._admin.offsets(led, EARLIEST, left())
        stable_ends = self._admin.offsets(led, LATEST_STABLE, left())
        ends = self._admin.offsets(led, LATEST, left())
        configs = self._topic_configs(tuple(metadata.topics), left())
        return Observation(metadata, descriptions, commits, starts, ends, stable_ends, configs)

    def _topic_configs(
        self, topics: Sequence[str], timeout_s: float
    ) -> Mapping[str, Mapping[str, ConfigValue]]:
        now = time.monotonic()
        if now - self._configs_read_at >= CONFIGS_AGE_S:
            missing = list(topics)
            self._configs_read_at = now
        else:
            missing = [name for name in topics if name not in self._configs]
        try:
            self._configs |= self._admin.topic_configs(missing, timeout_s)
        except ClusterUnavailable:  # no right to read settings: defaults are shown
            pass
        self._configs = {name: self._configs[name] for name in topics if name in self._configs}
        return dict(self._configs)
