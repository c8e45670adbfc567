"""What a cluster tells of itself: brokers, topics, groups, logs, settings, records. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tracker.topics import TopicPartition


@dataclass(frozen=True, slots=True)
class BrokerNode:
    """A broker and the address that it gives to clients."""

    id: int
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class PartitionMetadata:
    """Who leads a partition and who follows; replicas are broker ids."""

    index: int
    leader: int  # broker id, -1: offline
    replicas: tuple[int, ...]  # the preferred leader first
    isr: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ClusterMetadata:
    """A cluster as one Metadata answer tells it."""

    cluster_id: str
    controller_id: int  # -1: none known
    brokers: tuple[BrokerNode, ...]
    topics: Mapping[str, tuple[PartitionMetadata, ...]]


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A member of a group and the partitions that it reads."""

    member_id: str
    client_id: str
    host: str
    instance_id: str  # "" when the member is not static (KIP-345)
    assignment: tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class GroupDescription:
    group_id: str
    protocol: str  # "classic" or "consumer" (KIP-848)
    state: str  # Kafka's word in lower case: stable, empty, preparing_rebalancing, ...
    assignor: str
    coordinator_id: int
    members: tuple[GroupMember, ...]
    members_unknown: bool = False
    """Only its state is known: a streams group whose coordinator does not describe it."""

    @property
    def is_read(self) -> bool:
        """Somebody is in the group."""
        if self.members_unknown:
            return self.state not in ("empty", "dead")
        return bool(self.members)


class ListedGroup(NamedTuple):
    """A group that is no consumer group."""

    group_id: str
    kind: str  # "share" (KIP-932) or "streams" (KIP-1071)
    state: str  # Kafka's word in lower case: stable, empty, reconciling, not_ready, ...


class GroupListing(NamedTuple):
    """Each group once, also where two brokers name it while its coordinator moves."""

    ids: tuple[str, ...]
    complete: bool  # False: some broker did not answer, its groups may be missing


@dataclass(frozen=True, slots=True)
class LogSpan:
    """The first record of a log and its youngest, by their timestamps (ms)."""

    first_offset: int
    first_ms: int
    youngest_offset: int
    youngest_ms: int


@dataclass(frozen=True, slots=True)
class ConfigValue:
    """One setting of a topic or a broker; `value` is empty where it is hidden."""

    name: str
    value: str
    is_default: bool
    is_read_only: bool
    is_sensitive: bool
    source: str = ""  # Kafka's word, such as DYNAMIC_BROKER_CONFIG

    @property
    def of_brokers(self) -> bool:
        """Whether a topic has it because its brokers are set to it."""
        return not self.is_default and "BROKER" in self.source

    @property
    def of_topic(self) -> bool:
        """Whether it is set at its topic, and told."""
        return not (self.is_default or self.is_sensitive or self.of_brokers)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of a record's parts as they are stored, before compression."""

    key: int
    value: int
    headers: int  # names and values


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was read."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int  # -1: none
    is_append_time: bool  # stamped by the broker, not by the producer's clock
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    sizes: Sizes | None = None  # None: not told


@dataclass(frozen=True, slots=True)
class Reading:
    """What a bounded read brought: records in order, and the partitions read to their end."""

    records: tuple[Record, ...]
    ended: frozenset[TopicPartition]
    trouble: str = ""  # the last that was told instead of a record
