"""What answers of the JSON API look like, for its OpenAPI document.

A test decodes real answers with these, and refuses what they do not name.
"""

from typing import Any, Final

import msgspec

from dashboard.api.appliance import BrokerTold, PipelineTold, SettingsTold
from dashboard.cluster.health import Health
from dashboard.cluster.model import Connection, GroupState, Topic


class _Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object with these members and no others."""


class HealthTold(_Told, frozen=True):
    health: Health
    connection: Connection
    stale: bool
    records_per_second: float | None


class ClusterRow(_Told, frozen=True):
    """Numbers are null before the first look."""

    name: str
    up: bool
    verdict: str
    sentence: str
    topics: int | None
    groups: int | None


class TopicRow(_Told, frozen=True):
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


class GroupRow(_Told, frozen=True):
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


class MessageRow(_Told, frozen=True):
    """Key and value as text, decoded as `kind` says; `cut`: they are longer than that."""

    partition: int
    offset: int
    timestamp_ms: int
    key: str
    value: str
    kind: str
    headers: list[list[str]]  # name and value
    cut: bool


class MessagesTold(_Told, frozen=True):
    """`stopped`: why, as half a sentence; `untested`: what an expression failed on."""

    rows: list[MessageRow]
    scanned: int
    stopped: str
    untested: str
    masks: tuple[str, ...]


class AclRow(_Told, frozen=True):
    principal: str
    resource: str
    name: str
    pattern: str
    operation: str
    permission: str
    host: str


class ScramUserRow(_Told, frozen=True):
    """Mechanisms with their iterations."""

    user: str
    mechanisms: dict[str, int]


class QuotaRow(_Told, frozen=True):
    """Kind of client (user, client-id, ip) and its name; null: the default of the kind."""

    entity: dict[str, str | None]
    limits: dict[str, float]


SHAPES: Final[dict[str, Any]] = {
    "/health": HealthTold,
    "/clusters": list[ClusterRow],
    "/topics": list[TopicRow],
    "/topics/{name}": Topic,
    "/topics/{name}/messages": MessagesTold,
    "/groups": list[GroupRow],
    "/acls": list[AclRow],
    "/scram-users": list[ScramUserRow],
    "/quotas": list[QuotaRow],
    "/brokers/{name}": BrokerTold,
    "/pipeline": PipelineTold,
    "/settings": SettingsTold,
}
"""By path; the other answers say in their description what they are."""
