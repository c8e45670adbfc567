"""One run: clients at work, a broker that suffers, a calm end, and the checker's judgement.

The dice of the clients and of the misfortunes come from the seed; what really happens also depends
on how the processes are scheduled, so a seed leads near a failure, not always to it. The history
is the evidence and stays beside the broker's data.
"""

import asyncio
import random
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic
from tests.support.workload import (
    crew_member,
    group_member,
    legal_loss,
    library_clients,
    mill,
    raw_clients,
    raw_transactions,
    share_member,
)
from tests.support.workload.anomaly import Anomaly
from tests.support.workload.checker import check
from tests.support.workload.final_reading import read_everything
from tests.support.workload.history import (
    Acknowledged,
    Commit,
    Delivered,
    Ended,
    Event,
    Killed,
    Polled,
    Recorder,
)
from tests.support.workload.hostile_broker import HostileBroker, Weather
from tests.support.workload.world import World

TOPIC: Final = "orders"
PARTITIONS: Final = 3
CALM_S: Final = 2.5
RECOVERY_S_MAX: Final = 90.0
"""So long nobody may stay idle in the calm at the end; the machine may be full."""
HOUR_MS: Final = 3_600_000
BROKER_SETTINGS: Final[dict[str, int]] = {
    "transaction_state_log_num_partitions": 4,
    "group_min_session_timeout_ms": 500,
    "log_segment_bytes": 200_000,
    "log_flush_offset_checkpoint_interval_ms": 1_000,
    "log_cleaner_backoff_ms": 500,
    "log_retention_check_interval_ms": 500,
    # librdkafka 2.16 may wait for ever in send_offsets_to_transaction once its coordinator went
    # away, with no request on the way; when a connection ends it looks again.
    "connections_max_idle_ms": 3_000,
    "transaction_abort_timed_out_transaction_cleanup_interval_ms": 500,
    **share_member.SETTINGS,
    **crew_member.SETTINGS,
}
Client = Callable[[World, str, random.Random], None]


def on_tickets(world: World) -> World:
    return world.on(raw_transactions.TICKETS, raw_transactions.TICKETS_PARTITIONS)


def share_tickets(world: World, name: str, dice: random.Random) -> None:
    """A member of the share group."""
    share_member.share(on_tickets(world), name, dice)


CLIENTS: Final[dict[str, Client]] = {
    "plain": raw_clients.write_plainly,
    "again": raw_clients.write_idempotently,
    "library": library_clients.write_with_idempotence,
    "bank": library_clients.write_in_transactions,
    "shop": library_clients.write_in_transactions,
    "fast": library_clients.read_fast,
    "slow": library_clients.read_slowly,
    "deaf": raw_clients.never_read,
    "mill1": mill.mill,
    "mill2": mill.mill,
    "till": raw_transactions.sell_tickets,
    "scribe": legal_loss.write_journal,
    "axe": legal_loss.cut_journal,
    "clerk": legal_loss.write_ledger,
    "author": legal_loss.write_diary,
    "browser": legal_loss.browse,
    "queue1": share_tickets,
    "queue2": share_tickets,
}
TOPICS: Final[dict[str, tuple[int, dict[str, str]]]] = {
    TOPIC: (PARTITIONS, {}),
    mill.FLOUR: (mill.FLOUR_PARTITIONS, {}),
    raw_transactions.TICKETS: (raw_transactions.TICKETS_PARTITIONS, {}),
    legal_loss.JOURNAL: (1, {}),
    legal_loss.LEDGER: (1, legal_loss.LEDGER_CONFIG),
    legal_loss.SLATE: (1, legal_loss.SLATE_CONFIG),
    legal_loss.DIARY: (1, legal_loss.DIARY_CONFIG),
    legal_loss.NEWS: (1, legal_loss.NEWS_CONFIG),
}
"""Partitions and settings of each topic; the clock may be hours ahead of what is written."""
MEMBERS: Final = 3

Misfortune = Callable[[HostileBroker, random.Random], None]


def killed(broker: HostileBroker, dice: random.Random) -> None:
    """kill -9, some time without a broker, and a new start."""
    broker.kill()
    time.sleep(dice.uniform(0, 0.3))
    broker.start()


def paused(broker: HostileBroker, dice: random.Random) -> None:
    """As a machine that swaps: alive, and silent."""
    broker.pause(dice.uniform(0.2, 1.0))


def clock_jumped(broker: HostileBroker, dice: random.Random) -> None:
    """The wall clock is set, far ahead or back; it stays so for a while."""
    broker.have(Weather(clock_ahead_ms=dice.randint(-10 * HOUR_MS, 10 * HOUR_MS)))
    time.sleep(dice.uniform(0.3, 1.0))


def clock_jumped_and_killed(broker: HostileBroker, dice: random.Random) -> None:
    """The wall clock goes back with the new start."""
    clock_jumped(broker, dice)
    killed(broker, dice)


def disk_slowed(broker: HostileBroker, dice: random.Random) -> None:
    """Every sync takes up to a quarter of a second longer."""
    broker.have(Weather(sync_delay_s=dice.uniform(0.02, 0.25)))
    time.sleep(dice.uniform(0.5, 1.5))
    broker.have(Weather())


def disk_slowed_and_killed(broker: HostileBroker, dice: random.Random) -> None:
    """Killed with much of the work between write and sync."""
    broker.have(Weather(sync_delay_s=dice.uniform(0.05, 0.25)))
    time.sleep(dice.uniform(0.3, 0.8))
    killed(broker, dice)


