"""What a connection has learned: requests that need no decoding, because their like came before.

Only the handlers know which requests those are (`Handler.repeat`); what is kept is bounded, and
dropped when what was looked up for it has changed.
"""

from typing import Any, NamedTuple

from broker.handlers.handler import Repeat
from broker.protocol.shapes import RequestShape, ResponseShape

KNOWN_MAX = 64  # of a connection; a producer that has more partitions gains less
TRIES_MAX = 2 * KNOWN_MAX  # to learn one; a client of whom nothing repeats is left alone then
_LENGTHS_MAX = 4  # of their keys: so many are tried


class Known(NamedTuple):
    """One request that repeats."""

    repeat: Repeat
    request: RequestShape
    response: ResponseShape
    route: Any


Found = tuple[Known, int, list[memoryview]]
"""What a frame repeats, its correlation id, its records."""


class KnownRequests:
    """Those of one connection."""

    __slots__ = ("_by_key", "_layouts", "_tries")

    def __init__(self) -> None:
        self._layouts: list[Any] = []  # how to read the keys, one for each of their lengths
        self._by_key: dict[bytes, Known] = {}
        self._tries = 0

    def wants_more(self) -> bool:
        """Whether to learn another: what is known stays until it is out of date."""
        if len(self._by_key) < KNOWN_MAX and self._tries < TRIES_MAX:
            return True
        known = next(iter(self._by_key.values()), None)
        if known is None or known.repeat.is_current():
            return False
        self.forget()
        return True

    def tried(self) -> None:
        """A request is laid out to learn it, which costs more than to decode it."""
        self._tries += 1

    def add(self, known: Known) -> None:
        """Know one more, if there is room."""
        layout = known.request.layout
        if all(one.size != layout.size for one in self._layouts):
            if len(self._layouts) == _LENGTHS_MAX:
                return
            self._layouts.append(layout)
        self._by_key[known.request.key] = known

    def find(self, frame: memoryview) -> Found | None:
        """What a frame repeats; None when it has to be decoded."""
        for layout in self._layouts:
            if len(frame) < layout.size:
                continue
            start, correlation_id, key = layout.unpack_from(frame)
            known = self._by_key.get(key)
            if known is None or known.request.start != start:
                continue
            if not known.repeat.is_current():
                self.forget()
                return None
            records = known.request.records_of(frame)
            return None if records is None else (known, correlation_id, records)
        return None

    def forget(self) -> None:
        """Know nothing any more."""
        self._by_key.clear()
        self._layouts.clear()
        self._tries = 0
