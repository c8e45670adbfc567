"""Builds the dashboard from its settings and runs it: the only place that wires its parts."""

import asyncio
import errno
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from aiohttp import web

from dashboard.access.accounts import Accounts
from dashboard.access.address import networks
from dashboard.access.guard import LOOPBACK, Guard
from dashboard.access.guard import Door as AccessDoor
from dashboard.access.oidc import OidcClient, is_safe
from dashboard.access.sessions import Attempts, Sessions
from dashboard.actions.audit import Audit, Store
from dashboard.actions.catalogue import ACTIONS
from dashboard.actions.commands import COMMANDS, Household
from dashboard.actions.desk import ActionDesk, Hand, Switches
from dashboard.activity.desk import ReportDesk
from dashboard.alerts import message
from dashboard.alerts.courier import Channel, Mailbox, hook, mail
from dashboard.alerts.desk import AlertDesk, Telling
from dashboard.alerts.gather import Gather, Sources
from dashboard.cluster.append_times import AppendTimes
from dashboard.cluster.broker_desk import BrokerDesk, broker_desk
from dashboard.cluster.browse import Browser, Desk
from dashboard.cluster.collect import Second
from dashboard.cluster.history_store import HistoryStore
from dashboard.cluster.poller import Door as ClusterDoor
from dashboard.cluster.poller import Poller, PollerSettings
from dashboard.cluster.share_deliveries import DeliveryDesk
from dashboard.config import (
    ClusterConfig,
    DashboardConfig,
    MaskConfig,
    OidcConfig,
    RightsConfig,
)
from dashboard.connect.client import ConnectDesk, connect_desk
from dashboard.decoders.reader import OpeningReader, Records
from dashboard.decoders.registry import Registry, RegistryAccess
from dashboard.decoders.schemas import Schemas
from dashboard.masking.reader import MaskingReader, hash_secret
from dashboard.masking.rules import Masks
from dashboard.metrics.disk import DiskWatch
from dashboard.metrics.roles import RoleWatcher, role_urls
from dashboard.probe.probe import Probe, ProbeSettings
from dashboard.probe.writer import ProbeWriter
from dashboard.rights.rules import rights
from dashboard.security.desk import SecurityDesk, security_desk
from dashboard.state import State
from dashboard.subjects.desk import RegistryDesk, registry_desk
from dashboard.web import Site
from footfall.settings import SettingsError
from tracker.clock import Clock, SystemClock
from tracker.config import KafkaConfig
from tracker.kafka_admin import Admin
from tracker.kafka_bulk import Bulk
from tracker.kafka_changes import Changes, NewRecord
from tracker.kafka_groups import Groups
from tracker.kafka_inventory import Inventory
from tracker.kafka_line import Line
from tracker.kafka_reader import RecordReader
from tracker.kafka_security import SecurityAdmin
from tracker.kafka_topics import ensure_topics
from tracker.malformed_http import count_malformed_requests
from tracker.topics import AUDIT

PROBE_BYTES = 65_536  # of one fetch: probe records are tiny
STOP_S = 2.0  # streams that do not end by themselves are cut then


@dataclass(frozen=True, slots=True)
class Further:
    """Sections beside [dashboard]; none of them has to be there."""

    oidc: OidcConfig = field(default_factory=OidcConfig)
    masks: Mapping[str, MaskConfig] = field(default_factory=dict)
    rights: Mapping[str, RightsConfig] = field(default_factory=dict)


NOTHING_FURTHER: Final = Further()


class PortTaken(Exception):
    """Somebody else listens there; the message names the address."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What belongs to a cluster and is asked when somebody looks."""

    connect: ConnectDesk
    brokers: BrokerDesk
    registry: RegistryDesk


