"""ConsumerGroupHeartbeat and ConsumerGroupDescribe, free of protocol versions."""

from dataclasses import dataclass

from broker.coordinator.group.asking import Sees, sees_all
from broker.coordinator.group.partitions import Partitions


@dataclass(frozen=True, slots=True)
class ConsumerHeartbeat:
    """What None means in each field: not changed since the last heartbeat."""

    group_id: str
    member_id: str
    member_epoch: int
    client_id: str
    client_host: str
    instance_id: str | None = None
    rack_id: str | None = None
    rebalance_timeout_ms: int = -1
    topic_names: frozenset[str] | None = None
    topic_regex: str | None = None
    assignor: str | None = None
    owned: Partitions | None = None
    sees: Sees = sees_all

    @property
    def is_full(self) -> bool:
        """Says everything, so it wants to be told everything."""
        subscribes = self.topic_names is not None or self.topic_regex is not None
        return self.rebalance_timeout_ms >= 0 and subscribes and self.owned is not None


@dataclass(frozen=True, slots=True)
class ConsumerHeartbeatResponse:
    """`assignment` None: as before."""

    member_id: str
    member_epoch: int
    heartbeat_interval_ms: int = 0
    assignment: Partitions | None = None


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """The broker's settings for KIP-848 groups."""

    session_timeout_ms: int = 45_000
    heartbeat_interval_ms: int = 5_000
    members_max: int = 2**31 - 1
