"""Starts ingest: one serving process, or the parent of several."""

import asyncio
import signal

import uvloop

from footfall.settings import load
from tracker.config import IngestConfig, KafkaConfig, load_kafka
from tracker.ingest import role, workers
from tracker.start import Start, log_to_stderr


def run_ingest(start: Start, worker: int | None, port: int | None) -> int:
    """One serving process, or the parent of several; `worker` says that we are one of them."""
    kafka = load_kafka(start.config)
    config = load("ingest", IngestConfig, start.config)
    log_to_stderr(start)
    data_dir = start.data_directory()
    if worker is None and config.workers > 1:
        arguments = ["-P", "-m", "tracker", "ingest"]
        if start.config is not None:
            arguments += ["--config", str(start.config)]
        arguments += ["--data-dir", str(data_dir)]
        uvloop.run(workers.Workers(config, data_dir, arguments).run(role.say_ready))
        return 0
    place = role.Place(data_dir, config.port if port is None else port, worker)
    uvloop.run(_serve(kafka, config, place))
    return 0


async def _serve(kafka: KafkaConfig, config: IngestConfig, place: role.Place) -> None:
    if place.worker is None:
        await role.serve(kafka, config, place, role.say_ready)
        return
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(role.serve(kafka, config, place, role.say_ready))
        parent = tasks.create_task(workers.stop_with_parent(_stop))
        await asyncio.wait((serving,))
        parent.cancel()


def _stop() -> None:
    """As a supervisor would ask: `role.serve` listens for it."""
    signal.raise_signal(signal.SIGTERM)
