"""Builds the dashboard from its settings and runs it; watched.py wires what a cluster has."""

import asyncio
import errno
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

from dashboard.access.accounts import Accounts
from dashboard.access.address import networks
from dashboard.access.guard import LOOPBACK, Guard
from dashboard.access.guard import Door as AccessDoor
from dashboard.access.ldap.desk import Directory
from dashboard.access.oidc import OidcClient, is_safe
from dashboard.access.sessions import Attempts, Sessions
from dashboard.actions.audit import Audit, Store
from dashboard.actions.catalogue import ACTIONS
from dashboard.actions.commands import COMMANDS, Household
from dashboard.actions.desk import ActionDesk, Switches
from dashboard.activity import letter
from dashboard.activity.crowd_watch import CrowdWatch
from dashboard.activity.desk import ReportDesk
from dashboard.activity.registered import RegisteredSites
from dashboard.activity.weekly import Deliver, WeeklyPost
from dashboard.alerts import message
from dashboard.alerts.courier import Channel, Mailbox, deliver, hook, mail, post
from dashboard.alerts.desk import AlertDesk, Telling
from dashboard.alerts.facts import DIRECTORY, PROVIDER
from dashboard.alerts.gather import Gather, Sources
from dashboard.cluster.poller import Poller
from dashboard.cluster.share_deliveries import DeliveryDesk
from dashboard.config import (
    DashboardConfig,
    LdapConfig,
    MaskConfig,
    OidcConfig,
    RightsConfig,
)
from dashboard.config_check import check
from dashboard.copies.desk import CopyDesk
from dashboard.copies.room import CopyRoom
from dashboard.masking.reader import hash_secret
from dashboard.masking.rules import Masks
from dashboard.metrics.disk import DiskWatch
from dashboard.metrics.extra_labels import extra_labels
from dashboard.metrics.roles import RoleWatcher, role_urls
from dashboard.probe.probe import Probe, ProbeSettings
from dashboard.probe.writer import ProbeWriter
from dashboard.rights.rules import rights
from dashboard.state import State
from dashboard.watched import Common, Watched, watch
from dashboard.web import Site
from footfall.settings import SettingsError
from tracker.clock import Clock, SystemClock
from tracker.config import KafkaConfig
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.changes import Changes, NewRecord
from tracker.kafka.reader import RecordReader
from tracker.kafka.topics import ensure_topics
from tracker.malformed_http import count_malformed_requests
from tracker.sites import registered
from tracker.topics import AUDIT, SITES

PROBE_BYTES = 65_536  # of one fetch: probe records are tiny
STOP_S = 2.0  # streams that do not end by themselves are cut then


@dataclass(frozen=True, slots=True)
class Further:
    """Sections beside [dashboard]; none of them has to be there."""

    oidc: OidcConfig = field(default_factory=OidcConfig)
    ldap: LdapConfig = field(default_factory=LdapConfig)
    masks: Mapping[str, MaskConfig] = field(default_factory=dict)
    rights: Mapping[str, RightsConfig] = field(default_factory=dict)


THREADS: Final = 32  # questions at once: those that clusters leave open must not hold up a log-in
NOTHING_FURTHER: Final = Further()


class PortTaken(Exception):
    """Somebody else listens there; the message names the address."""


