"""What is told of rights, of what people did, and of what they may do."""

from typing import Any

from msgspec import Struct

from dashboard.alerts.engine import Alert
from dashboard.alerts.silences import Silence
from dashboard.copies.model import State
from dashboard.pages.audit import AuditRow
from tracker.kafka.transactions import Holder
from tracker.topics import TopicPartition


class AclRow(Struct, frozen=True):
    """An access control entry, in Kafka's words."""

    principal: str
    resource: str
    name: str
    pattern: str
    operation: str
    permission: str
    host: str


class ScramUserRow(Struct, frozen=True):
    """Mechanisms with their iterations."""

    user: str
    mechanisms: dict[str, int]


class QuotaRow(Struct, frozen=True):
    """Kind of client (user, client-id, ip) and its name; null: the default of the kind."""

    entity: dict[str, str | None]
    limits: dict[str, float]


class AuditTold(Struct, frozen=True):
    """`stopped`: why no more were looked at, as half a sentence."""

    rows: list[AuditRow]
    scanned: int
    stopped: str


class CopyTold(Struct, frozen=True):
    """`offsets` of the source and how many of them are `left`; `held`: behind the end, because of
    transactions that were open; `size`: bytes; `share`: how much is done, 0 to 1."""

    number: int
    from_cluster: str
    from_topic: str
    cluster: str
    topic: str
    who: str
    began_ms: int
    offsets: int
    left: int
    held: int
    records: int
    size: int
    state: State
    trouble: str
    ended_ms: int | None
    share: float


class TransactionTold(Struct, frozen=True):
    """The last one of a transactional id; null: it is not told, or there is none open."""

    transactional_id: str
    state: str
    producer_id: int
    coordinator: int
    epoch: int | None
    timeout_ms: int | None
    started_ms: int | None
    places: tuple[TopicPartition, ...]
    open: bool


class HeldTold(Struct, frozen=True):
    """A partition in which readers of committed records wait for so many `offsets`; `hangs`: no
    coordinator will ever end it. `holder` is null where nobody holds it any more."""

    place: TopicPartition
    offsets: int
    holder: Holder | None
    transactional_id: str
    hangs: bool


class TransactionsTold(Struct, frozen=True):
    transactions: list[TransactionTold]
    held: list[HeldTold]


class AlertsTold(Struct, frozen=True):
    """`totals`: how many each list has in all."""

    firing: list[Alert]
    pending: list[Alert]
    history: list[Alert]
    silences: list[Silence]
    totals: dict[str, int]


class Permission(Struct, frozen=True):
    """`why_not` is empty where it is allowed."""

    allowed: bool
    why_not: str


class ActionsTold(Struct, frozen=True):
    """By the name of the action; `csrf` goes into X-CSRF-Token."""

    who: str
    role: str
    csrf: str
    actions: dict[str, Permission]


class Done(Struct, frozen=True):
    """What was done, or in a dry run would be: a sentence, and a row for each part of it, whose
    members are the action's own. `changed`: whether anything is another now."""

    sentence: str
    changed: bool
    rows: list[dict[str, Any]]


class Refusal(Struct, frozen=True):
    """`error` is a sentence for people."""

    error: str
