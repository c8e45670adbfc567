"""Compares the indexes beside a segment file with the batches in it.

Kafka's formats, big-endian, offsets relative to the file's number: `.index` has offset int32 and
position int32 of a batch, `.timeindex` timestamp int64 and offset int32, `.txnindex` version int16,
producer id, first offset, last offset and last stable offset int64 of an aborted transaction. Zeros
at the end of the first two are room that was not used.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

OFFSET: Final = struct.Struct(">ii")
TIME: Final = struct.Struct(">qi")
TRANSACTION: Final = struct.Struct(">hqqqq")
BATCH: Final = struct.Struct(">q15xi")  # base offset and last offset delta of a batch
REBUILT: Final = "stop Footfall, delete this file and start: the broker rebuilds it"
REBUILT_ALL: Final = (
    "stop Footfall, delete this file, the .index of the same number and .kafka_cleanshutdown, and"
    " start: the broker rebuilds both"
)
RIGHTS: Final = "give the broker's user the right to read and write it"


class Aborted(NamedTuple):
    """A transaction that ends with an abort marker at this offset."""

    producer_id: int
    marker_offset: int


class Misfit(NamedTuple):
    """An index that does not fit: path, position in it, what is wrong, no torn tail, way out."""

    path: Path
    position: int
    reason: str
    torn_tail: bool
    way_out: str


def check_indexes(log: Path, log_bytes: int, aborted: Sequence[Aborted]) -> Iterator[Misfit]:
    """The first misfit of each index of `log`, of which `log_bytes` are sound."""
    checks = (
        (".index", lambda data: _offsets(log, log_bytes, data), REBUILT),
        (".timeindex", _times, REBUILT),
        (".txnindex", lambda data: _transactions(int(log.stem), aborted, data), REBUILT_ALL),
    )
    for suffix, check, way_out in checks:
        path = log.with_suffix(suffix)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            yield Misfit(path, 0, f"it cannot be read ({error.strerror})", False, RIGHTS)
            continue
        found = next(check(data), None)
        if found is not None:
            yield Misfit(path, found[0], found[1], False, way_out)


def _used(data: bytes, entry_bytes: int) -> bytes:
    """Without the zeros at the end, in whole entries."""
    used = len(data.rstrip(b"\0"))
    return data[: -(-used // entry_bytes) * entry_bytes]


def _offsets(log: Path, log_bytes: int, data: bytes) -> Iterator[tuple[int, str]]:
    if len(data) % OFFSET.size:
        yield len(data) // OFFSET.size * OFFSET.size, "it ends within an entry"
        return
    used = _used(data, OFFSET.size)
    with log.open("rb") as file:
        last = -1
        for at, (relative, position) in enumerate(OFFSET.iter_unpack(used)):
            if last < position and position >= log_bytes:
                return  # of batches that came meanwhile, or lie behind damage
            file.seek(max(position, 0))
            head = file.read(BATCH.size)
            base, delta = BATCH.unpack(head) if len(head) == BATCH.size else (-1, 0)
            asked = int(log.stem) + relative
            if position <= last or not base <= asked <= base + delta:
                yield at * OFFSET.size, f"offset {asked} is not in a batch at byte {position}"
                return
            last = position


def _times(data: bytes) -> Iterator[tuple[int, str]]:
    if len(data) % TIME.size:
        yield len(data) // TIME.size * TIME.size, "it ends within an entry"
        return
    last = (-2, -1)  # below what there can be
    for at, entry in enumerate(TIME.iter_unpack(_used(data, TIME.size))):
        if entry[0] <= last[0] or entry[1] < max(last[1], 0):
            yield at * TIME.size, f"time and offset {entry} follow {last}"
            return
        last = entry


def _transactions(
    base_offset: int, aborted: Sequence[Aborted], data: bytes
) -> Iterator[tuple[int, str]]:
    if len(data) % TRANSACTION.size:
        yield len(data) // TRANSACTION.size * TRANSACTION.size, "it ends within an entry"
        return
    known = set()
    for at, entry in enumerate(TRANSACTION.iter_unpack(data)):
        version, producer_id, first_offset, last_offset, _ = entry
        if version != 0 or first_offset > last_offset or last_offset < base_offset:
            yield at * TRANSACTION.size, f"{entry} is not an aborted transaction of this segment"
            return
        known.add(Aborted(producer_id, last_offset))
    for one in aborted:
        if one not in known:
            told = f"the transaction of producer {one.producer_id} that was aborted at offset"
            yield len(data), f"{told} {one.marker_offset} is missing: its records can be read"
