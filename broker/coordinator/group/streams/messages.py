"""What members of a streams group ask and are told (KIP-1071), free of protocol versions."""

from dataclasses import dataclass

from broker.coordinator.group.streams.records import StreamsGroupTopologyValue
from broker.coordinator.group.streams.tasks import Tasks
from broker.coordinator.group.streams.topology import InternalTopic, Status


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an application answers questions about its state (interactive queries)."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class StreamsHeartbeat:
    """None: as before."""

    group_id: str
    member_id: str
    member_epoch: int
    client_id: str
    client_host: str
    endpoint_epoch: int = -1
    """The newest endpoint information that the member has"""
    rack_id: str | None = None
    rebalance_timeout_ms: int = -1
    topology: StreamsGroupTopologyValue | None = None
    owned: Tasks | None = None
    process_id: str | None = None
    endpoint: Endpoint | None = None
    client_tags: tuple[tuple[str, str], ...] | None = None
    shutdown_application: bool = False


@dataclass(frozen=True, slots=True)
class EndpointPartitions:
    """Which partitions the state behind an endpoint was made from: topic -> partitions."""

    endpoint: Endpoint
    active: dict[str, list[int]]
    standby: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class StreamsHeartbeatResponse:
    """`tasks` and `endpoints` None: as before. `to_create` is for the caller to make."""

    member_id: str
    member_epoch: int
    heartbeat_interval_ms: int = 0
    status: tuple[Status, ...] = ()
    tasks: Tasks | None = None
    endpoint_epoch: int = 0
    endpoints: tuple[EndpointPartitions, ...] | None = None
    to_create: tuple[InternalTopic, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamsLimits:
    """Settings that bound a streams group."""

    session_timeout_ms: int = 45_000
    heartbeat_interval_ms: int = 5_000
    members_max: int = 2**31 - 1
    standby_replicas: int = 0
    initial_rebalance_delay_ms: int = 3_000

    @property
    def assignment_configs(self) -> dict[str, str]:
        """What the assignment depends on, under the names that are recorded with it."""
        return {"num.standby.replicas": str(self.standby_replicas)}
