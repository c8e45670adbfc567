"""Several serving processes on one port (SO_REUSEPORT), supervised; the kernel spreads connections.

The parent serves no requests: it holds the port's number, starts the workers again when they die,
and answers Prometheus for all of them. A worker whose parent is gone sees its stdin end and stops.
"""

import asyncio
import contextlib
import logging
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tracker import metrics as tracker_metrics
from tracker.config import IngestConfig, child_environment
from tracker.ingest.role import PortTaken, listen

log = logging.getLogger(__name__)

STOP_S: Final = 15.0  # then a worker is killed
RESTART_FIRST_S: Final = 0.2
RESTART_MOST_S: Final = 10.0


class Workers:
    """The parent's view: one task a worker, all children of one TaskGroup."""

    def __init__(self, config: IngestConfig, data_dir: Path, arguments: Sequence[str]) -> None:
        """`arguments` start one worker; its number and port are added."""
        self._config = config
        self._arguments = arguments
        self._metrics_dir = data_dir / "ingest" / "metrics"
        self._stopping = asyncio.Event()
        self._have_served: set[int] = set()  # workers that were ready once
        self._all_serving = asyncio.Event()

    async def run(self, ready: Callable[[str], None]) -> None:
        """Until SIGTERM or SIGINT; raises PortTaken."""
        config = self._config
        listen(config.host, config.port).close()  # nobody else may have it
        holder = listen(config.host, config.port, shared=True)
        port = holder.getsockname()[1]
        shutil.rmtree(self._metrics_dir, ignore_errors=True)
        self._metrics_dir.mkdir(parents=True)
        registry = tracker_metrics.registry_of_workers(self._metrics_dir)
        try:
            scrape = tracker_metrics.serve(registry, config.metrics_host, config.metrics_port)
        except OSError as error:
            holder.close()
            raise PortTaken(
                f"port {config.metrics_host}:{config.metrics_port} cannot be used"
                f" ({error.strerror}): set another [ingest] metrics_port"
            ) from error
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        try:
            async with asyncio.TaskGroup() as tasks:
                for worker in range(config.workers):
                    tasks.create_task(self._keep(worker, port), name=f"worker-{worker}")
                await _first_of(self._all_serving, self._stopping)
                if not self._stopping.is_set():
                    ready(f"http://{config.host}:{port}")
                await self._stopping.wait()
        finally:
            scrape.shutdown()
            scrape.server_close()
            holder.close()

    async def _keep(self, worker: int, port: int) -> None:
        """One worker after the other, with growing pauses between deaths."""
        pause_s = RESTART_FIRST_S
        while not self._stopping.is_set():
            process = await self._started(worker, port)
            assert process.stdout is not None
            line = await process.stdout.readline()
            if line.startswith(b"READY"):
                pause_s = RESTART_FIRST_S
                self._have_served.add(worker)
                if len(self._have_served) == self._config.workers:
                    self._all_serving.set()
            await self._until_end(process)
            tracker_metrics.forget_worker(process.pid, self._metrics_dir)
            if not self._stopping.is_set():
                log.error("worker ended worker=%d exit=%s", worker, process.returncode)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause_s)
                pause_s = min(pause_s * 2, RESTART_MOST_S)

    async def _started(self, worker: int, port: int) -> asyncio.subprocess.Process:
        """It says READY on its stdout; when its stdin ends, so does the worker."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *self._arguments,
            f"--worker={worker}",
            f"--port={port}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=child_environment(PROMETHEUS_MULTIPROC_DIR=str(self._metrics_dir)),
        )

    async def _until_end(self, process: asyncio.subprocess.Process) -> None:
        """Return when the process has ended; asks it to when we are stopping."""
        async with asyncio.TaskGroup() as tasks:
            ended = tasks.create_task(process.wait())
            stopping = tasks.create_task(self._stopping.wait())
            await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if ended.done():
                return
            process.terminate()
            try:
                await asyncio.wait_for(asyncio.shield(ended), STOP_S)
            except TimeoutError:
                process.kill()


async def _first_of(*events: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(event.wait()) for event in events]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()


async def stop_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` when stdin ends: the parent holds its other end and never writes."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    stop()