def build(
    config: DashboardConfig,
    clusters: Mapping[str, KafkaConfig],
    data_dir: Path,
    further: Further = NOTHING_FURTHER,
) -> State:
    """Every part, not yet running; the first of `clusters` is ours. Raises SettingsError."""
    clock: Clock = SystemClock()
    check(config)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        said = f"data_dir in [footfall]: {data_dir} cannot be made: {error.strerror}"
        raise SettingsError(said) from error
    kafka = next(iter(clusters.values()))
    try:
        urls = role_urls(config.role_metrics)
        extra_labels(config.metrics_extra_labels)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    own_broker = urls.get("broker") if config.bundled_broker else None
    known = [*(one.name for one in ACTIONS), *(one.name for one in COMMANDS)]
    door = replace(entrance(config), rights=rights(further.rights, known))
    masks = Masks(further.masks, hash_secret(data_dir / "dashboard" / "masks.secret"))
    common = Common(config, data_dir, clock, masks, own_broker)
    watched = {name: _watched(common, name, one) for name, one in clusters.items()}
    probe = _probe(config, kafka, clock)
    accounts, sessions = Accounts(data_dir / "dashboard" / "accounts.json"), Sessions(clock)
    sso, accounts_of = provider(config, further.oidc, clock), directory(config, further.ldap, clock)
    asked = ((PROVIDER, sso), (DIRECTORY, accounts_of))
    roles, crowds = RoleWatcher(urls), CrowdWatch()
    sources = Sources(
        pollers={name: one.poller for name, one in watched.items()},
        roles=roles,
        disk=DiskWatch(data_dir, roles),
        clock=clock,
        probes_lost=probe.losses,
        connect={name: one.beside.connect.watch for name, one in watched.items()},
        sign_ins={whom: one.outcomes for whom, one in asked if one is not None},
        crowds=lambda: crowds.seen,
        crowd_from=config.visitors_alert_from,
    )
    alerts = _alerts(config, sources)
    hands = {name: one.hand for name, one in watched.items()}
    switches = Switches(config.readonly, config.messages)
    reports = ReportDesk(data_dir, clock, _registered(kafka, sources))
    weekly = _weekly(config, data_dir, reports, clock)
    send = weekly.send_now if weekly is not None else None
    copies = CopyRoom(CopyDesk(clusters, data_dir, clock), masks, _sizes(sources.pollers))
    return State(
        config=config,
        data_dir=data_dir,
        clock=clock,
        pollers=sources.pollers,
        roles=sources.roles,
        desk=reports,
        disk_watch=sources.disk,
        beside={name: one.beside for name, one in watched.items()},
        actions=ActionDesk(hands, switches, Audit(clock, _audit_store(kafka)), copies),
        guard=Guard(door, accounts, sessions, Attempts(clock)),
        household=Household(accounts, sessions, clock, alerts, _base_url(config), send),
        alerts=alerts,
        probe=probe,
        masks=masks,
        oidc=sso,
        directory=accounts_of,
        weekly=weekly,
        crowds=crowds,
        deliveries=DeliveryDesk(own_broker, clock) if own_broker else None,
    )


def _watched(common: Common, name: str, connection: KafkaConfig) -> Watched:
    """Raises SettingsError where its files or log-in are such that no client can be made."""
    try:
        return watch(common, name, connection)
    except ClusterUnavailable as error:
        raise SettingsError(f"cluster {name} cannot be asked with its settings: {error}") from error


def _sizes(pollers: Mapping[str, Poller]) -> Callable[[str, str], int | None]:
    """Bytes on disk of a topic, as of the last look."""

    def size_of(cluster: str, topic: str) -> int | None:
        poller = pollers.get(cluster)
        seen = poller.snapshot.topics.get(topic) if poller and poller.snapshot else None
        return seen.size if seen is not None else None

    return size_of


def _base_url(config: DashboardConfig) -> str:
    host = f"[{config.host}]" if ":" in config.host else config.host
    return config.public_url.rstrip("/") or f"http://{host}:{config.port}"


def _mailbox(config: DashboardConfig, to: tuple[str, ...]) -> Mailbox:
    return Mailbox(
        config.smtp_host,
        config.smtp_port,
        config.smtp_security,
        config.smtp_username,
        config.smtp_password,
        config.alert_email_from,
        to,
    )


def _weekly(
    config: DashboardConfig, data_dir: Path, desk: ReportDesk, clock: Clock
) -> WeeklyPost | None:
    """None where nobody wants letters about the week."""
    ways: dict[str, Deliver] = {}
    if to := config.report_email_to:
        box = _mailbox(config, to)
        ways["mail"] = lambda what: asyncio.to_thread(
            deliver, box, letter.mail(what, box.sender, to)
        )
    if url := config.report_slack_url:
        ways["chat"] = lambda what: post(url, letter.chat(what))
    kept = data_dir / "dashboard" / "weekly.json"
    return WeeklyPost(desk, ways, kept, clock, _base_url(config)) if ways else None


