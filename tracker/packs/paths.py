"""Paths: what the visitors of a block did, one after the other; answers funnels for all at once.

Every time at which a visitor did something is a slot, a number from 0: the slots of the first row
in the order of time, then a free one, its guard, then those of the next row. What was done at one
time shares a slot. For each thing that can be a step of a funnel its slots are known.

Whole numbers with a byte a slot, 1 or 0, take a step for all rows. Guards less what was done
borrows, in each row that did it, from the row's guard as far down as the first time, and from no
other row: the guard is gone where somebody did it, and the slots from the first time on are set.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, compress
from typing import Any

import lz4.block
import msgspec

from tracker.packs.columns import marks_of

lz4_block: Any = lz4.block


class Paths(msgspec.Struct, array_like=True):
    """Of the rows of one block. Arrays are "I"."""

    guards: bytes  # slot of each row's guard, ascending; the last one ends the block
    things: list[str]
    lengths: bytes  # slots of each thing
    slots: bytes  # one thing after the other

    def funnel(self, steps: Sequence[str], chosen: int) -> list[int]:
        """How many of the chosen rows took the first step, then the second ..."""
        guards = array("I", self.guards)
        size = guards[-1] + 1 if guards else 0
        ends = _marks(guards, size)
        mine = _marks(_chosen(guards, chosen), size)
        within = int.from_bytes(b"\1" * size) ^ ends
        reached, counts, before = within, [], None
        all_done = {step: self._done(step, size) for step in set(steps)}
        for step in steps:
            if step == before:  # once more, later
                reached = reached << 8 & within
            done = reached & all_done[step]
            left = ends - done
            counts.append((mine & ~left).bit_count())
            reached, before = (left | done) & within, step
        return counts

    def _done(self, step: str, size: int) -> int:
        """The slots in which something fits the step."""
        slots, found = array("I", self.slots), array("I")
        ends = [*accumulate(array("I", self.lengths), initial=0)]
        for place in self._fitting(step):
            found += slots[ends[place] : ends[place + 1]]
        return _marks(found, size)

    def _fitting(self, step: str) -> list[int]:
        """Places in `things`."""
        if is_prefix(step):
            begins = step[:-1]
            return [place for place, one in enumerate(self.things) if one.startswith(begins)]
        return [self.things.index(step)] if step in self.things else []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Paths)


def is_prefix(step: str) -> bool:
    """A step is a page, all pages that begin so (`/docs/*`), or the name of an event."""
    return step.startswith("/") and step.endswith("*")


def thing_of(page: str | None, event: str) -> str | None:
    """How a step names a page view (`page`) or another event (None); None where none can."""
    if page is None:
        return None if event.startswith("/") else event
    return page if page.startswith("/") else None


def paths_of(guards: Iterable[int], done: Mapping[str, Sequence[int]]) -> Paths:
    """`done` has the slots of each thing."""
    slots = array("I")
    for of in done.values():
        slots.extend(of)
    lengths = array("I", map(len, done.values()))
    return Paths(array("I", guards).tobytes(), list(done), lengths.tobytes(), slots.tobytes())


def encode(paths: Paths) -> bytes:
    """msgpack, packed by lz4."""
    packed: bytes = lz4_block.compress(_encoder.encode(paths))
    return packed


def decode(packed: bytes) -> Paths:
    return _decoder.decode(lz4_block.decompress(packed))


def _chosen(guards: Sequence[int], rows: int) -> Iterable[int]:
    if rows == (1 << len(guards)) - 1:
        return guards
    return compress(guards, marks_of(rows, len(guards)))


def _marks(slots: Iterable[int], size: int) -> int:
    """A byte a slot, the first is the lowest."""
    marks = bytearray(size)
    for slot in slots:
        marks[slot] = 1
    return int.from_bytes(marks, "little")
