"""What the dashboard knows about one cluster at one moment: plain values, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final

from tracker.kafka.answers import BrokerNode, ConfigValue, GroupMember
from tracker.kafka.groups import ShareGroup, StreamsGroup
from tracker.kafka.inventory import LogDir

RETENTION_WARNS: Final = 0.8  # of the time until retention deletes what waits


class GroupState(StrEnum):
    """The verdict on a group, worst first."""

    STOPPED = "stopped"  # nobody reads, records wait
    STALLED = "stalled"  # members are there, commits do not move
    REWOUND = "rewound"  # a commit went backwards and has not come back
    SLOW = "slow"  # falls further behind
    REBALANCING = "rebalancing"  # for more than two minutes
    NO_COMMIT = "no commit"  # where it would start cannot be known
    LEARNING = "learning"  # was in trouble before our restart, not judged anew yet
    UNKNOWN = "unknown"  # the coordinator did not answer
    OK = "ok"
    ORPHANED = "orphaned"  # it no longer reads this; informative only


class Estimate(StrEnum):
    """Where a lag in seconds comes from."""

    EXACT = "exact"  # append time of the record at the committed offset, by the broker
    PRODUCER_CLOCK = "producer clock"  # the same record, stamped by its producer
    INTERPOLATED = "interpolated"  # when the log's end passed the offset, seen from here
    BOUNDED = "bounded"  # somewhere between two known moments, on a straight line at best
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition as its leader and the controller told it."""

    topic: str
    index: int
    leader: int  # broker id, -1: offline
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    start: int | None  # None: the leader did not say
    end: int | None  # high watermark
    last_stable: int | None  # below `end` while a transaction is open
    sizes: Mapping[int, int] = field(default_factory=dict)  # bytes on disk by broker id

    @property
    def size(self) -> int | None:
        """Bytes of the leader's copy, or of any while it has none; None: not known."""
        if not self.sizes:
            return None
        return self.sizes.get(self.leader, max(self.sizes.values()))

    @property
    def offline(self) -> bool:
        return self.leader < 0

    @property
    def under_replicated(self) -> bool:
        return len(self.isr) < len(self.replicas)

    @property
    def held_by_transaction(self) -> int | None:
        """Records below `end` that readers of committed ones do not see yet; None: not known.

        Both are asked one after the other: where records arrive meanwhile the later is ahead.
        """
        if self.end is None or self.last_stable is None:
            return None
        return max(0, self.end - self.last_stable)

    @property
    def records(self) -> int:
        """Offsets between start and end: an upper bound of records."""
        return max(0, (self.end or 0) - (self.start or 0))


@dataclass(frozen=True)  # no slots: what is derived is kept once it was asked for
class Topic:
    """One topic with its partitions and settings."""

    name: str
    partitions: tuple[Partition, ...]
    configs: Mapping[str, ConfigValue] = field(default_factory=dict)
    rate: float | None = None  # records appended a second, over the last minute
    topic_id: str = ""  # "" where the cluster tells none
    trouble_since_ms: int | None = None  # since when `trouble` is what it is; None: there is none

    @cached_property
    def size(self) -> int | None:
        """Bytes on disk of one copy of each partition; None: not known of all."""
        sizes = [partition.size for partition in self.partitions]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @cached_property
    def internal(self) -> bool:
        return self.name.startswith("__")

    @cached_property
    def records(self) -> int:
        return sum(partition.records for partition in self.partitions)

    @cached_property
    def min_isr(self) -> int:
        return int(self.config("min.insync.replicas", "1"))

    def config(self, name: str, default: str = "") -> str:
        entry = self.configs.get(name)
        return entry.value if entry is not None and entry.value else default

    @cached_property
    def offline(self) -> int:
        return sum(partition.offline for partition in self.partitions)

    @cached_property
    def under_replicated(self) -> int:
        return sum(partition.under_replicated for partition in self.partitions)

    @cached_property
    def under_min_isr(self) -> int:
        needed = self.min_isr
        return sum(len(partition.isr) < needed for partition in self.partitions)

    @cached_property
    def trouble(self) -> str:
        """The worst that is wrong with its partitions, in a word; empty: nothing is."""
        if self.offline:
            return "offline"
        if self.under_min_isr:
            return "under min ISR"
        return "under-replicated" if self.under_replicated else ""


@dataclass(frozen=True, slots=True)
class GroupPartition:
    """Where one group stands in one partition."""

    topic: str
    partition: int
    committed: int | None
    start: int | None
    end: int | None
    lag: int | None  # records, an upper bound; None: no commit or no end known
    lag_seconds: float | None
    estimate: Estimate
    lost: int  # records deleted by retention before the group read them
    retention_used: float | None  # (end - committed) / (end - start), as the metric has it
    at_risk: float | None  # share of the time until retention deletes what waits; 1: deleted next
    held_by_transaction: int  # records below an open transaction that readers cannot see yet
    member: GroupMember | None
    state: GroupState
    cause: str


