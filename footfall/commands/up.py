"""`footfall up`: every role as a child process, until Ctrl-C or SIGTERM."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

from rich.console import Console

from footfall import data_dir as directory
from footfall.config import UpConfig
from footfall.console import ConsoleObserver, greeting, log_files
from footfall.data_format import check_format, claim
from footfall.lifecycle import RestartPolicy
from footfall.roles import Role, addresses, chosen, role_arguments
from footfall.section_check import check_sections
from footfall.settings import CommonConfig, load
from footfall.supervisor import Plan, Supervisor


@dataclass(frozen=True, slots=True)
class Appliance:
    """What the settings say is to run, and where."""

    config: Path | None
    data_dir: Path
    settings: UpConfig
    roles: tuple[Role, ...]


def appliance(config: Path | None, data_dir: Path | None) -> Appliance:
    """Reads the settings; raises SettingsError."""
    common = load("footfall", CommonConfig, config)
    settings = load("up", UpConfig, config)
    return Appliance(
        config=None if config is None else config.absolute(),
        data_dir=(data_dir or Path(common.data_dir)).absolute(),
        settings=settings,
        roles=chosen(settings.roles),
    )


def up(config: Path | None, data_dir: Path | None, console: Console) -> int:
    """Runs the appliance; its exit code. Raises SettingsError or StartRefused before it starts."""
    begun = time.monotonic()
    plan = appliance(config, data_dir)
    check_sections(config)
    where = [address for role in plan.roles for address in addresses(role, plan.config)]
    check_format(plan.data_dir)
    directory.prepare(plan.data_dir, plan.settings.disk_free_bytes_min)
    held = directory.lock(plan.data_dir)
    try:
        directory.check_ports(where)
        claim(plan.data_dir)
        settings = plan.settings
        logs = log_files(
            plan.data_dir,
            [role.name for role in plan.roles],
            settings.log_file_bytes,
            settings.log_files_kept,
        )
        observer = ConsoleObserver(console, logs)

        def tell_that_it_is_up() -> None:
            for line in greeting(where, plan.data_dir, time.monotonic() - begun, config):
                observer.event(line, False)

        supervisor = Supervisor(_plan(plan, held), observer, SystemRandom().random)
        code = asyncio.run(_until_stopped(supervisor, observer, tell_that_it_is_up))
        observer.event("stopped" if code == 0 else f"stopped with exit code {code}", code != 0)
        observer.close()
        return code
    finally:
        held.release()


def _plan(plan: Appliance, held: directory.Lock) -> Plan:
    settings = plan.settings
    return Plan(
        roles=plan.roles,
        arguments=lambda role: role_arguments(role, plan.config, plan.data_dir),
        lock_descriptor=held.descriptor,
        policy=RestartPolicy(
            settings.restart_first_seconds,
            settings.restart_most_seconds,
            settings.steady_seconds,
        ),
        start_timeout_seconds=settings.start_timeout_seconds,
        stop_timeout_seconds=settings.stop_timeout_seconds,
    )


async def _until_stopped(
    supervisor: Supervisor, observer: ConsoleObserver, on_up: Callable[[], None]
) -> int:
    loop = asyncio.get_running_loop()
    asked = 0

    def stop() -> None:
        nonlocal asked
        asked += 1
        again = (
            "press Ctrl-C again to stop faster"
            if asked == 1
            else "killing the processes that still run"
        )
        observer.event(f"stopping; {again}", False)
        supervisor.stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    return await supervisor.run(on_up)