def build(
    config: DashboardConfig,
    clusters: Mapping[str, KafkaConfig],
    data_dir: Path,
    further: Further = NOTHING_FURTHER,
) -> State:
    """Every part, not yet running; the first of `clusters` is ours. Raises SettingsError."""
    clock: Clock = SystemClock()
    data_dir.mkdir(parents=True, exist_ok=True)
    kafka = next(iter(clusters.values()))
    try:
        urls = role_urls(config.role_metrics)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    known = [*(one.name for one in ACTIONS), *(one.name for one in COMMANDS)]
    door = replace(entrance(config), rights=rights(further.rights, known))
    accounts = Accounts(data_dir / "dashboard" / "accounts.json")
    pollers, browsers, hands, security = {}, {}, {}, {}
    beside: dict[str, Beside] = {}
    own = config.cluster_name if config.bundled_broker else None
    masks = Masks(further.masks, hash_secret(data_dir / "dashboard" / "masks.secret"))
    for name, connection in clusters.items():
        admin = Admin(connection)
        times = AppendTimes(urls["broker"]) if name == own and "broker" in urls else None
        cluster_door = ClusterDoor(admin, RecordReader(connection), _second(connection), times)
        pollers[name] = _poller(config, name, cluster_door, data_dir, clock)
        beside[name] = _beside(config, connection, admin, clock)
        security[name], hands[name] = _hand(connection, admin, beside[name], clock)
        browsers[name] = Browser(Desk(_reader(config, connection, clock, masks), admin))
    sessions = Sessions(clock)
    roles, disk_watch = RoleWatcher(urls, clock), DiskWatch(data_dir)
    probing = config.probe == "on" or (config.probe == "auto" and config.bundled_broker)
    probe = Probe(
        ProbeWriter(kafka),
        RecordReader(kafka, PROBE_BYTES),
        clock,
        ProbeSettings(probing, config.probe_interval_s),
    )
    sources = Sources(pollers, roles, disk_watch, data_dir, clock, probe.losses)
    alerts = AlertDesk(
        Gather(sources).facts,
        clock,
        Telling(channels(config), round(config.alert_repeat_hours * 3_600_000)),
        data_dir / "dashboard" / "alerts.json",
    )
    switches = Switches(config.readonly, config.messages)
    actions = ActionDesk(hands, switches, Audit(clock, _audit_store(kafka)))
    return State(
        config,
        data_dir,
        clock,
        pollers,
        roles,
        ReportDesk(data_dir, clock),
        disk_watch,
        browsers,
        actions,
        Guard(door, accounts, sessions, Attempts(clock)),
        Household(accounts, sessions, clock, alerts),
        alerts,
        probe,
        security,
        masks,
        {name: one.connect for name, one in beside.items()},
        {name: one.brokers for name, one in beside.items()},
        {name: one.registry for name, one in beside.items()},
        provider(config, further.oidc, clock),
        DeliveryDesk(urls["broker"], clock) if config.bundled_broker and "broker" in urls else None,
    )


def channels(config: DashboardConfig) -> list[Channel]:
    """Whom alerts are told to."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    base = config.public_url.rstrip("/") or f"http://{host}:{config.port}"
    found = []
    if config.alert_webhook_url:
        found.append(Channel("webhook", hook(config.alert_webhook_url, message.webhook, base)))
    if config.alert_slack_url:
        found.append(Channel("chat", hook(config.alert_slack_url, message.chat, base)))
    if config.alert_email_to:
        box = Mailbox(
            config.smtp_host,
            config.smtp_port,
            config.smtp_security,
            config.smtp_username,
            config.smtp_password,
            config.alert_email_from,
            config.alert_email_to,
        )
        found.append(Channel("mail", mail(box, base)))
    return found


def entrance(config: DashboardConfig) -> AccessDoor:
    """Whether people have to sign in; raises SettingsError when nobody would have to, but could."""
    here = config.host in LOOPBACK and not config.public_url
    if config.sign_in == "off" and not here:
        raise SettingsError(
            "sign_in = off in [dashboard] is only for a host that is loopback, without public_url"
        )
    sign_in = config.sign_in == "on" or (config.sign_in == "auto" and not here)
    proxies = networks(config.trusted_proxies)
    return AccessDoor(sign_in, config.metrics_token, config.public_url, proxies)


def provider(config: DashboardConfig, oidc: OidcConfig, clock: Clock) -> OidcClient | None:
    """Who signs people in beside us; raises SettingsError where that could not work."""
    if not oidc.issuer:
        return None
    if not oidc.client_id:
        raise SettingsError("client_id in [oidc] is missing")
    if not is_safe(oidc.issuer):
        raise SettingsError("issuer in [oidc] must begin with https:// (http: this machine only)")
    if "openid" not in oidc.scopes.split():
        raise SettingsError("scopes in [oidc] must have openid in it")
    if not (oidc.admins or oidc.editors or oidc.viewers):
        raise SettingsError("[oidc] gives nobody a role: set admins, editors or viewers")
    if not entrance(config).sign_in:
        raise SettingsError('with [oidc], sign_in in [dashboard] must be "on"')
    return OidcClient(oidc, clock)


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


def _hand(
    connection: KafkaConfig,
    admin: Admin,
    beside: Beside,
    clock: Clock,
) -> tuple[SecurityDesk, Hand]:
    """Who tells a cluster's rights, and what changes the cluster."""
    security = SecurityAdmin(connection)
    desk = security_desk(security, clock)
    changes = Changes(connection)
    parts = (beside.connect, beside.brokers, beside.registry, desk)
    forget = [part.forget for part in parts]
    clients = beside.connect.clients
    return desk, Hand(changes, admin, security, clients, forget, beside.registry.client)


