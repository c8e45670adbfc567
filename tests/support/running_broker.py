"""A real broker for tests: in this process on a free port, or as a child that can be killed.

async with running_broker(tmp_path) as broker: ... broker.bootstrap ...
with broker_process(tmp_path) as broker: ... broker.kill(); broker.start() ...
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker.app import Broker, Serving
from broker.clock import Clock, SystemClock
from broker.config import BrokerConfig
from broker.handlers.handler import Services
from broker.storage.files import Files
from tests.support.ports import free_port

STOP_TIMEOUT_S = 50.0
QUICK: dict[str, Any] = {"group_initial_rebalance_delay_ms": 0, "offsets_topic_num_partitions": 4}
"""Settings that save a test seconds and change nothing that it looks at."""


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """A broker that answers in this process."""

    host: str
    port: int
    metrics_port: int | None
    services: Services

    @property
    def bootstrap(self) -> str:
        return f"{self.host}:{self.port}"


@contextlib.asynccontextmanager
async def running_broker(
    data_dir: Path, clock: Clock | None = None, files: Files | None = None, **settings: Any
) -> AsyncIterator[RunningBroker]:
    """A broker in this event loop; the way out is a clean stop. `settings`: fields of [broker]."""
    config = BrokerConfig(**{"port": free_port(), "metrics_port": -1, **QUICK, **settings})
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    serving: asyncio.Future[Serving] = loop.create_future()
    broker = Broker(config, data_dir, clock or SystemClock(), files)
    life = loop.create_task(broker.run(serving.set_result, stopping))
    either: list[asyncio.Future[Any]] = [life, serving]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        await life  # raises why it could not start
    made = serving.result()
    try:
        yield RunningBroker(made.address.host, made.address.port, made.metrics_port, made.services)
    finally:
        stopping.set()
        await life


class BrokerProcess:
    """A broker as a child process; keeps its port and its data over restarts."""

    module = "broker"
    stdin = subprocess.DEVNULL

    def __init__(self, data_dir: Path, settings: dict[str, Any]) -> None:
        self._data_dir = data_dir
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self.host = "127.0.0.1"
        self.port = free_port()

    @property
    def bootstrap(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it serves; RuntimeError with its last words if it does not."""
        settings = {"port": self.port, "metrics_port": -1, **QUICK, **self._settings}
        environment = {
            **os.environ,
            **{f"FOOTFALL_BROKER__{key.upper()}": str(value) for key, value in settings.items()},
        }
        errors = (self._data_dir.parent / f"{self._data_dir.name}.stderr").open("a")
        with errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, "--data-dir", str(self._data_dir)],
                stdin=self.stdin,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("READY broker"):
            self._process.wait(STOP_TIMEOUT_S)
            raise RuntimeError(f"broker did not start: {Path(errors.name).read_text()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is said."""
        assert self._process is not None
        self._process.kill()
        self._reap()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._reap()

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def _reap(self) -> int:
        assert self._process is not None
        code = self._process.wait(STOP_TIMEOUT_S)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        return code


@contextlib.contextmanager
def broker_process(data_dir: Path, **settings: Any) -> Iterator[BrokerProcess]:
    """A broker as a child process, killed on the way out."""
    process = BrokerProcess(data_dir, settings)
    try:
        process.start()
        yield process
    finally:
        process.close()
