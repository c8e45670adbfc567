"""Keeps the roles running: starts them floor by floor, starts the dead again, stops all cleanly.

One task keeps one role. A floor starts when every role below has said READY once; it stops when
every role above has ended. Nothing here decides how long to wait: see lifecycle.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from footfall import lifecycle
from footfall.child import READY, Child
from footfall.lifecycle import ChildHistory, ChildState, RestartPolicy
from footfall.roles import Role
from footfall.settings import EXIT_CONFIG

EXIT_KILLED: Final = 1
"""Some role did not stop in time and was killed; what it had acknowledged is safe all the same."""


class Observer(Protocol):
    """Who is told what happens: the console, or a test."""

    def line(self, role: str, text: str, is_error: bool) -> None:
        """A role wrote a line."""

    def event(self, text: str, is_problem: bool) -> None:
        """The supervisor did or saw something that a reader should know."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run and how patiently."""

    roles: Sequence[Role]
    arguments: Callable[[Role], Sequence[str]]
    lock_descriptor: int
    policy: RestartPolicy
    start_timeout_seconds: float
    stop_timeout_seconds: float


@dataclass(slots=True)
class Kept:
    """A role and the child that plays it now."""

    role: Role
    was_ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    history: ChildHistory = field(default_factory=ChildHistory)
    child: Child | None = None
    last_words: str = ""


class Supervisor:
    """`run` returns the exit code after `stop` was asked for or a role cannot be used."""

    def __init__(self, plan: Plan, observer: Observer, luck: Callable[[], float]) -> None:
        self._plan = plan
        self._observer = observer
        self._luck = luck
        self._kept = {role.name: Kept(role) for role in plan.roles}
        self._stopping = asyncio.Event()
        self._exit_code = 0
        self._hurried = False

    def stop(self) -> None:
        """Stop everything from the top; asked a second time, at once."""
        if self._stopping.is_set():
            self._hurried = True
            for kept in self._kept.values():
                kept.stop.set()  # a death is not one to start it again after
                if kept.child is not None:
                    kept.child.kill()
        self._stopping.set()

    def history(self, role: str) -> ChildHistory:
        return self._kept[role].history

    def process_id(self, role: str) -> int | None:
        child = self._kept[role].child
        return None if child is None else child.process_id

    async def run(self, on_up: Callable[[], None]) -> int:
        """Runs until stopped; `on_up` is called once, when every role serves."""
        async with asyncio.TaskGroup() as tasks:
            for kept in self._kept.values():
                tasks.create_task(self._keep(kept), name=kept.role.name)
            greeting = tasks.create_task(self._greet(on_up))
            await self._stopping.wait()
            greeting.cancel()
            await self._stop_from_the_top()
        return self._exit_code

    async def _greet(self, on_up: Callable[[], None]) -> None:
        for kept in self._kept.values():
            await kept.was_ready.wait()
        on_up()

    async def _stop_from_the_top(self) -> None:
        for floor in sorted({kept.role.floor for kept in self._kept.values()}, reverse=True):
            here = [kept for kept in self._kept.values() if kept.role.floor == floor]
            for kept in here:
                kept.stop.set()
            for kept in here:
                await kept.ended.wait()

    async def _keep(self, kept: Kept) -> None:
        """Runs one role, again and again, until it is told to stop."""
        try:
            below = [other for other in self._kept.values() if other.role.floor < kept.role.floor]
            for other in below:
                await self._either(other.was_ready, kept.stop)
            while not kept.stop.is_set():
                kept.history = lifecycle.started(kept.history, time.monotonic())
                code = await self._run_once(kept)
                if kept.stop.is_set():
                    break
                wait = self._after_death(kept, code)
                if wait is None:
                    break
                await _wait_at_most(kept.stop, wait)
        finally:
            kept.ended.set()
        if kept.history.state is not ChildState.UNUSABLE:
            kept.history = lifecycle.stopped(kept.history)

    def _after_death(self, kept: Kept, code: int) -> float | None:
        """Tells about the death and gives the wait until the next start; None: never."""
        name = kept.role.name
        verdict = lifecycle.died(
            kept.history, code, time.monotonic(), self._plan.policy, self._luck()
        )
        kept.history = verdict.history
        if verdict.wait_seconds is None:
            self._observer.event(f"{name} has a wrong setting: {kept.last_words}", True)
            self._exit_code = EXIT_CONFIG
            self._stopping.set()
            return None
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        again = f"starts again in {verdict.wait_seconds:.1f} s"
        if verdict.history.in_crash_loop:
            deaths = verdict.history.deaths_in_a_row
            how = f"keeps dying ({deaths} times in a row; last: {how}; {kept.last_words!r})"
            again = f"{again}; its log is logs/{name}.log in the data directory"
        self._observer.event(f"{name} {how}; {again}", True)
        return verdict.wait_seconds

    async def _run_once(self, kept: Kept) -> int:
        """One life of the role's process; its exit code."""
        up = asyncio.Event()

        def output(text: str) -> None:
            if text.startswith(READY):
                kept.history = lifecycle.ready(kept.history)
                up.set()
                kept.was_ready.set()
            self._observer.line(kept.role.name, text, False)

        def error(text: str) -> None:
            kept.last_words = text or kept.last_words
            self._observer.line(kept.role.name, text, True)

        child = await Child.start(
            self._plan.arguments(kept.role), self._plan.lock_descriptor, output, error
        )
        kept.child = child
        try:
            async with asyncio.TaskGroup() as watchers:
                guards = [
                    watchers.create_task(self._watch_start(kept, child, up)),
                    watchers.create_task(self._watch_stop(kept, child)),
                ]
                code = await child.ended()
                for guard in guards:
                    guard.cancel()
        finally:
            kept.child = None
        return code

    async def _watch_start(self, kept: Kept, child: Child, up: asyncio.Event) -> None:
        seconds = lifecycle.start_limit(kept.history, self._plan.start_timeout_seconds)
        if not await _wait_at_most(up, seconds) and not kept.stop.is_set():
            self._observer.event(
                f"{kept.role.name} did not serve within {seconds:g} s and is killed", True
            )
            child.kill()

    async def _watch_stop(self, kept: Kept, child: Child) -> None:
        await kept.stop.wait()
        if self._hurried:
            child.kill()
        child.terminate()
        seconds = self._plan.stop_timeout_seconds
        await asyncio.sleep(seconds)
        self._observer.event(
            f"{kept.role.name} did not stop within {seconds:g} s and is killed", True
        )
        self._exit_code = self._exit_code or EXIT_KILLED
        child.kill()

    async def _either(self, first: asyncio.Event, second: asyncio.Event) -> None:
        """Returns when one of the events is set."""
        async with asyncio.TaskGroup() as waiters:
            tasks = [waiters.create_task(first.wait()), waiters.create_task(second.wait())]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()


async def _wait_at_most(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event was set within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