@dataclass(frozen=True)  # no slots: what is derived is kept once it was asked for
class Group:
    """One consumer group, judged."""

    group_id: str
    protocol: str  # classic, consumer, streams, unknown
    kafka_state: str
    assignor: str
    coordinator_id: int
    members: tuple[GroupMember, ...]
    partitions: tuple[GroupPartition, ...]
    state: GroupState
    cause: str  # one sentence
    consume_rate: float | None = None  # records a second, over the last minute
    produce_rate: float | None = None
    lost_total: Mapping[str, int] = field(default_factory=dict)  # by topic, since we watch
    streams: StreamsGroup | None = None  # tasks and topology; None: not such a group, or not told
    since_ms: int | None = None  # in this state since then; while learning, in the one before
    data_trouble_since_ms: int | None = None  # since when `data_trouble` is what it is

    @cached_property
    def is_described(self) -> bool:
        """False when its coordinator tells nothing of it: members and numbers are not known."""
        return self.protocol != "unknown"

    @cached_property
    def counted(self) -> tuple[GroupPartition, ...]:
        """Partitions that count for the headline: orphaned ones do not."""
        return tuple(p for p in self.partitions if p.state is not GroupState.ORPHANED)

    @cached_property
    def lag(self) -> int:
        return sum(partition.lag or 0 for partition in self.counted)

    @cached_property
    def lag_seconds(self) -> float | None:
        """The partition furthest behind: never an average, that would hide the stuck one."""
        return max((p.lag_seconds for p in self.counted if p.lag_seconds is not None), default=None)

    @cached_property
    def retention_used(self) -> float | None:
        used = [p.retention_used for p in self.counted if p.retention_used is not None]
        return max(used, default=None)

    @cached_property
    def at_risk(self) -> float | None:
        return max((p.at_risk for p in self.counted if p.at_risk is not None), default=None)

    @cached_property
    def lost(self) -> int:
        return sum(partition.lost for partition in self.counted)

    @cached_property
    def data_trouble(self) -> str:
        """What retention does to records that it has not read: lost, at risk, or nothing."""
        if self.lost:
            return "lost"
        near = self.at_risk is not None and self.at_risk > RETENTION_WARNS
        return "at risk" if near and self.lag else ""

    @cached_property
    def topics(self) -> tuple[str, ...]:
        return tuple(sorted({partition.topic for partition in self.partitions}))


@dataclass(frozen=True)  # no slots: what is derived is kept once it was asked for
class Snapshot:
    """One poll, complete. `sequence` grows by one with each."""

    name: str  # the cluster's name in settings
    sequence: int
    taken_at_ms: int
    duration_s: float
    cluster_id: str
    controller_id: int
    brokers: tuple[BrokerNode, ...]
    topics: Mapping[str, Topic]
    groups: Mapping[str, Group]
    share_groups: tuple[ShareGroup, ...] = ()
    log_dirs: tuple[LogDir, ...] = ()  # none: not known
    log_dirs_failed_ms: Mapping[tuple[int, str], int] = field(default_factory=dict)
    """Since when, by broker and path; without those that had failed at the first look."""

    @cached_property
    def size_by_broker(self) -> Mapping[int, int]:
        """Bytes on the disks of each broker that told them."""
        found: dict[int, int] = {}
        for topic in self.topics.values():
            for partition in topic.partitions:
                for broker_id, size in partition.sizes.items():
                    found[broker_id] = found.get(broker_id, 0) + size
        return found

    @cached_property
    def partitions(self) -> int:
        return sum(len(topic.partitions) for topic in self.topics.values())

    @cached_property
    def named(self) -> tuple[Topic, ...]:
        """Topics that are not Kafka's own, the busiest first."""
        found = [topic for topic in self.topics.values() if not topic.internal]
        return tuple(sorted(found, key=lambda t: (-(t.rate or 0.0), -t.records, t.name)))

    @cached_property
    def troubled(self) -> tuple[Topic, ...]:
        """Topics with a partition that is not as it should be."""
        topics = self.topics.values()
        return tuple(topic for topic in topics if topic.trouble)

    @cached_property
    def furthest(self) -> tuple[Group, ...]:
        """Groups, the furthest behind first."""
        groups = self.groups.values()
        return tuple(sorted(groups, key=lambda g: (-(g.lag_seconds or 0.0), -g.lag, g.group_id)))

    @cached_property
    def worst_group(self) -> Group | None:
        """The group furthest behind in seconds; None when nobody is behind."""
        behind = [group for group in self.groups.values() if group.lag_seconds]
        return max(behind, key=lambda group: group.lag_seconds or 0.0, default=None)


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether the cluster answers now, and since when that is so."""

    up: bool
    since_ms: int
    error: str = ""
    last_success_ms: int | None = None