def _beside(config: DashboardConfig, connection: KafkaConfig, admin: Admin, clock: Clock) -> Beside:
    """As the cluster's own section names them."""
    own = connection if isinstance(connection, ClusterConfig) else config
    return Beside(
        connect_desk(own.connect_urls, own.connect_username, own.connect_password, clock),
        broker_desk(admin, clock),
        registry_desk(
            *(own.schema_registry_url, own.schema_registry_username),
            *(own.schema_registry_password, clock),
        ),
    )


def _audit_store(kafka: KafkaConfig) -> Store:
    """Writes to the audit topic, which is made when the first entry comes."""
    changes = Changes(kafka, "footfall-audit")
    ready: list[bool] = []

    def store(key: bytes, value: bytes) -> None:
        if not ready:
            ensure_topics(kafka, [AUDIT])
            ready.append(True)
        changes.produce(NewRecord(AUDIT.name, 0, key, value))

    return store


def _poller(
    config: DashboardConfig, name: str, door: ClusterDoor, data_dir: Path, clock: Clock
) -> Poller:
    bundled = config.bundled_broker and name == config.cluster_name
    interval = config.poll_interval_s if bundled else config.external_poll_interval_s
    settings = PollerSettings(name, interval, config.poll_timeout_s, config.lag_target_s)
    safe = "".join(letter if letter.isalnum() else "_" for letter in name)
    store = HistoryStore(data_dir / "dashboard" / f"history-{safe}.db")
    return Poller(settings, door, clock, store)


async def run(state: State) -> None:
    """Serve until SIGTERM or SIGINT; raises PortTaken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if state.guard.door.sign_in and (password := state.household.accounts.first_password()):
        print(f"dashboard: sign in as admin with password {password} (shown once)", file=sys.stderr)
    count_malformed_requests()
    runner = web.AppRunner(
        Site(state).application(),
        access_log=None,
        shutdown_timeout=STOP_S,
        handler_cancellation=True,
        keepalive_timeout=75,  # seconds for the head of a request, the first included
    )
    await runner.setup()
    try:
        host, port = await _listen(runner, state.config)
        async with asyncio.TaskGroup() as tasks:
            watching = [tasks.create_task(poller.run()) for poller in state.pollers.values()]
            watching.append(tasks.create_task(state.roles.run()))
            watching.append(tasks.create_task(state.disk_watch.run()))
            watching.append(tasks.create_task(state.actions.audit.run()))
            watching.append(tasks.create_task(state.alerts.run()))
            watching.append(tasks.create_task(state.probe.run()))
            print(f"READY dashboard http://{host}:{port}", flush=True)
            await stop.wait()
            for task in watching:
                task.cancel()
    finally:
        await runner.cleanup()
        state.desk.close()
        state.actions.close()
        for browser in state.browsers.values():
            browser.close()
        for desk in state.security.values():
            desk.close()


async def _listen(runner: web.AppRunner, config: DashboardConfig) -> tuple[str, int]:
    site = web.TCPSite(runner, config.host, config.port)
    try:
        await site.start()
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        where = f"{config.host}:{config.port}"
        what = "taken" if error.errno == errno.EADDRINUSE else "not ours to open"
        raise PortTaken(
            f"port {where} is {what}; set port in [dashboard] to another one"
        ) from error
    address = runner.addresses[0]
    return str(address[0]), int(address[1])
