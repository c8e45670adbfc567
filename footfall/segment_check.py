"""Reads every byte of the broker's segment files and says where the first damage lies.

Stands on Kafka's published file format alone, so that it also works while the broker cannot start.
A batch: base offset int64 | length int32 | leader epoch int32 | magic int8 | CRC-32C uint32 of all
that follows. `length` counts the bytes after itself.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from crc32c import crc32c

PREFIX: Final = struct.Struct(">qiibI")  # through the CRC
OVERHEAD: Final = 12  # base offset and length
LENGTH_MIN: Final = 49  # of an empty batch: a 61-byte header less the 12 above
MAGIC: Final = 2


@dataclass(frozen=True, slots=True)
class Damage:
    """The first byte of a segment that cannot be what the broker wrote."""

    path: Path
    position: int
    reason: str
    torn_tail: bool
    """Half a batch at the very end: a write that was cut off, or one that is under way."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look over all segments found."""

    files: int
    batches: int
    damages: tuple[Damage, ...]


def check_segments(log_dir: Path) -> Checked:
    """Every `.log` file under `log_dir`; files that vanish meanwhile are left out."""
    files = batches = 0
    damages = []
    for path in sorted(log_dir.glob("*/*.log")):
        try:
            with path.open("rb") as file:
                count, damage = _check(path, file)
        except FileNotFoundError:
            continue
        files += 1
        batches += count
        if damage is not None:
            damages.append(damage)
    return Checked(files, batches, tuple(damages))


def _check(path: Path, file: BinaryIO) -> tuple[int, Damage | None]:
    """Whole batches before the first damage, and that damage."""
    batches = position = 0
    last_base = -1
    for prefix, base_offset, length, magic, crc in _prefixes(file):
        place = (path, position)
        if len(prefix) < PREFIX.size:
            return batches, Damage(*place, "the file ends within a batch header", True)
        if length < LENGTH_MIN or magic != MAGIC or base_offset <= last_base:
            told = f"not a batch header (length {length}, magic {magic}, offset {base_offset})"
            return batches, Damage(*place, told, False)
        rest = file.read(length + OVERHEAD - PREFIX.size)
        if len(rest) < length + OVERHEAD - PREFIX.size:
            return batches, Damage(*place, "the file ends within a batch", True)
        if crc32c(rest) != crc:
            return batches, Damage(*place, f"wrong CRC at offset {base_offset}", False)
        batches += 1
        position += length + OVERHEAD
        last_base = base_offset
    return batches, None


def _prefixes(file: BinaryIO) -> Iterator[tuple[bytes, int, int, int, int]]:
    """Batch after batch; a short last prefix comes with zeros."""
    while prefix := file.read(PREFIX.size):
        if len(prefix) < PREFIX.size:
            yield prefix, 0, 0, 0, 0
            return
        base_offset, length, _, magic, crc = PREFIX.unpack(prefix)
        yield prefix, base_offset, length, magic, crc
