"""What is told of clusters, topics, groups and records; times are milliseconds since 1970, UTC."""

from msgspec import UNSET, Struct, UnsetType

from dashboard.cluster.health import Health
from dashboard.cluster.model import Connection, GroupState
from tracker.kafka.answers import BrokerNode, GroupMember
from tracker.kafka.groups import ShareGroup
from tracker.kafka.inventory import LogDir


class HealthTold(Struct, frozen=True):
    """`stale`: the last look is older than it should be."""

    health: Health
    connection: Connection
    stale: bool
    records_per_second: float | None


class ClusterRow(Struct, frozen=True):
    """Numbers are null before the first look."""

    name: str
    up: bool
    verdict: str
    sentence: str
    topics: int | None
    groups: int | None


class ClusterTold(Struct, frozen=True):
    """The last look. `controller_id`: -1 where none is known; `topics`, `partitions` and `groups`
    are how many there are; `log_dirs` is empty where they are not told."""

    name: str
    cluster_id: str
    controller_id: int
    brokers: tuple[BrokerNode, ...]
    log_dirs: tuple[LogDir, ...]
    share_groups: tuple[ShareGroup, ...]
    taken_at_ms: int
    topics: int
    partitions: int
    groups: int


class TopicRow(Struct, frozen=True):
    """`bytes` is null where the cluster does not tell sizes."""

    name: str
    internal: bool
    partitions: int
    records: int
    bytes: int | None
    records_per_second: float | None
    offline: int
    under_replicated: int
    under_min_isr: int


class GroupRow(Struct, frozen=True):
    """`state`: the verdict, `cause`: why, `kafka_state`: what Kafka calls it."""

    group_id: str
    state: GroupState
    cause: str
    kafka_state: str
    protocol: str
    members: int
    lag: int
    lag_seconds: float | None
    retention_used: float | None
    topics: tuple[str, ...]


class SharePartition(Struct, frozen=True):
    """`start`: the first record that is not done with, null: nothing was given yet. What was done
    with those behind it only the bundled broker tells: locked for a member, given `again`, done."""

    topic: str
    partition: int
    start: int | None
    lag: int | None
    in_flight: int | UnsetType = UNSET
    again: int | UnsetType = UNSET
    done: int | UnsetType = UNSET


class ShareGroupTold(Struct, frozen=True):
    """A share group (KIP-932). `partitions` and `lag` are null where they are not told."""

    group_id: str
    protocol: str
    kafka_state: str
    assignor: str
    lag: int | None
    members: tuple[GroupMember, ...]
    partitions: list[SharePartition] | None


class HistoryTold(Struct, frozen=True):
    """Columns of one length: `t`, seconds since 1970, and each series; null: nothing was seen."""

    step_ms: int
    t: list[int]
    series: dict[str, list[float | None]]


class MessageRow(Struct, frozen=True):
    """Key and value as text, decoded as their kinds say (json, text, msgpack, cbor, hex, empty,
    null); null: there is none, which is not an empty one. `cut`: they are longer than that. Sizes
    are bytes as stored, before compression; null where a mask hides parts of the topic."""

    partition: int
    offset: int
    timestamp_ms: int
    key: str | None
    key_kind: str
    value: str | None
    kind: str
    headers: list[tuple[str, str | None]]
    key_size: int | None
    value_size: int | None
    headers_size: int | None
    cut: bool


class MessagesTold(Struct, frozen=True):
    """`stopped`: why, as half a sentence; `untested`: what an expression failed on; `masks`: rules
    that hide parts of these records."""

    rows: list[MessageRow]
    scanned: int
    stopped: str
    untested: str
    masks: tuple[str, ...]


class MessagesFile(Struct, frozen=True):
    """The same of many, with keys and values as they are stored."""

    topic: str
    rows: list[MessageRow]
    scanned: int
    stopped: str
    untested: str
