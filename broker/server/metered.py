"""Measures how long the event loop works for one request, without the time in which it waits.

That is what request_percentage limits (KIP-124): a fetch that waits for records costs nothing.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import Any


class Metered:
    """Awaits `work`; `busy_s` is the time that its own steps took, in seconds of `clock_s`."""

    __slots__ = ("_clock_s", "_work", "busy_s")

    def __init__(self, work: Awaitable[Any], clock_s: Callable[[], float]) -> None:
        self._work = work
        self._clock_s = clock_s
        self.busy_s = 0.0

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        step: Callable[[], Any] = steps.__next__
        while True:
            started_s = self._clock_s()
            try:
                awaited = step()
            except StopIteration as end:
                return end.value
            finally:
                self.busy_s += self._clock_s() - started_s
            step = steps.__next__
            try:
                yield awaited
            except BaseException as error:  # noqa: BLE001 - it is thrown into the work
                step = _Throw(steps, error)


class _Throw:
    """The next step of work whose wait ended with an error."""

    __slots__ = ("_error", "_steps")

    def __init__(self, steps: Generator[Any, Any, Any], error: BaseException) -> None:
        self._steps = steps
        self._error = error

    def __call__(self) -> Any:
        return self._steps.throw(self._error)
