"""What members of a share group ask and are told (KIP-932), free of protocol versions."""

from dataclasses import dataclass

from broker.coordinator.group.partitions import Partitions


@dataclass(frozen=True, slots=True)
class ShareHeartbeat:
    """`topic_names` None: as before."""

    group_id: str
    member_id: str
    member_epoch: int
    client_id: str
    client_host: str
    rack_id: str | None = None
    topic_names: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ShareHeartbeatResponse:
    """`assignment` None: as before. `uninitialized` partitions are read and have no state yet."""

    member_id: str
    member_epoch: int
    heartbeat_interval_ms: int = 0
    assignment: Partitions | None = None
    uninitialized: Partitions = frozenset()


@dataclass(frozen=True, slots=True)
class ShareLimits:
    """Settings that bound the members of a share group."""

    session_timeout_ms: int = 45_000
    heartbeat_interval_ms: int = 5_000
    members_max: int = 200
