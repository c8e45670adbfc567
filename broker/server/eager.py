"""Starts a coroutine at once, up to its first wait; only what is left becomes a task.

Many requests are answered without waiting for anything; a task for each costs a fifth of such a
request and a turn of the event loop. (Python 3.12 has this built in: `asyncio.eager_task_factory`.)
Before its first wait the coroutine is no task: `asyncio.timeout` and `TaskGroup` refuse to work
there, loudly.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

T = TypeVar("T")

Work = Coroutine[Any, Any, None]

_GIVEN = object()  # what the work waited for first was given to its task


def start(work: Work, make_task: Callable[[Work], T]) -> T | None:
    """Run `work` until it waits, then hand the rest to `make_task`; None when nothing is left."""
    try:
        awaited = work.send(None)
    except StopIteration:
        return None
    return make_task(cast(Work, _Rest(work, awaited)))


def start_without_task(work: Work, make_task: Callable[[Work], object]) -> None:
    """As `start`, for work that mostly waits once, for a future: no task even for that wait.

    What is left at a second wait becomes a task; until then nothing can cancel the work.
    """
    try:
        awaited = work.send(None)
    except StopIteration:
        return
    if isinstance(awaited, asyncio.Future):
        awaited._asyncio_future_blocking = False  # `await` set it for a task, which unsets it
        awaited.add_done_callback(lambda _: start(work, make_task))
    else:
        make_task(cast(Work, _Rest(work, awaited)))


class _Rest:
    """Started work as a coroutine of its own: gives what it waits for first, then goes on."""

    __slots__ = ("_awaited", "_work")

    def __init__(self, work: Work, awaited: Any) -> None:
        self._work = work
        self._awaited = awaited

    def send(self, value: Any) -> Any:
        awaited = self._awaited
        if awaited is _GIVEN:
            return self._work.send(value)
        self._awaited = _GIVEN
        return awaited

    def throw(self, error: BaseException) -> Any:
        awaited, self._awaited = self._awaited, _GIVEN
        if isinstance(awaited, asyncio.Future):
            awaited.cancel()  # the task was cancelled before it had it: it would have done this
        return self._work.throw(error)

    def close(self) -> None:
        self._work.close()


Coroutine.register(_Rest)
