"""The topology of a Kafka Streams application, held against the topics that there are (KIP-1071).

A topology names topics; how many partitions its internal ones need follows from its source topics:
a repartition topic has as many as the largest source of those who write it, a changelog as many as
its subtopology has tasks, and topics that are joined must be equal. `configure` decides that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from broker.coordinator.group.streams.records import (
    StreamsGroupTopologyValue,
    Subtopology,
    TopicInfo,
)
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage

_NAMED_IN_STATUS = 3


class StatusCode(IntEnum):
    """What a heartbeat tells the application beside its tasks: Kafka's numbers."""

    STALE_TOPOLOGY = 0
    MISSING_SOURCE_TOPICS = 1
    INCORRECTLY_PARTITIONED_TOPICS = 2
    MISSING_INTERNAL_TOPICS = 3
    SHUTDOWN_APPLICATION = 4
    ASSIGNMENT_DELAYED = 5


@dataclass(frozen=True, slots=True)
class Status:
    """One reason why the group cannot run as it should, for the members to read."""

    code: StatusCode
    detail: str


@dataclass(frozen=True, slots=True)
class InternalTopic:
    """A topic that the broker makes for the application; 0 replicas: as many as by default."""

    name: str
    partitions: int
    replication_factor: int = 0
    configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfiguredSubtopology:
    """A subtopology whose topics are known; `task_count` is its number of partitions."""

    task_count: int
    source_topics: tuple[str, ...]
    repartition_sink_topics: tuple[str, ...]
    repartition_source_topics: tuple[InternalTopic, ...]
    state_changelog_topics: tuple[InternalTopic, ...]

    @property
    def is_stateful(self) -> bool:
        return bool(self.state_changelog_topics)

    def read_topics(self) -> list[str]:
        return sorted({*self.source_topics, *(t.name for t in self.repartition_source_topics)})


@dataclass(frozen=True, slots=True)
class ConfiguredTopology:
    """A topology with numbers; `problem` says why the application cannot run yet."""

    epoch: int
    subtopologies: Mapping[str, ConfiguredSubtopology] = field(default_factory=dict)
    missing: tuple[InternalTopic, ...] = ()
    problem: Status | None = None

    @property
    def is_ready(self) -> bool:
        return self.problem is None


class _WrongTopics(Exception):
    """The topics that exist do not go with the topology."""

    def __init__(self, code: StatusCode, detail: str) -> None:
        super().__init__(detail)
        self.status = Status(code, detail)


def source_topics(topology: StreamsGroupTopologyValue) -> dict[str, str]:
    """Topics that tasks read, repartition topics among them -> subtopology that reads them."""
    return {
        name: sub.subtopology_id
        for sub in topology.subtopologies
        for name in (*sub.source_topics, *_names(sub.repartition_source_topics))
    }


def required_topics(topology: StreamsGroupTopologyValue) -> frozenset[str]:
    """All topics that must exist before a task can run."""
    changelogs = {n for sub in topology.subtopologies for n in _names(sub.state_changelog_topics)}
    return frozenset(source_topics(topology).keys() | changelogs)


def configure(topology: StreamsGroupTopologyValue, image: ClusterImage) -> ConfiguredTopology:
    """The topology with all its numbers. Raises STREAMS_INVALID_TOPOLOGY when it has none."""
    try:
        _require_sources(topology, image)
        counts = _Counts(topology, image)
        subtopologies = {
            sub.subtopology_id: counts.configured(sub)
            for sub in sorted(topology.subtopologies, key=lambda sub: sub.subtopology_id)
        }
        missing = _missing_internal(subtopologies.values(), image)
    except _WrongTopics as wrong:
        return ConfiguredTopology(topology.epoch, problem=wrong.status)
    problem = None
    if missing:
        names = _summary(topic.name for topic in missing)
        detail = f"Internal topics are missing: {names}"
        problem = Status(StatusCode.MISSING_INTERNAL_TOPICS, detail)
    return ConfiguredTopology(topology.epoch, subtopologies, missing, problem)


def _names(topics: Iterable[TopicInfo]) -> list[str]:
    return [topic.name for topic in topics]


