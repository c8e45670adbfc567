"""`python -m broker --config FILE --data-dir DIR`: the broker as a process of its own.

Prints `READY broker HOST:PORT` when it serves. Exit codes: 0 clean stop, 78 bad settings, 1 when
it cannot start (port taken, directory in use).
"""

import argparse
import asyncio
import faulthandler
import gc
import logging
import signal
import sys
from pathlib import Path

import uvloop

from broker.app import Broker, CannotStart, Serving
from broker.clock import SystemClock
from broker.config import BrokerConfig, CommonConfig
from broker.freed_memory import keep_freed_memory
from footfall.data_format import claim
from footfall.settings import EXIT_CONFIG, SettingsError, load

EXIT_CANNOT_START = 1
THREAD_SWITCH_S = 0.0005
"""How long a busy event loop keeps the disk thread from going on after a sync. Python's own 5 ms
costs up to 10 ms of latency at the 99th percentile; 0.1 ms costs throughput (docs/adr)."""

GARBAGE_ALLOCATIONS = (10_000, 10, 10)
"""Thresholds of the collector of reference cycles. A request makes no cycles, so that Python's own
700 spends a seventh of a busy broker's processor time on finding nothing (docs/adr)."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="broker", description="A Kafka-protocol broker.")
    parser.add_argument("--config", type=Path, help="settings file (footfall.toml)")
    parser.add_argument("--data-dir", type=Path, help="overrides data_dir of the settings")
    arguments = parser.parse_args()
    try:
        common = load("footfall", CommonConfig, arguments.config)
        config = load("broker", BrokerConfig, arguments.config)
        data_dir: Path = arguments.data_dir or Path(common.data_dir)
        claim(data_dir)
    except SettingsError as error:
        print(f"broker: {error}", file=sys.stderr)
        return EXIT_CONFIG
    faulthandler.enable()
    keep_freed_memory()
    sys.setswitchinterval(THREAD_SWITCH_S)
    logging.basicConfig(
        level=common.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        broker = Broker(config, data_dir, SystemClock())
    except SettingsError as error:
        print(f"broker: {error}", file=sys.stderr)
        return EXIT_CONFIG
    try:
        uvloop.run(_serve(broker))
    except CannotStart as error:
        print(f"broker: {error}", file=sys.stderr)
        return EXIT_CANNOT_START
    return 0


async def _serve(broker: Broker) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await broker.run(_announce, stopping)


def _announce(serving: Serving) -> None:
    gc.collect()
    gc.freeze()  # modules, tables and open logs stay: never look through them again
    gc.set_threshold(*GARBAGE_ALLOCATIONS)
    print(f"READY broker {serving.address.host}:{serving.address.port}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
