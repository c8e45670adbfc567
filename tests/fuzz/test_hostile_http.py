"""Requests that nobody should send, at a running endpoint: visitors are served, no 202 is false.

FOOTFALL_TEST_SEED=n sends the requests of one seed again (support/thrown_dice).
"""

import asyncio
import os
import random
from pathlib import Path

import psutil
import pytest

from tests.fuzz.http_requests import burst
from tests.support.kafka_address import new_site
from tests.support.ports import free_port
from tests.support.role_process import RoleProcess
from tests.support.running_broker import broker_process
from tests.support.running_ingest import events_of, register
from tests.support.thrown_dice import thrown_dice
from tests.support.visitors import Visitors
from tracker.config import KafkaConfig
from tracker.kafka.topics import ensure_topics
from tracker.topics import ALL

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "exhaustive"
CONNECTIONS = 10_000 if LONG else 100
AT_ONCE = 32
LISTEN_S = 0.05
GROWTH_BYTES_MAX = 64 * 2**20
QUIET_S = 30.0

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]


async def attack(port: int, seed: int, connections: int) -> None:
    """So many connections, some at once; answers are read for a moment, and not looked at."""
    numbers = iter(range(connections))

    async def attacker() -> None:
        for number in numbers:
            dice = random.Random(f"{seed}-{number}")
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                data = burst(dice)
                half = dice.randrange(len(data) + 1) if dice.random() < 0.3 else len(data)
                writer.write(data[:half])
                async with asyncio.timeout(LISTEN_S):
                    while await reader.read(65_536):
                        pass
            except (TimeoutError, OSError):
                pass
            finally:
                writer.transport.abort()

    await asyncio.gather(*(attacker() for _ in range(AT_ONCE)))


def sockets_of(process: psutil.Process) -> int:
    return sum(one.status == psutil.CONN_ESTABLISHED for one in process.net_connections())


def test_requests_that_nobody_should_send_bring_nothing_down(tmp_path: Path) -> None:
    with thrown_dice(tmp_path) as seed:
        look_what_they_do(tmp_path, seed)


def look_what_they_do(tmp_path: Path, seed: int) -> None:
    site, port = new_site(), free_port()
    config = tmp_path / "footfall.toml"
    with broker_process(tmp_path / "broker") as broker:
        ensure_topics(KafkaConfig(bootstrap_servers=broker.bootstrap), ALL)
        register(broker.bootstrap, site)
        config.write_text(
            f'[kafka]\nbootstrap_servers = "{broker.bootstrap}"\n'
            f"[ingest]\nport = {port}\nmetrics_port = 0\nmax_requests_per_second = 1000000\n"
        )
        ingest = RoleProcess("ingest", config, tmp_path)
        try:
            ingest.start()
            process = psutil.Process(ingest.pid)
            with Visitors(port, site, browsers=2) as visitors:
                visitors.wait_for_more(20)
                idle = sockets_of(process)
                asyncio.run(attack(port, seed, CONNECTIONS // 10))
                warm = process.memory_info().rss
                asyncio.run(attack(port, seed + 1, CONNECTIONS))
                visitors.wait_for_more(20)
            grown = process.memory_info().rss - warm
            print(visitors.answers, f"{grown / 2**20:.0f} MiB more", process.num_fds(), idle)
            on_topic = {event.event_id for event in events_of(broker.bootstrap, site)}

            assert visitors.answers.keys() == {202}
            assert visitors.stored <= on_topic
            assert "Traceback" not in ingest.log.read_text()
            assert grown <= GROWTH_BYTES_MAX
            assert process.num_fds() < 100
            assert ingest.stop() == 0
        finally:
            ingest.kill()
