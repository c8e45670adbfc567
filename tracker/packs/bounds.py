"""Bounds: when the visitors of a block did something first and last, and where their events are.

With it a pack answers for a part of a day: who did nothing outside of it is counted from the
columns, and of the few who did, the events themselves are read.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import lz4.block
import msgspec

from tracker.packs.columns import bits_of, narrowest

lz4_block: Any = lz4.block


class Bounds(msgspec.Struct, array_like=True):
    """Of the rows of one block. Times are milliseconds of the row's day, arrays "I"."""

    firsts: bytes
    lasts: bytes
    lengths: bytes  # events of each row
    code: str  # of the array of events
    events: bytes  # rowids in the table `events`, row after row

    def parted(self, rows: range, start_ms: int, end_ms: int) -> tuple[int, list[int]]:
        """Of these rows, all of one day: a bitmap of those within [start_ms, end_ms) of it, and a
        list of those who are partly within."""
        firsts = array("I", self.firsts)[rows.start : rows.stop]
        lasts = array("I", self.lasts)[rows.start : rows.stop]
        times = [*zip(firsts, lasts, strict=True)]
        within = bytes(first >= start_ms and last < end_ms for first, last in times)
        partly = [
            row
            for row, is_within, (first, last) in zip(rows, within, times, strict=True)
            if not is_within and last >= start_ms and first < end_ms
        ]
        return bits_of(within) << rows.start, partly

    def events_of(self, rows: Iterable[int]) -> list[int]:
        """Rowids, those of one row after those of the other."""
        events = array(self.code, self.events)
        ends = [*accumulate(array("I", self.lengths), initial=0)]
        return [event for row in rows for event in events[ends[row] : ends[row + 1]]]


class Row(NamedTuple):
    """What is to be known of a row; times as in Bounds."""

    first_ms: int
    last_ms: int
    events: Sequence[int]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Bounds)


def bounds_of(rows: Sequence[Row]) -> Bounds:
    events = [event for row in rows for event in row.events]
    code = narrowest(max(events, default=0))
    return Bounds(
        array("I", [row.first_ms for row in rows]).tobytes(),
        array("I", [row.last_ms for row in rows]).tobytes(),
        array("I", [len(row.events) for row in rows]).tobytes(),
        code,
        array(code, events).tobytes(),
    )


def encode(bounds: Bounds) -> bytes:
    """msgpack, packed by lz4."""
    packed: bytes = lz4_block.compress(_encoder.encode(bounds))
    return packed


def decode(packed: bytes) -> Bounds:
    return _decoder.decode(lz4_block.decompress(packed))