def _summary(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    listed = list(names)
    more = len(listed) - _NAMED_IN_STATUS
    text = ", ".join(listed[:_NAMED_IN_STATUS])
    return f"{text} and {more} additional topics" if more > 0 else text


def _require_sources(topology: StreamsGroupTopologyValue, image: ClusterImage) -> None:
    named = {name for sub in topology.subtopologies for name in sub.source_topics}
    missing = sorted(named - image.topics.keys())
    if missing:
        raise _WrongTopics(
            StatusCode.MISSING_SOURCE_TOPICS, f"Source topics {_summary(missing)} are missing."
        )


def _missing_internal(
    subtopologies: Iterable[ConfiguredSubtopology], image: ClusterImage
) -> tuple[InternalTopic, ...]:
    """Internal topics that do not exist; those that do must have the right size."""
    internal = {
        topic.name: topic
        for sub in subtopologies
        for topic in (*sub.repartition_source_topics, *sub.state_changelog_topics)
    }
    for name, topic in sorted(internal.items()):
        found = image.topics.get(name)
        if found is not None and len(found.partitions) != topic.partitions:
            raise _WrongTopics(
                StatusCode.INCORRECTLY_PARTITIONED_TOPICS,
                f"Existing topic {name} has different number of partitions: expected"
                f" {topic.partitions}, found {len(found.partitions)}",
            )
    return tuple(topic for name, topic in sorted(internal.items()) if name not in image.topics)


class _Counts:
    """How many partitions each topic of the topology has, or will have."""

    def __init__(self, topology: StreamsGroupTopologyValue, image: ClusterImage) -> None:
        self._image = image
        self._subtopologies = topology.subtopologies
        self._repartition = {
            topic.name: topic.partitions
            for sub in topology.subtopologies
            for topic in sub.repartition_source_topics
        }
        """Repartition topics -> the count the application fixed, 0: none"""
        self._decided = {name: count for name, count in self._repartition.items() if count}
        self._decide_repartition_topics()
        for sub in topology.subtopologies:
            for group in sub.copartition_groups:
                names = [sub.source_topics[i] for i in group.source_topics]
                internal = _names(sub.repartition_source_topics)
                names += [internal[i] for i in group.repartition_source_topics]
                self._make_equal(sorted(set(names)))

    def of(self, name: str) -> int:
        found = self._image.topics.get(name)
        return self._decided[name] if found is None else len(found.partitions)

    def configured(self, sub: Subtopology) -> ConfiguredSubtopology:
        read = [*sub.source_topics, *_names(sub.repartition_source_topics)]
        if not read:
            raise _invalid(f"No source topics found for subtopology {sub.subtopology_id}")
        task_count = max(self.of(name) for name in read)
        return ConfiguredSubtopology(
            task_count,
            tuple(sorted(sub.source_topics)),
            tuple(sorted(sub.repartition_sink_topics)),
            tuple(
                _internal(topic, topic.partitions or self._decided[topic.name])
                for topic in sorted(sub.repartition_source_topics, key=lambda topic: topic.name)
            ),
            tuple(
                _internal(topic, task_count)
                for topic in sorted(sub.state_changelog_topics, key=lambda topic: topic.name)
            ),
        )

    def _decide_repartition_topics(self) -> None:
        """From the sources downwards, until every topic that is written has its count."""
        open_topics = {n for sub in self._subtopologies for n in sub.repartition_sink_topics}
        open_topics -= self._decided.keys()
        while open_topics:
            before = len(open_topics)
            for sub in self._subtopologies:
                if count := self._largest_known_source(sub):
                    decided = open_topics & set(sub.repartition_sink_topics)
                    self._decided.update(dict.fromkeys(decided, count))
                    open_topics -= decided
            if len(open_topics) == before:
                raise _invalid(
                    "Failed to compute number of partitions for all repartition topics. There may"
                    " be loops in the topology that cannot be resolved."
                )
        if not self._repartition.keys() <= self._decided.keys():
            raise _invalid(
                "Failed to compute number of partitions for all repartition topics, because a"
                " repartition source topic is never used as a sink topic."
            )

    def _largest_known_source(self, sub: Subtopology) -> int:
        counts = [self._decided.get(n, 0) for n in _names(sub.repartition_source_topics)]
        counts += [len(self._image.topics[n].partitions) for n in sub.source_topics]
        return max(counts, default=0)

    def _make_equal(self, names: list[str]) -> None:
        """Topics that are joined: flexible repartition topics follow the others."""
        internal = {name: self.of(name) for name in names if name in self._repartition}
        external = {name: self.of(name) for name in names if name not in self._repartition}
        fixed = {name: count for name, count in internal.items() if self._repartition[name]}
        leading = external or fixed
        if len(set(leading.values())) > 1:
            listed = ", ".join(f"{name}={count}" for name, count in sorted(leading.items()))
            raise _WrongTopics(
                StatusCode.INCORRECTLY_PARTITIONED_TOPICS,
                f"Following topics do not have the same number of partitions: [{{{listed}}}]",
            )
        count = max((leading or internal).values(), default=0)
        for name, own in internal.items():
            if name in fixed and own != count:
                raise _WrongTopics(
                    StatusCode.INCORRECTLY_PARTITIONED_TOPICS,
                    f"Number of partitions [{own}] of repartition topic [{name}] doesn't match"
                    f" number of partitions [{count}] of the source topic.",
                )
            self._decided[name] = count


def _internal(topic: TopicInfo, partitions: int) -> InternalTopic:
    configs = {one.key: one.value for one in topic.topic_configs}
    return InternalTopic(topic.name, partitions, topic.replication_factor, configs)


def _invalid(reason: str) -> KafkaError:
    return KafkaError(ErrorCode.STREAMS_INVALID_TOPOLOGY, reason)
