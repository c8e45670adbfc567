"""`footfall doctor`: looks at everything a start or a run needs, and says what to do.

Each check gives findings; a finding that is a problem carries the way out. Works on a running
appliance and on one that is stopped.
"""

import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from footfall import data_dir as directory
from footfall.commands.group import group_lags
from footfall.commands.up import Appliance, appliance
from footfall.data_format import check_format
from footfall.database_check import check_databases
from footfall.roles import METRICS, Address, addresses
from footfall.section_check import check_sections, settings_of
from footfall.segment_check import READ_RIGHTS, Damage, check_segments
from footfall.settings import SettingsError
from footfall.store_check import check_store, compacted_partitions, synced_offsets
from tracker import sites, topics
from tracker.config import KafkaConfig, load_kafka
from tracker.kafka.admin import Admin, ClusterUnavailable
from tracker.kafka.client import KafkaFailure

TIMEOUT_S: Final = 5.0
LAG_RECORDS_MAX: Final = 10_000
"""A group further behind than this is worth a look."""

HEALTH_PATHS: Final = {"beacons": "/readyz", "pages": "/readyz", METRICS: "/metrics"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `way_out` is empty when all is well."""

    what: str
    way_out: str = ""


def doctor(config: Path | None, data_dir: Path | None, console: Console) -> int:
    """Prints all findings; 0 when none is a problem, 1 otherwise."""
    problems = 0
    for finding in findings(config, data_dir):
        problems += bool(finding.way_out)
        line = Text("problem  " if finding.way_out else "ok       ")
        line.stylize("bold red" if finding.way_out else "green")
        line.append(finding.what, style="default")
        console.print(line, soft_wrap=True)
        if finding.way_out:
            console.print(Text(f"         -> {finding.way_out}"), soft_wrap=True)
    console.print(
        "all is well" if not problems else f"{problems} problem{'s' if problems > 1 else ''}"
    )
    return 1 if problems else 0


def findings(config: Path | None, data_dir: Path | None) -> Iterator[Finding]:
    """Every check in the order in which one depends on another."""
    bad_settings = list(check_settings(config))
    yield from bad_settings or [Finding(f"settings: {config or 'defaults'}")]
    if bad_settings:
        return
    plan = appliance(config, data_dir)
    try:
        check_format(plan.data_dir)
    except SettingsError as refusal:  # nothing is written there, not even to see whether it can be
        yield Finding("data directory cannot be used", str(refusal))
        return
    yield from check_data_dir(plan)
    yield from check_log_directories(plan)
    for told in check_databases(plan.data_dir):
        yield _damaged(told) if isinstance(told, Damage) else Finding(told)
    where = [address for role in plan.roles for address in addresses(role, plan.config)]
    kafka = load_kafka(config)
    yield from check_bootstrap(kafka, where)
    if directory.running_supervisor(plan.data_dir) is None:
        yield Finding(f"footfall is not running on {plan.data_dir}")
        for address in where:
            if address.port > 0 and (reason := directory.port_problem(address)):
                yield Finding(f"{address.role}: its port cannot be used", reason)
        return
    for address in where:
        if address.port > 0 and address.purpose in HEALTH_PATHS:
            yield check_health(address)
    yield from check_cluster(kafka)


def check_settings(config: Path | None) -> Iterator[Finding]:
    """Each section by itself, so that one mistake does not hide another."""
    try:
        appliance(config, None)
        check_sections(config)
    except SettingsError as error:
        yield Finding("the settings are wrong", str(error))


def check_data_dir(plan: Appliance) -> Iterator[Finding]:
    try:
        directory.prepare(plan.data_dir, plan.settings.disk_free_bytes_min)
    except directory.StartRefused as refusal:
        yield Finding("data directory cannot be used", str(refusal))
        return
    free = shutil.disk_usage(plan.data_dir).free
    yield Finding(f"data directory {plan.data_dir}: {free / 1e9:.1f} GB free")


def check_log_directories(plan: Appliance) -> Iterator[Finding]:
    """A torn tail is no problem: the broker cuts it when it starts, nothing promised is in it."""
    is_running = directory.running_supervisor(plan.data_dir) is not None
    named = settings_of("broker", plan.config).log_dirs
    for log_dir in map(Path, named or (str(plan.data_dir / "broker"),)):
        yield from _check_log_directory(log_dir, is_running=is_running)


def _check_log_directory(log_dir: Path, *, is_running: bool) -> Iterator[Finding]:
    if not log_dir.exists():
        yield Finding(f"{log_dir}: no logs yet")
        return
    try:
        beside = list(check_store(log_dir, is_running=is_running))
        synced = synced_offsets(log_dir)  # before the logs, which may grow meanwhile
        checked = check_segments(log_dir, compacted_partitions(log_dir), synced)
    except OSError as error:
        yield Finding(f"{log_dir} cannot be read: {error}", READ_RIGHTS)
        return
    worse = [*beside, *(damage for damage in checked.damages if not damage.torn_tail)]
    yield from map(_damaged, worse)
    if not worse:
        told = f"{checked.files} segment files, {checked.batches:,} batches, none damaged"
        yield Finding(f"{log_dir}: {told}")


def _damaged(damage: Damage) -> Finding:
    place = f" at byte {damage.position}" if damage.position else ""
    return Finding(f"{damage.path}: damaged{place}: {damage.reason}", damage.way_out)


def check_bootstrap(kafka: KafkaConfig, where: list[Address]) -> Iterator[Finding]:
    """Whoever moves the broker's port must tell the others."""
    broker = next((one for one in where if one.purpose == "kafka"), None)
    if broker is None or broker.port <= 0:
        return
    ports = [text.rpartition(":")[2].strip() for text in kafka.bootstrap_servers.split(",")]
    if str(broker.port) not in ports:
        yield Finding(
            f"the broker listens on {broker}, the other roles connect to {kafka.bootstrap_servers}",
            f'set bootstrap_servers = "{broker}" in [kafka]',
        )


def check_health(address: Address) -> Finding:
    """Whether the role answers on this address."""
    url = f"http://{address}{HEALTH_PATHS[address.purpose]}"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S):
            return Finding(f"{address.role}: {url} answers")
    except urllib.error.HTTPError as error:
        reason = error.read(500).decode(errors="replace").strip() or error.reason
        told = f"{address.role}: {url} answers {error.code}"
    except OSError as error:
        reason, told = str(error), f"{address.role}: {url} does not answer"
    return Finding(told, f"{reason}; see logs/{address.role}.log in the data directory")


