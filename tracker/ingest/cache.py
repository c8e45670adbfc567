"""A dictionary that cannot grow without end."""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Remembers what `compute` answered for the last `size` different keys, first in, first out."""

    __slots__ = ("_compute", "_known", "_size")

    def __init__(self, compute: Callable[[K], V], size: int) -> None:
        self._compute = compute
        self._known: dict[K, V] = {}
        self._size = size

    def __len__(self) -> int:
        return len(self._known)

    def __call__(self, key: K) -> V:
        try:
            return self._known[key]
        except KeyError:
            value = self._compute(key)
            if len(self._known) >= self._size:
                del self._known[next(iter(self._known))]
            self._known[key] = value
            return value
