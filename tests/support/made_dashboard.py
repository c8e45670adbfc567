"""A dashboard over a made cluster, without sockets to any broker; hostile names included."""

from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient

from dashboard.access.accounts import Accounts
from dashboard.access.guard import Door as Entrance
from dashboard.access.guard import Guard
from dashboard.access.sessions import Attempts, Sessions
from dashboard.actions.audit import Audit
from dashboard.actions.commands import Household
from dashboard.actions.desk import ActionDesk, Hand, Switches
from dashboard.activity.desk import ReportDesk
from dashboard.alerts.desk import AlertDesk, Telling
from dashboard.alerts.gather import Gather, Sources
from dashboard.beside import Beside
from dashboard.cluster.broker_desk import broker_desk
from dashboard.cluster.browse import Browser, Desk
from dashboard.cluster.collect import Second
from dashboard.cluster.poller import Door, Poller, PollerSettings
from dashboard.cluster.transactions import transaction_desk
from dashboard.config import DashboardConfig
from dashboard.connect.client import connect_desk
from dashboard.copies.desk import CopyDesk
from dashboard.copies.room import CopyRoom
from dashboard.filters.expressions import Expressions
from dashboard.masking.reader import MaskingReader
from dashboard.masking.rules import Masks
from dashboard.metrics.disk import DiskWatch
from dashboard.metrics.roles import RoleWatcher
from dashboard.probe.probe import Probe, ProbeSettings
from dashboard.rights.rules import Rights
from dashboard.security.desk import security_desk
from dashboard.state import State
from dashboard.subjects.desk import registry_desk
from tests.support.made_cluster import MadeCluster, MadePartition
from tracker.clock import Clock, SystemClock
from tracker.config import KafkaConfig
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.answers import GroupDescription, GroupMember, Record
from tracker.kafka.changes import NewRecord
from tracker.kafka.security import Acl, Mechanism, ScramSecret
from tracker.kafka.transactions import Transaction
from tracker.topics import TopicPartition

HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "' onmouseover='document.title=1",
    "{{ 7 * 7 }}",
    "../../etc/passwd",
    "..",
    "a/b?c=d#e&f",
    "%2e%2e%2f%00",
    "\u202egnirts\u0000\u200b",
    "javascript:alert(1)",
    "x" * 240,
    "line\nbreak\r\n\r\nid: 5",
)
"""What a group id or a client id may contain: Kafka takes any string for both."""


NO_RIGHTS = Rights()
NO_MASKS = Masks({}, b"")


class Unprobed:
    """Nowhere to write probe records to."""

    def prepare(self) -> None: ...

    def produce(self, record: NewRecord) -> tuple[int, int]:
        raise ClusterUnavailable("not probed")

    def remove(self) -> None: ...


Client = TestClient[web.Request, web.Application]
"""Of a dashboard that a test runs."""


