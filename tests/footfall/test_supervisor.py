"""The supervisor with small real processes in the place of the roles."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from footfall.lifecycle import ChildState, RestartPolicy
from footfall.roles import Role
from footfall.supervisor import Plan, Supervisor
from tests.support.appliance import eventually

pytestmark = pytest.mark.system

GONE_SECONDS = 60

SERVE = "import signal, sys; print('READY x', flush=True); signal.pause()"
POLITE = """
import signal, sys
def end(*_):
    print('flushed', flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print('READY x', flush=True)
while True:
    signal.pause()
"""
DEAF = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('READY x', flush=True)
while True:
    signal.pause()
"""


@dataclass
class Heard:
    """Notes all that the supervisor tells, and wakes whoever waits for a word of it."""

    told: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def line(self, role: str, text: str, is_error: bool) -> None:
        self._note(f"{role}: {text}")

    def event(self, text: str, is_problem: bool) -> None:
        self._note(text)

    def _note(self, text: str) -> None:
        self.told.append(text)
        self.changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(50):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    def said(self, words: str) -> int:
        return sum(words in text for text in self.told)


def role(name: str, floor: int) -> Role:
    return Role(name, floor, name, (), ())


def supervisor(
    heard: Heard,
    lock_file: Path,
    scripts: dict[str, str],
    stop_seconds: float = 10.0,
    start_seconds: float = 10.0,
) -> Supervisor:
    """One role for each script; each stands on the floor of its place in the dictionary."""
    plan = Plan(
        roles=[role(name, floor) for floor, name in enumerate(scripts)],
        arguments=lambda wanted: ["-S", "-E", "-u", "-c", scripts[wanted.name]],
        lock_descriptor=os.open(lock_file, os.O_CREAT | os.O_RDWR),
        policy=RestartPolicy(first_seconds=0.01, most_seconds=0.05, steady_seconds=60),
        start_timeout_seconds=start_seconds,
        stop_timeout_seconds=stop_seconds,
    )
    return Supervisor(plan, heard, luck=lambda: 0.5)


async def test_roles_start_from_the_ground_and_stop_from_the_top(tmp_path: Path) -> None:
    heard = Heard()
    kept = supervisor(heard, tmp_path / "lock", {"ground": POLITE, "roof": POLITE})

    code = await kept.run(on_up=kept.stop)

    assert code == 0
    assert heard.told == ["ground: READY x", "roof: READY x", "roof: flushed", "ground: flushed"]


async def test_a_killed_role_is_started_again(tmp_path: Path) -> None:
    heard = Heard()
    kept = supervisor(heard, tmp_path / "lock", {"one": POLITE})

    async def kill_it_once() -> None:
        await heard.until(lambda: heard.said("READY") == 1)
        os.kill(kept.process_id("one") or 0, signal.SIGKILL)
        await heard.until(lambda: heard.said("READY") == 2)
        kept.stop()

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(kept.run(lambda: None))
        tasks.create_task(kill_it_once())

    assert running.result() == 0
    assert heard.said("one was killed by signal 9; starts again in 0.0 s") == 1
    assert kept.history("one").restarts == 1


async def test_a_role_that_keeps_dying_is_called_so_with_its_last_words(tmp_path: Path) -> None:
    heard = Heard()
    script = "import sys; sys.stderr.write('no such plan\\n'); sys.exit(3)"
    kept = supervisor(heard, tmp_path / "lock", {"one": script})

    async def watch() -> None:
        await heard.until(lambda: heard.said("keeps dying") > 0)
        kept.stop()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(kept.run(lambda: None))
        tasks.create_task(watch())

    loop = next(text for text in heard.told if "keeps dying" in text)
    assert "3 times in a row" in loop
    assert "exit code 3" in loop
    assert "no such plan" in loop
    assert "logs/one.log" in loop


async def test_settings_that_cannot_be_used_stop_everything_with_their_message(
    tmp_path: Path,
) -> None:
    heard = Heard()
    bad = "import sys; sys.stderr.write('port = 0.5 must be int\\n'); sys.exit(78)"
    kept = supervisor(heard, tmp_path / "lock", {"ground": POLITE, "roof": bad})

    code = await kept.run(lambda: None)

    assert code == 78
    assert "roof has a wrong setting: port = 0.5 must be int" in heard.told
    assert heard.told[-1] == "ground: flushed"
    assert kept.history("roof").state is ChildState.UNUSABLE


async def test_a_role_that_does_not_stop_is_killed_and_the_exit_code_tells(tmp_path: Path) -> None:
    heard = Heard()
    kept = supervisor(heard, tmp_path / "lock", {"one": DEAF}, stop_seconds=0.2)

    code = await kept.run(on_up=kept.stop)

    assert code == 1
    assert heard.said("one did not stop within 0.2 s and is killed") == 1


async def test_asking_twice_kills_at_once(tmp_path: Path) -> None:
    heard = Heard()
    tower = {f"floor {number}": DEAF for number in range(6)}
    kept = supervisor(heard, tmp_path / "lock", tower, stop_seconds=600)

    def stop_twice() -> None:
        kept.stop()
        kept.stop()

    code = await kept.run(on_up=stop_twice)

    assert code == 0
    assert heard.said("did not stop") == 0
    assert heard.said("starts again") == 0


async def test_a_role_that_never_serves_is_killed_and_has_longer_the_next_time(
    tmp_path: Path,
) -> None:
    heard = Heard()
    mute = "import signal; signal.pause()"
    kept = supervisor(heard, tmp_path / "lock", {"one": mute}, start_seconds=0.1)

    async def watch() -> None:
        await heard.until(lambda: heard.said("starts again") == 2)
        kept.stop()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(kept.run(lambda: None))
        tasks.create_task(watch())

    assert heard.said("one did not serve within 0.1 s and is killed") == 1
    assert heard.said("one did not serve within 0.2 s and is killed") == 1


async def test_what_a_dead_role_started_does_not_outlive_it(tmp_path: Path) -> None:
    """A killed worker needs a moment to be gone; one that was forgotten would pause for ever."""
    heard = Heard()
    parent = (
        "import subprocess, sys\n"
        "worker = subprocess.Popen([sys.executable, '-S', '-c', 'import signal; signal.pause()'])\n"
        "print('worker', worker.pid, flush=True)\n"
        "sys.exit(1)"
    )
    kept = supervisor(heard, tmp_path / "lock", {"one": parent})

    async def watch() -> None:
        await heard.until(lambda: heard.said("starts again") > 0)
        kept.stop()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(kept.run(lambda: None))
        tasks.create_task(watch())

    workers = [int(text.split()[-1]) for text in heard.told if "worker" in text]
    assert workers
    eventually(lambda: not any(map(_runs, workers)), GONE_SECONDS, lambda: f"of {workers}")


def _runs(process_id: int) -> bool:
    """Whether the process still does something; a zombie does not."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
