"""What the dashboard has for each cluster: who looks at it, reads of it and changes it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dashboard.actions.desk import Hand
from dashboard.beside import Beside
from dashboard.cluster.append_times import AppendTimes
from dashboard.cluster.broker_desk import broker_desk
from dashboard.cluster.browse import Browser, Desk
from dashboard.cluster.collect import Second
from dashboard.cluster.history_store import HistoryStore
from dashboard.cluster.model import Snapshot
from dashboard.cluster.poller import Door, Poller, PollerSettings
from dashboard.cluster.transactions import transaction_desk
from dashboard.config import ClusterConfig, DashboardConfig
from dashboard.connect.client import connect_desk
from dashboard.decoders.reader import OpeningReader, Records
from dashboard.decoders.registry import Registry, RegistryAccess
from dashboard.decoders.schemas import Schemas
from dashboard.filters.expressions import Expressions
from dashboard.masking.reader import MaskingReader
from dashboard.masking.rules import Masks
from dashboard.security.desk import security_desk
from dashboard.subjects.desk import registry_desk
from tracker.clock import Clock
from tracker.config import KafkaConfig
from tracker.kafka.admin import Admin
from tracker.kafka.bulk import Bulk
from tracker.kafka.changes import Changes
from tracker.kafka.groups import Groups
from tracker.kafka.inventory import Inventory
from tracker.kafka.line import Line
from tracker.kafka.reader import RecordReader
from tracker.kafka.security import SecurityAdmin
from tracker.kafka.transactions import Transactions


@dataclass(frozen=True, slots=True)
class Common:
    """What all clusters share."""

    config: DashboardConfig
    data_dir: Path
    clock: Clock
    masks: Masks
    own_broker_url: str | None
    """Metrics of the bundled broker, which is that of `cluster_name`; None: there is none."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The parts for one cluster."""

    poller: Poller
    hand: Hand
    beside: Beside


def watch(common: Common, name: str, connection: KafkaConfig) -> Watched:
    """The parts for the cluster of that name, not yet running."""
    own = name == common.config.cluster_name
    admin = Admin(connection)
    times = AppendTimes(common.own_broker_url) if own and common.own_broker_url else None
    door = Door(admin, RecordReader(connection), _second(connection), times)
    poller = _poller(common, name, door)
    hands = Direct(admin, SecurityAdmin(connection), Transactions(connection))
    beside = _beside(common, connection, hands, lambda: poller.snapshot)
    clients, registry = beside.connect.clients, beside.registry.client
    readonly = isinstance(connection, ClusterConfig) and connection.readonly
    changes = Changes(connection)
    hand = Hand(
        *(changes, admin, hands.security, clients, beside.forget, registry, readonly),
        transactions=hands.transactions,
    )
    return Watched(poller, hand, beside)


def _reader(
    config: DashboardConfig, connection: KafkaConfig, clock: Clock, masks: Masks
) -> Records:
    """Who reads messages: opened where there is a schema registry, then hidden as masks say."""
    own = connection if isinstance(connection, ClusterConfig) else config
    reader: Records = RecordReader(connection)
    if own.schema_registry_url:
        access = RegistryAccess(
            own.schema_registry_url, own.schema_registry_username, own.schema_registry_password
        )
        reader = OpeningReader(reader, Schemas(Registry(access, clock)))
    return MaskingReader(reader, masks)


def _second(connection: KafkaConfig) -> Second:
    """What kafka-python asks, over connections that its questions share."""
    line = Line(connection)
    return Second(Inventory(line), Bulk(line), Groups(line))


@dataclass(frozen=True, slots=True)
class Direct:
    """Who asks the cluster when somebody looks."""

    admin: Admin
    security: SecurityAdmin
    transactions: Transactions


def _beside(
    common: Common,
    connection: KafkaConfig,
    direct: Direct,
    snapshot: Callable[[], Snapshot | None],
) -> Beside:
    """As the cluster's own section names them."""
    clock = common.clock
    own = connection if isinstance(connection, ClusterConfig) else common.config
    reader = _reader(common.config, connection, clock, common.masks)
    return Beside(
        Browser(Desk(reader, direct.admin, Expressions())),
        security_desk(direct.security, clock),
        connect_desk(own.connect_urls, own.connect_username, own.connect_password, clock),
        broker_desk(direct.admin, clock),
        registry_desk(
            *(own.schema_registry_url, own.schema_registry_username),
            *(own.schema_registry_password, clock),
        ),
        transaction_desk(direct.transactions, snapshot, clock),
    )


def _poller(common: Common, name: str, door: Door) -> Poller:
    config = common.config
    bundled = config.bundled_broker and name == config.cluster_name
    interval = config.poll_interval_s if bundled else config.external_poll_interval_s
    settings = PollerSettings(name, interval, config.poll_timeout_s, config.lag_target_s)
    safe = "".join(letter if letter.isalnum() else "_" for letter in name)
    store = HistoryStore(common.data_dir / "dashboard" / f"history-{safe}.db")
    return Poller(settings, door, common.clock, store)
