"""What every API of the broker is: a key, a version range and one async function.

A handler translates: it takes a message apart, calls one service and puts an answer together. It
catches `KafkaError` and writes its code into the answer; anything else is a bug and propagates
(the connection closes, is logged and counted).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from broker.protocol.api_keys import ApiKey

if TYPE_CHECKING:
    from broker.clock import Clock
    from broker.config import BrokerConfig
    from broker.coordinator.cluster import Cluster
    from broker.coordinator.group.coordinator import GroupCoordinator
    from broker.metrics import BrokerMetrics
    from broker.partition.fetch_sessions import FetchSessions
    from broker.partition.partitions import Partitions


@dataclass(frozen=True, slots=True)
class Versions:
    """An inclusive range of protocol versions."""

    min: int
    max: int

    def __contains__(self, version: object) -> bool:
        return isinstance(version, int) and self.min <= version <= self.max


@dataclass(frozen=True, slots=True)
class ListenerAddress:
    """A listener as clients must reach it: what Metadata and FindCoordinator answer."""

    name: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Services:
    """The floors below that handlers call; built and wired by app.py."""

    config: BrokerConfig
    clock: Clock
    cluster: Cluster
    partitions: Partitions
    groups: GroupCoordinator
    transactions: Any
    metrics: BrokerMetrics
    fetch_sessions: FetchSessions


@dataclass(slots=True)
class RequestContext:
    """Who asks, over which listener, and when."""

    api_version: int
    client_id: str | None
    client_host: str
    """As Kafka prints it: `/127.0.0.1`."""
    principal: str
    """`User:ANONYMOUS` without authentication."""
    listener: ListenerAddress
    now_ms: int
    services: Services
    connection_id: int


Handle = Callable[[Any, RequestContext], Awaitable[Any | None]]


@dataclass(frozen=True, slots=True)
class Handler:
    """One API. `handle` answers a response message, or None when no frame must be sent."""

    api_key: ApiKey
    versions: Versions
    request_type: type[Any]
    handle: Handle
    pipelined: bool = False
    """True when the request has taken its place in the order of effects before the first await:
    the next request of the same connection may start while this one waits. Answers keep order."""
    cancellable: bool = False
    """True when the request only reads: it is given up when its client is gone. Any other, once
    begun, runs to its end, so that no change is cut in half by a closed connection."""