def disk_filled(broker: HostileBroker, dice: random.Random) -> None:
    """No byte fits for a while."""
    broker.have(Weather(disk_is_full=True))
    time.sleep(dice.uniform(0.3, 1.0))
    broker.have(Weather())


def disk_filled_and_killed(broker: HostileBroker, dice: random.Random) -> None:
    """Killed while writes are refused."""
    broker.have(Weather(disk_is_full=True))
    time.sleep(dice.uniform(0.2, 0.5))
    killed(broker, dice)


MISFORTUNES: Final[dict[str, Misfortune]] = {
    "kill -9": killed,
    "pause": paused,
    "clock jump": clock_jumped,
    "clock jump, kill -9": clock_jumped_and_killed,
    "slow disk": disk_slowed,
    "slow disk, kill -9": disk_slowed_and_killed,
    "full disk": disk_filled,
    "full disk, kill -9": disk_filled_and_killed,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does; the same seed throws the same dice."""

    seed: int
    seconds: float
    misfortunes: Sequence[str] = tuple(MISFORTUNES)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed."""

    anomalies: list[Anomaly]
    happened: Counter[str]
    """Events by kind, and misfortunes by name."""
    idle: list[str]
    """Clients that got nothing done in the calm at the end: they did not recover."""


def run(directory: Path, plan: Plan) -> Outcome:
    """Play one plan on a broker whose data stands in `directory`."""
    dice = random.Random(plan.seed)
    broker = HostileBroker(directory / "broker", BROKER_SETTINGS)
    happened: Counter[str] = Counter()
    try:
        broker.start()
        with Recorder(directory / "history.jsonl") as recorder:
            world = World(broker.host, broker.port, TOPIC, PARTITIONS, recorder)
            asyncio.run(_prepare(world))
            legal_loss.note_what_may_go(world)
            with clients_at_work(world, dice):
                ends_s = time.monotonic() + plan.seconds
                while time.monotonic() < ends_s:
                    time.sleep(dice.uniform(0.1, 1.0))
                    name = dice.choice(plan.misfortunes)
                    MISFORTUNES[name](broker, dice)
                    happened[name] += 1
                broker.have(Weather())
                calm_s = time.monotonic()
                if idle := _wait_for_everyone(recorder, calm_s):
                    _note_where_they_stand(directory / "idle.txt", idle)
            share_member.drain(on_tickets(world))
            for topic, (partitions, _) in TOPICS.items():
                read_everything(world.on(topic, partitions))
            mill.note_what_is_left_behind(world)
            broker.stop()
            for at_s in broker.killed_s:
                recorder.add(Killed(at_s))
            happened.update(type(event).__name__ for event in recorder.events)
            return Outcome(check(recorder.events), happened, _idle(recorder.events, calm_s))
    finally:
        broker.close()


async def _prepare(world: World) -> None:
    async with await RawClient.connect(world.host, world.port) as client:
        for topic, (partitions, configs) in TOPICS.items():
            await make_topic(
                client,
                topic,
                partitions,
                message_timestamp_after_max_ms=str(100 * HOUR_MS),
                **configs,
            )
        await share_member.prepare(client)


@contextmanager
def clients_at_work(world: World, dice: random.Random) -> Iterator[None]:
    """All clients run until the block ends; what one of them raises is raised here."""
    work = [(client, name) for name, client in CLIENTS.items()]
    work += [(group_member.be_member, "team"), (crew_member.be_crew, "crew")] * MEMBERS
    with ThreadPoolExecutor(len(work)) as threads:
        running = [
            threads.submit(_be, client, world, name, random.Random(dice.getrandbits(64)))
            for client, name in work
        ]
        try:
            yield
        finally:
            world.stopping.set()
        for one in running:
            one.result()


def _be(client: Client, world: World, name: str, dice: random.Random) -> None:
    threading.current_thread().name = name
    client(world, name, dice)


def _active(event: Event) -> str | None:
    """The client that got something done with this event."""
    match event:
        case Acknowledged(value=value):
            return value.partition("-")[0].partition(".")[0]
        case Ended(transaction=transaction):
            return transaction.partition(".")[0]
        case Polled(session=session):
            return session.partition("-")[0]
        case Commit(group=group, acknowledged=True):
            return group
        case Delivered(member=member):
            return member.partition("-")[0]
    return None


def _idle(events: Sequence[Event], since_s: float) -> list[str]:
    expected = {*CLIENTS, "team", "crew"} - {"deaf", "axe"}
    return sorted(expected - {_active(event) for event in events if event.at_s >= since_s})


def _wait_for_everyone(recorder: Recorder, calm_s: float) -> list[str]:
    """Give all clients time to recover: a while at least, and long if one needs it.

    Those that have not recovered then.
    """
    time.sleep(CALM_S)
    deadline_s = time.monotonic() + RECOVERY_S_MAX
    while idle := _idle(list(recorder.events), calm_s):
        if time.monotonic() >= deadline_s:
            return idle
        time.sleep(0.2)
    return []


def _note_where_they_stand(path: Path, idle: list[str]) -> None:
    """Write what the thread of each client is doing: the evidence of who hangs, and in what."""
    frames = sys._current_frames()
    with path.open("w") as file:
        file.write(f"idle: {', '.join(idle)}\n")
        for thread in threading.enumerate():
            file.write(f"\n{thread.name}\n")
            traceback.print_stack(frames.get(thread.ident or 0), file=file)
