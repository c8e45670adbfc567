"""What every API of the broker is: a key, a version range and one async function.

A handler translates: it takes a message apart, calls one service and puts an answer together. It
catches `KafkaError` and writes its code into the answer; anything else is a bug and propagates
(the connection closes, is logged and counted).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from broker.errors import ErrorCode, KafkaError
from broker.protocol.api_keys import ApiKey
from broker.security.acls import CLUSTER_NAME, Operation, Resource
from broker.security.authorizer import Asker
from broker.security.throttle import Client
from broker.telemetry.client import TelemetryClient

if TYPE_CHECKING:
    from broker.clock import Clock
    from broker.config import BrokerConfig
    from broker.coordinator.cluster import Cluster
    from broker.coordinator.group.coordinator import GroupCoordinator
    from broker.coordinator.share.coordinator import ShareCoordinator
    from broker.metrics import BrokerMetrics
    from broker.partition.fetch_sessions import FetchSessions
    from broker.partition.log_moves import LogMoves
    from broker.partition.partitions import Partitions
    from broker.security.sasl import Authentication
    from broker.security.security import Security
    from broker.telemetry.telemetry import Telemetry

T = TypeVar("T")
R = TypeVar("R")

SHARE_MEMBER_ID_LENGTH_MAX = 36
"""Characters: those of a UUID with its dashes."""


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
    log_moves: LogMoves
    groups: GroupCoordinator
    share: ShareCoordinator
    transactions: Any
    metrics: BrokerMetrics
    fetch_sessions: FetchSessions
    security: Security
    telemetry: Telemetry
    controllers: tuple[ListenerAddress, ...] = ()
    """Listeners that answer as a controller."""


ANONYMOUS = "User:ANONYMOUS"
REFUSALS = {
    Resource.TOPIC: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    Resource.GROUP: ErrorCode.GROUP_AUTHORIZATION_FAILED,
    Resource.CLUSTER: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    Resource.TRANSACTIONAL_ID: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    Resource.DELEGATION_TOKEN: ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED,
    Resource.USER: ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED,
}
RESOURCE_OF_SETTINGS = {2: Resource.TOPIC, 32: Resource.GROUP}
"""Whose settings are guarded by themselves; those of all others belong to the cluster."""
OPERATIONS = {
    Resource.TOPIC: (3, 4, 5, 6, 7, 8, 10, 11),
    Resource.GROUP: (3, 6, 8, 10, 11),
    Resource.CLUSTER: (5, 7, 8, 9, 10, 11, 12),
}
"""What can be done with a thing, for the bit fields of KIP-430 and for no other use."""


@dataclass(slots=True)
class ClientSoftware:
    """What a client says it is, in ApiVersions (KIP-511); empty before, or if it says nothing."""

    name: str = ""
    version: str = ""


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
    throttle_ms: int = 0
    """How long the client must be quiet after the answer, because a quota is used up."""
    authentication: Authentication | None = None
    """How the client of this connection logs in; None where nobody has to."""
    software: ClientSoftware = field(default_factory=ClientSoftware)
    client_port: int = -1
    """Of the client's end; -1: not known."""
    waits_since_s: float = 0.0
    """When it first had to wait, if the handler `tells_waits`; 0: never."""

    @property
    def client(self) -> Client:
        """Whose quotas count."""
        return Client(self.principal, self.client_id or "")

    def begins_to_wait(self) -> None:
        """For records, or for a sync: from now on the time of the request is no work."""
        self.waits_since_s = self.waits_since_s or self.services.clock.monotonic_ms() / 1000

    @property
    def telemetry_client(self) -> TelemetryClient:
        """Who it is for subscriptions to client metrics."""
        return TelemetryClient(
            self.client_id or "",
            self.software.name,
            self.software.version,
            self.client_host.removeprefix("/"),
            self.client_port,
            self.connection_id,
        )

    def is_authorized(
        self, operation: Operation, resource: Resource, name: str = CLUSTER_NAME
    ) -> bool:
        """Whether the client may do this with the resource of that name."""
        authorizer = self.services.security.authorizer
        if authorizer is None:
            return True
        return authorizer.allows(self._asker, operation, resource, name)

    def sees(self, topic: str) -> bool:
        """Whether the client may know that there is this topic."""
        return self.is_authorized(Operation.DESCRIBE, Resource.TOPIC, topic)

    def refusal_of_offset(self, topic: str, partition: int) -> ErrorCode | None:
        """Why no offset can be committed there, whatever the group says; None when it can."""
        if not self.is_authorized(Operation.READ, Resource.TOPIC, topic):
            return ErrorCode.TOPIC_AUTHORIZATION_FAILED
        if not self.services.cluster.image.has_partition(topic, partition):
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        return None

    def is_authorized_anywhere(self, operation: Operation, resource: Resource) -> bool:
        """Whether there is any name with which the client may do this (KIP-679)."""
        authorizer = self.services.security.authorizer
        return authorizer is None or authorizer.allows_any(self._asker, operation, resource)

    def require(self, operation: Operation, resource: Resource, name: str = CLUSTER_NAME) -> None:
        """Raise the refusal of this type of resource when the client may not do this."""
        if not self.is_authorized(operation, resource, name):
            raise refusal_of(resource)

    def require_settings(self, operation: Operation, resource_type: int, name: str) -> None:
        """`require` for the settings of a resource, numbered as in DescribeConfigs."""
        resource = RESOURCE_OF_SETTINGS.get(resource_type)
        if resource is None:
            self.require(operation, Resource.CLUSTER)
        else:
            self.require(operation, resource, name)

    def pay_for_changes(self, count: int, *, strict: bool) -> None:
        """Charge `count` changed partitions to the client's quota (KIP-599).

        Strict: THROTTLING_QUOTA_EXCEEDED while it is used up.
        """
        quotas = self.services.security.quotas
        if not quotas.active:
            return
        try:
            throttle_ms = quotas.take_tokens(self.client, count, strict=strict)
        except KafkaError:
            self.throttle_ms = max(self.throttle_ms, quotas.debt_ms(self.client))
            raise
        self.throttle_ms = max(self.throttle_ms, throttle_ms)

    def require_authorizer(self, where: str = "") -> None:
        """Raise SECURITY_DISABLED when nobody looks at access control entries."""
        if self.services.security.authorizer is None:
            message = f"No Authorizer is configured{where or '.'}"
            raise KafkaError(ErrorCode.SECURITY_DISABLED, message)

    def require_identity(self) -> None:
        """Raise the refusal of requests about delegation tokens by nobody in particular."""
        by_token = self.authentication is not None and self.authentication.by_token
        if self.principal == ANONYMOUS or by_token:
            raise KafkaError(
                ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED,
                "Delegation Token requests are not allowed on PLAINTEXT/1-way SSL channels and on"
                " delegation token authenticated channels.",
            )

    def authorized_operations(self, resource: Resource, name: str = CLUSTER_NAME) -> int:
        """Bits of all that the client may do with it (KIP-430)."""
        return sum(
            1 << operation
            for operation in OPERATIONS[resource]
            if self.is_authorized(Operation(operation), resource, name)
        )

    @property
    def _asker(self) -> Asker:
        return Asker(self.principal, self.client_host.removeprefix("/"))