def made_state(data_dir: Path, cluster: MadeCluster, **settings: object) -> State:
    """Everything but running pollers: call `poller.look()` to fill it. `masks`, `rights` and
    `clock` too, which is the operating system's where none is given."""
    masks = settings.pop("masks", NO_MASKS)
    assert isinstance(masks, Masks)
    rules = settings.pop("rights", NO_RIGHTS)
    assert isinstance(rules, Rights)
    clock: Clock = settings.pop("clock", None) or SystemClock()  # type: ignore[assignment]
    config = DashboardConfig(**{"tracker_url": "http://127.0.0.1:8090", **settings})  # type: ignore[arg-type]
    door = Door(cluster, cluster, Second(cluster, None, cluster))
    poller = Poller(PollerSettings("local", 5.0, 5.0, 60.0), door, clock)
    desk = ReportDesk(data_dir, clock)
    roles = RoleWatcher({})
    disk = DiskWatch(data_dir, roles)
    sessions = Sessions(clock)
    connects = connect_desk(config.connect_urls, "", "", clock)
    watches = {"local": connects.watch}
    sources = Sources({"local": poller}, roles, disk, clock, lambda: None, watches)
    alerts = AlertDesk(Gather(sources).facts, clock, Telling((), 3_600_000))
    accounts = Accounts(data_dir / "accounts.json")
    switches = Switches(config.readonly, config.messages)
    registry = registry_desk(config.schema_registry_url, "", "", clock)
    beside = Beside(
        Browser(Desk(MaskingReader(cluster, masks), cluster, Expressions())),
        security_desk(cluster, clock),
        connects,
        broker_desk(cluster, clock),
        registry,
        transaction_desk(cluster, lambda: poller.snapshot, clock),
    )
    hand = Hand(
        cluster,
        cluster,
        cluster,
        connects.clients,
        beside.forget,
        registry.client,
        transactions=cluster,
    )
    copies = CopyDesk({"local": KafkaConfig("127.0.0.1:1")}, data_dir, clock)
    room = CopyRoom(copies, masks, lambda cluster, topic: None)
    actions = ActionDesk({"local": hand}, switches, Audit(clock), room)
    entrance = Entrance(
        config.sign_in == "on", config.metrics_token, config.public_url, rights=rules
    )
    return State(
        config,
        data_dir,
        clock,
        {"local": poller},
        roles,
        desk,
        disk,
        {"local": beside},
        actions,
        Guard(entrance, accounts, sessions, Attempts(clock)),
        Household(accounts, sessions, clock, alerts),
        alerts,
        Probe(Unprobed(), cluster, clock, ProbeSettings(False, 1.0)),
        masks,
    )


def busy_cluster() -> MadeCluster:
    """Topics and groups in every state, with ordinary names."""
    made = MadeCluster()
    now_ms = SystemClock().now_ms()
    stamps = {0: now_ms - 90_000}
    made.add_topic(
        "events",
        *(MadePartition(end=1_000 + index, stamps=stamps) for index in range(3)),
        retention_ms="86400000",
        cleanup_policy="delete",
    )
    made.add_topic("broken", MadePartition(leader=-1, isr=()))
    made.add_topic("__consumer_offsets", MadePartition(end=5))
    places = [TopicPartition("events", index) for index in range(3)]
    made.add_group("export", dict.fromkeys(places, 990), places)
    made.add_group("stopped", dict.fromkeys(places, 10))
    place = TopicPartition("events", 0)
    made.under_way = [
        Transaction("shop-1", "Ongoing", 7, 1, 0, 60_000, now_ms - 5_000, (place,)),
        Transaction("shop-2", "CompleteCommit", 8, 1, 3, 60_000),
    ]
    made.entries = {
        Acl("User:bob", "TOPIC", "events", "LITERAL", "WRITE", "ALLOW"),
        Acl("User:eve", "TOPIC", "eve", "PREFIXED", "READ", "DENY", "10.0.0.1"),
    }
    bob = ScramSecret("bob", Mechanism.SCRAM_SHA_256, 4_096, "secret of bob")
    made.secrets = {("bob", "SCRAM-SHA-256"): bob}
    made.limits = {
        (("client-id", None),): {"producer_byte_rate": 1_048_576.0},
        (("user", "bob"),): {"request_percentage": 50.0},
        (("ip", "10.0.0.1"),): {"connection_creation_rate": 10.0},
    }
    return made


def hostile_cluster() -> MadeCluster:
    """A group and a record for each hostile name, members, keys and headers named alike."""
    made = busy_cluster()
    place = TopicPartition("events", 0)
    for number, name in enumerate(HOSTILE):
        text, at = name.encode(), (place, 999 - number)
        made.values[at] = Record("events", 0, at[1], 1, True, text, text, ((name, text),))
        member = GroupMember(name, name, name, name, (place,))
        made.groups[name] = GroupDescription(name, "classic", "stable", name, 1, (member,))
        made.commits[name] = {place: 500}
        made.entries.add(Acl(f"User:{name}", "GROUP", name, "LITERAL", "READ", "ALLOW", name))
        made.secrets[name, "SCRAM-SHA-512"] = ScramSecret(
            name, Mechanism.SCRAM_SHA_512, 4_096, "secret"
        )
        made.under_way.append(Transaction(name, "Ongoing", 9, 1, 0, 1, 5, (place,)))
        made.limits[(("client-id", name), ("user", name))] = {"request_percentage": 5.0}
    return made