def channels(config: DashboardConfig) -> list[Channel]:
    """Whom alerts are told to."""
    base = _base_url(config)
    found = []
    if config.alert_webhook_url:
        found.append(Channel("webhook", hook(config.alert_webhook_url, message.webhook, base)))
    if config.alert_slack_url:
        found.append(Channel("chat", hook(config.alert_slack_url, message.chat, base)))
    if config.alert_email_to:
        found.append(Channel("mail", mail(_mailbox(config, config.alert_email_to), base)))
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


def directory(config: DashboardConfig, ldap: LdapConfig, clock: Clock) -> Directory | None:
    """Whose accounts may sign in beside ours; raises SettingsError where that could not work."""
    if not ldap.urls:
        return None
    if not entrance(config).sign_in:
        raise SettingsError('with [ldap], sign_in in [dashboard] must be "on"')
    # a tenth of a second of start, and a library, that only those pay who have a directory
    from dashboard.access.ldap import client, settings

    settings.check(ldap)
    asked = client.LdapClient(ldap, settings.hosts(ldap), settings.context(ldap), clock)
    return Directory(ldap, asked.ask)


def _probe(config: DashboardConfig, kafka: KafkaConfig, clock: Clock) -> Probe:
    on = config.probe == "on" or (config.probe == "auto" and config.bundled_broker)
    reader = RecordReader(kafka, PROBE_BYTES)
    settings = ProbeSettings(on, config.probe_interval_s, config.cluster_name)
    return Probe(ProbeWriter(kafka), reader, clock, settings)


def _registered(kafka: KafkaConfig, sources: Sources) -> RegisteredSites:
    """Of the first cluster, whose topic it is."""
    poller = next(iter(sources.pollers.values()))

    def end() -> int | None:
        snapshot = poller.snapshot
        topic = snapshot.topics.get(SITES.name) if snapshot is not None else None
        return topic.partitions[0].end if topic is not None and topic.partitions else None

    return RegisteredSites(partial(registered, kafka), end, sources.clock)


def _alerts(config: DashboardConfig, sources: Sources) -> AlertDesk:
    telling = Telling(channels(config), round(config.alert_repeat_hours * 3_600_000))
    kept = sources.disk.path / "dashboard" / "alerts.json"
    return AlertDesk(Gather(sources).facts, sources.clock, telling, kept)


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


async def run(state: State) -> None:
    """Serve until SIGTERM or SIGINT; raises PortTaken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="asking"))
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
            watching += [
                tasks.create_task(one.connect.watch.run()) for one in state.beside.values()
            ]
            watching.append(tasks.create_task(state.roles.run()))
            watching.append(tasks.create_task(state.disk_watch.run()))
            watching.append(tasks.create_task(state.actions.audit.run()))
            watching.append(tasks.create_task(state.alerts.run()))
            watching.append(tasks.create_task(state.probe.run()))
            watching.append(tasks.create_task(state.crowds.run(state.desk)))
            watching.append(tasks.create_task(state.beacons.run(state.roles, state.clock)))
            if state.weekly is not None:
                watching.append(tasks.create_task(state.weekly.run()))
            print(f"READY dashboard http://{host}:{port}", flush=True)
            await stop.wait()
            for task in watching:
                task.cancel()
    finally:
        await runner.cleanup()
        state.desk.close()
        await asyncio.to_thread(state.actions.close)  # copies tell how far they are
        if state.directory is not None:
            state.directory.close()
        for one in state.beside.values():
            one.close()


async def _listen(runner: web.AppRunner, config: DashboardConfig) -> tuple[str, int]:
    site = web.TCPSite(runner, config.host, config.port)
    try:
        await site.start()
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            said = "is no address of this machine; set host in [dashboard] to one"
            raise PortTaken(f"{config.host!r} {said}") from error
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        where = f"{config.host}:{config.port}"
        what = "taken" if error.errno == errno.EADDRINUSE else "not ours to open"
        raise PortTaken(
            f"port {where} is {what}; set port in [dashboard] to another one"
        ) from error
    address = runner.addresses[0]
    return str(address[0]), int(address[1])