def check_cluster(kafka: KafkaConfig) -> Iterator[Finding]:
    """Topics, partitions, sites and how far behind our groups are."""
    admin = Admin(kafka, "footfall-doctor")
    try:
        cluster = admin.metadata(TIMEOUT_S)
        groups = admin.list_groups(TIMEOUT_S)
        lags = group_lags(admin, groups)
        registered = sites.list_sites(kafka)
    except (ClusterUnavailable, KafkaFailure) as error:
        yield Finding(
            f"the broker at {kafka.bootstrap_servers} does not answer: {error}",
            "see logs/broker.log, and bootstrap_servers in [kafka]",
        )
        return
    yield Finding(f"broker at {kafka.bootstrap_servers}: {len(cluster.topics)} topics")
    for topic in topics.ALL:
        if topic.name not in cluster.topics:
            yield Finding(f"topic {topic.name} is missing", "ingest creates it: is ingest running?")
    for name, partitions in sorted(cluster.topics.items()):
        if offline := [part.index for part in partitions if part.leader < 0]:
            yield Finding(f"topic {name}: partitions {offline} are offline", "see logs/broker.log")
    for group, offsets in sorted(lags.items()):
        behind = sum(lag for _, lag in offsets.values())
        slow = f"see the log of the role that reads as {group}" if behind > LAG_RECORDS_MAX else ""
        yield Finding(f"group {group}: {behind:,} records behind", slow)
    yield Finding(
        f"{len(registered)} {'site is' if len(registered) == 1 else 'sites are'} registered",
        ""
        if registered
        else "run `footfall site add example.com`; until then every event is refused",
    )
