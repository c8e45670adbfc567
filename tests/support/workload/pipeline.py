"""The tracker's own way of an event, end to end, while everything on it is killed, filled, slowed.

POST, 202, topic, then the rollups and the warehouse. Visitors repeat what was not acknowledged with
the same id, as the beacon does. The dice come from the seed.
"""

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.appliance import eventually
from tests.support.kafka_address import new_site
from tests.support.ports import free_port
from tests.support.role_process import RoleProcess
from tests.support.running_ingest import events_of, register
from tests.support.visitors import Visitors
from tests.support.workload.hostile_broker import HostileBroker, Weather
from tests.support.workload.pipeline_rules import Broken, Seen, check
from tests.support.workload.run import MISFORTUNES
from tracker import rollups
from tracker.config import KafkaConfig
from tracker.kafka.topics import ensure_topics
from tracker.reports.overview import overview
from tracker.topics import ALL

ROLES: Final = ("ingest", "aggregate", "export")
CALM_S: Final = 90.0
"""How long the way may take to be free again; the machine may be full."""
PAUSED: Final = ", paused"
FULL: Final = ", disk full"
SETTLE_S: Final = 1.0
"""What would come twice comes in this time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed."""

    broken: list[tuple[Broken, str]]
    happened: Counter[str]
    accepted: int


def run(directory: Path, seed: int, seconds: float) -> Outcome:
    """Visitors at work for so long; everything lies under `directory`."""
    dice = random.Random(seed)
    broker = HostileBroker(directory / "broker", {})
    happened: Counter[str] = Counter()
    try:
        broker.start()
        site = new_site()
        ensure_topics(KafkaConfig(bootstrap_servers=broker.bootstrap), ALL)
        register(broker.bootstrap, site)
        port = free_port()
        with _roles(directory, broker.bootstrap, port) as roles:
            with Visitors(port, site) as visitors:
                visitors.wait_for_more(20)
                ends_s = time.monotonic() + seconds
                while time.monotonic() < ends_s:
                    time.sleep(dice.uniform(0.1, 1.0))
                    happened[_misfortune(broker, roles, dice)] += 1
                broker.have(Weather())
                visitors.wait_for_more(20)
            seen = _calm(directory, broker.bootstrap, site, visitors)
        return Outcome(list(check(seen)), happened, len(visitors.stored))
    finally:
        broker.close()


@contextmanager
def _roles(directory: Path, bootstrap: str, port: int) -> Iterator[dict[str, RoleProcess]]:
    config = directory / "footfall.toml"
    config.write_text(
        f'[kafka]\nbootstrap_servers = "{bootstrap}"\n'
        f"[ingest]\nport = {port}\nmetrics_port = 0\n"
        "[stream]\nmetrics_port = 0\n[export]\nmetrics_port = 0\n"
    )
    roles = {name: RoleProcess(name, config, directory) for name in ROLES}
    try:
        for role in roles.values():
            role.start()
        yield roles
    finally:
        for role in roles.values():
            role.kill()


def _misfortune(broker: HostileBroker, roles: dict[str, RoleProcess], dice: random.Random) -> str:
    """One of the broker's, or of a role's; its name."""
    of_roles = [f"{role}{what}" for role in roles for what in ("", PAUSED, FULL)]
    name = dice.choice((*MISFORTUNES, *of_roles))
    if name in MISFORTUNES:
        MISFORTUNES[name](broker, dice)
        if dice.random() < 0.5:
            broker.have(Weather())
        return f"broker: {name}"
    role = roles[name.partition(",")[0]]
    if name.endswith(PAUSED):
        os.kill(role.pid, signal.SIGSTOP)
        time.sleep(dice.uniform(0.2, 1.5))
        os.kill(role.pid, signal.SIGCONT)
        return name
    if name.endswith(FULL):
        role.fill_disk()
        time.sleep(dice.uniform(0.2, 2.0))
        if dice.random() < 0.7:
            role.free_disk()
            return name
    role.kill()
    role.start()
    return name


def _calm(directory: Path, bootstrap: str, site: str, visitors: Visitors) -> Seen:
    """What stands everywhere once the way is free again, or after a long while."""
    on_topic = {event.event_id for event in events_of(bootstrap, site)}
    _wait(lambda: on_topic <= _rows(directory, site).keys())
    _wait(lambda: _counted(directory, site) >= len(on_topic))
    time.sleep(SETTLE_S)
    return Seen(
        sent=visitors.sent,
        accepted=visitors.stored,
        on_topic=on_topic,
        rows=_rows(directory, site),
        counted=_counted(directory, site),
        answers=visitors.answers,
        refused_for_ever=visitors.refused_for_ever,
    )


def _wait(is_so: Callable[[], bool]) -> None:
    """Until it is so, or for ever so long: the rules tell then what is missing."""
    try:
        eventually(is_so, CALM_S, lambda: "")
    except AssertionError:
        pass


def _rows(directory: Path, site: str) -> dict[str, int]:
    query = "select event_id, count(*) from events where site_id = ? group by event_id"
    with closing(sqlite3.connect(directory / "warehouse.db", timeout=30)) as database:
        return {str(event): int(times) for event, times in database.execute(query, (site,))}


def _counted(directory: Path, site: str) -> int:
    with closing(rollups.open_for_reading(directory / "rollups.db")) as database:
        return overview(database, site, 0, 2**48).page_views