def refusal_of(resource: Resource) -> KafkaError:
    """What a client is told that may not do something, in Kafka's words."""
    code = REFUSALS[resource]
    words = {Resource.TRANSACTIONAL_ID: "Transactional Id"}.get(resource, resource.name.title())
    return KafkaError(code, f"{words} authorization failed.")


def words_of(refusal: KafkaError) -> str | None:
    """The message of a refusal in the newer APIs of groups: none when rights are missing, a
    coordinator is not here (yet), or the protocol is off.

    Kafka has words where only some topics of a group may not be seen, so the code does not tell.
    """
    lacks_rights = refusal.message in (f"{kind} authorization failed." for kind in _UNSAID)
    return None if lacks_rights or refusal.code in _WORDLESS else refusal.message or None


def require_group_id(group_id: str) -> None:
    """Raise INVALID_GROUP_ID, as Kafka without words, for a group without a name."""
    if not group_id:
        raise KafkaError(ErrorCode.INVALID_GROUP_ID)


def require_share_member_id(member_id: str | None) -> None:
    """Raise INVALID_REQUEST, as Kafka without words, for no id, and for one that is too long."""
    if not member_id or len(member_id) > SHARE_MEMBER_ID_LENGTH_MAX:
        raise KafkaError(ErrorCode.INVALID_REQUEST)


_UNSAID = ("Group", "Topic")
_WORDLESS = (
    ErrorCode.UNSUPPORTED_VERSION,
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
)


async def for_allowed(
    items: Sequence[T],
    check: Callable[[T], None],
    change: Callable[[list[T]], Awaitable[Sequence[R | KafkaError]]],
) -> list[R | KafkaError]:
    """`change` those items that `check` lets pass; results and refusals in the order of `items`."""
    refusals: dict[int, KafkaError] = {}
    for number, item in enumerate(items):
        try:
            check(item)
        except KafkaError as refusal:
            refusals[number] = refusal
    allowed = [item for number, item in enumerate(items) if number not in refusals]
    results = iter(await change(allowed) if allowed else ())
    return [
        refusals[number] if number in refusals else next(results) for number in range(len(items))
    ]


def check_time(timeout_ms: int) -> None:
    """Raise REQUEST_TIMED_OUT, as Kafka's controller does, when there is no time for a change."""
    if timeout_ms <= 0:
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT)


Handle = Callable[[Any, RequestContext], Awaitable[Any | None]]


class Repeat(Protocol):
    """A request that was answered before, to be made again with other records.

    Whatever was looked up for the first of them (partitions, rights, quotas) is looked up once.
    """

    blank_response: Any
    """The answer to each of them, with `blanks` in the fields in which they differ."""
    blanks: Sequence[Sequence[int]]
    """Groups of numbers of int64 fields side by side, which nothing else in the response has."""

    def is_current(self) -> bool:
        """Whether what was looked up still holds."""

    def start(
        self, records: Sequence[memoryview], now_ms: int, answered: Callable[[Any], None]
    ) -> bool:
        """Begin as the handler would; False, and nothing begun, when it has to be asked.

        `answered` is told once what came of it, on the loop and never from within this call.
        """

    def answer(self, told: Any, records: Sequence[memoryview]) -> list[Sequence[int]] | Any:
        """What `answered` was told, as numbers for the blanks or as a response of its own."""


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
    repeat: Callable[[Any, RequestContext], Repeat | None] | None = None
    """What repeats of a request are answered with, if it is of a kind that repeats."""
    same_answer: Callable[[Any, RequestContext], Hashable] | None = None
    """A key that all requests share which this version answers alike, whoever asks, as long as the
    cluster's image is the same; None for a request that must be answered by itself."""
    tells_waits: bool = False
    """True when the handler says when it `begins_to_wait`: other awaits are work of its own, as
    reading from the disk. Those of all others are waits."""
    is_of_follower: Callable[[Any], bool] | None = None
    """Whether a request comes from a replica: counted apart, as FetchFollower and FetchConsumer."""
    cancellable: bool = False
    """True when the request only reads: it is given up when its client is gone. Any other, once
    begun, runs to its end, so that no change is cut in half by a closed connection."""
