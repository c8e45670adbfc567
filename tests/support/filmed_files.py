"""A disk in memory that is filmed: after each write and each sync a picture of what a crash leaves.

A broker is started on each picture afterwards, and asked for what clients had been told by then.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, Protocol, Self, TypeVar

from tests.support.memory_files import MemoryFiles

CRASHES: dict[str, dict[str, Any]] = {
    "kill -9": {"unsynced_bytes_lost": 0, "names_lost": False},
    "power cut": {"unsynced_bytes_lost": None, "names_lost": True},
    "power cut, some bytes lost": {"unsynced_bytes_lost": 30, "names_lost": False},
    "power cut, zeros": {"unsynced_bytes_lost": None, "names_lost": False, "zeros": True},
}
"""Ways to end, as words for `MemoryFiles.after_crash`."""


class Told(Protocol):
    """What clients had been told at some moment."""

    def copy(self) -> Self: ...


T = TypeVar("T", bound=Told)


class FilmedFiles(MemoryFiles, Generic[T]):
    """Takes a picture of what would be left at each step, within `filming`."""

    def __init__(self, crash: dict[str, Any]) -> None:
        super().__init__()
        self._crash = crash
        self._told: T | None = None
        self.pictures: list[tuple[T, MemoryFiles]] = []

    def after_step(self) -> None:
        super().after_step()
        if self._told is not None:
            with suppress(RuntimeError):  # another thread made a file just now: its step comes
                self.pictures.append((self._told.copy(), self.after_crash(**self._crash)))

    @contextmanager
    def filming(self, told: T) -> Iterator[None]:
        self._told = told
        try:
            yield
        finally:
            self._told = None

    def some_pictures(self, count: int) -> list[tuple[T, MemoryFiles]]:
        """About so many, evenly spread, and the last."""
        every = max(1, -(-len(self.pictures) // count))
        return [*self.pictures[::every], self.pictures[-1]]
