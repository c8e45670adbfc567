"""A broker whose clock jumps and whose disk is slow or full when it is told so.

`python -m tests.support.workload.hostile_broker --data-dir DIR` is `python -m broker` with another
clock and another disk. Each line on its standard input is a `Weather` as JSON; it holds from then
on. `HostileBroker` is the handle of a test on such a process.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop

from broker.app import Broker, Serving
from broker.clock import SystemClock
from broker.config import BrokerConfig
from broker.storage.files import Buffer, File, OsFile, OsFiles, disk_full
from footfall.settings import load
from tests.support.running_broker import BrokerProcess


@dataclass(frozen=True, slots=True)
class Weather:
    """What the broker's machine is like."""

    clock_ahead_ms: int = 0
    """Of the wall clock; the monotonic one has nothing to do with it."""
    sync_delay_s: float = 0.0
    """What every fdatasync takes longer."""
    disk_is_full: bool = False


class Machine:
    """The weather that holds now: written by one thread, read by all."""

    def __init__(self) -> None:
        self.weather = Weather()

    def listen(self) -> None:
        """Take weather from standard input until it ends."""
        for line in sys.stdin:
            self.weather = Weather(**json.loads(line))


class JumpingClock(SystemClock):
    """The operating system's clocks, the wall clock moved as the weather says."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def now_ms(self) -> int:
        return super().now_ms() + self._machine.weather.clock_ahead_ms


class HostileFile(OsFile):
    """A file on a disk that is slow or full when the weather says so."""

    __slots__ = ("_machine",)

    def __init__(self, machine: Machine, path: str, *, create: bool) -> None:
        super().__init__(path, create=create)
        self._machine = machine

    def append(self, chunks: Sequence[Buffer]) -> int:
        if self._machine.weather.disk_is_full:
            raise disk_full(self.path, sum(map(len, chunks)))
        return super().append(chunks)

    def sync(self) -> None:
        time.sleep(self._machine.weather.sync_delay_s)
        super().sync()


class HostileFiles(OsFiles):
    """A file system of such files."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def open(self, path: str, *, create: bool = False) -> File:
        if create and self._machine.weather.disk_is_full and not os.path.exists(path):
            raise disk_full(path, 0)
        return HostileFile(self._machine, path, create=create)


class HostileBroker(BrokerProcess):
    """The process, seen from the test."""

    module = "tests.support.workload.hostile_broker"
    stdin = subprocess.PIPE

    def __init__(self, data_dir: Path, settings: dict[str, Any]) -> None:
        super().__init__(data_dir, settings)
        self.killed_s: list[float] = []
        """When it was killed, on the clock of histories."""

    def kill(self) -> None:
        self.killed_s.append(time.monotonic())
        super().kill()

    def have(self, weather: Weather) -> None:
        """Change the weather of the running process; a new process begins with fair weather."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(weather)) + "\n")
        self._process.stdin.flush()

    def pause(self, seconds: float) -> None:
        """Nothing of it runs meanwhile, its sockets stay open."""
        os.kill(self.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.pid, signal.SIGCONT)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level="INFO", stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    machine = Machine()
    threading.Thread(target=machine.listen, daemon=True).start()
    config = load("broker", BrokerConfig, None)
    broker = Broker(config, arguments.data_dir, JumpingClock(machine), HostileFiles(machine))
    uvloop.run(_serve(broker))


async def _serve(broker: Broker) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await broker.run(_announce, stopping)


def _announce(serving: Serving) -> None:
    print(f"READY broker {serving.address.host}:{serving.address.port}", flush=True)


if __name__ == "__main__":
    main()
