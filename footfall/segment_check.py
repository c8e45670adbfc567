"""Reads every byte of the broker's segment files and says where the first damage lies.

Stands on Kafka's published file format alone, so that it also works while the broker cannot start.
A batch: base offset int64 | length int32 | leader epoch int32 | magic int8 | CRC-32C uint32 of all
that follows | attributes int16 | last offset delta int32 | two timestamps and the producer id
int64. `length` counts the bytes after itself.
"""

import itertools
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from crc32c import crc32c

from footfall.index_check import Aborted, check_indexes

PREFIX: Final = struct.Struct(">qiibI")  # through the CRC
BEHIND_CRC: Final = struct.Struct(">hiqqq")  # through the producer id
OVERHEAD: Final = 12  # base offset and length
LENGTH_MIN: Final = 49  # of an empty batch: a 61-byte header less the 12 above
HEADER_BYTES: Final = 61
MAGIC: Final = 2
TRANSACTIONAL: Final = 0x10
CONTROL: Final = 0x20
MARKER: Final = struct.Struct(">5xhh")  # length, attributes, deltas and key length: one byte each
ABORT: Final = 0
CUT: Final = (
    "stop Footfall; restore the partition's directory from a copy. Without a copy, cut the file at"
    " that byte (`truncate -s`) and move files with larger numbers away: records before it are"
    " kept, records after it are lost (docs/runbooks/KafkaPartitionOffline.md)"
)
RESTORE: Final = (
    "restore the partition's directory from a copy; without one, the missing records are lost and"
    " the rest is served"
)
LOST_END: Final = (
    "restore the partition's directory from a copy; to continue without the missing records, see"
    " docs/runbooks/KafkaPartitionOffline.md"
)
READ_RIGHTS: Final = "give the broker's user the right to read and write it"


@dataclass(frozen=True, slots=True)
class Damage:
    """The first byte of a file that cannot be what the broker wrote."""

    path: Path
    position: int
    reason: str
    torn_tail: bool = False
    """Half a batch at the very end: a write that was cut off, or one that is under way."""
    way_out: str = CUT


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look over all segments found."""

    files: int
    batches: int
    damages: tuple[Damage, ...]


@dataclass(slots=True)
class _Partition:
    """What its segments so far say of the next one."""

    compacted: bool
    next_offset: int | None = None
    end_offset: int = 0
    """Behind the last sound batch."""
    open_transactions: set[int] = field(default_factory=set)
    """Producers with records since their last marker."""


@dataclass(slots=True)
class _Walk:
    """One segment, read to its end or its first damage."""

    path: Path
    partition: _Partition
    batches: int = 0
    position: int = 0
    damage: Damage | None = None
    gap: Damage | None = None
    aborted: list[Aborted] = field(default_factory=list)

    def stop(self, reason: str, *, torn_tail: bool = False) -> None:
        self.damage = Damage(self.path, self.position, reason, torn_tail)


def check_segments(
    log_dir: Path, compacted: Collection[str] = (), synced: Mapping[str, int] | None = None
) -> Checked:
    """Every segment under `log_dir`, and its indexes; what vanishes meanwhile is left out.

    `compacted`: names of partitions whose offsets may have gaps. `synced`: below which offset all
    of a partition was on the disk.
    """
    by_directory: dict[Path, list[Path]] = {}
    for path in sorted(log_dir.glob("*/*.log")):
        if path.stem.isdigit():
            by_directory.setdefault(path.parent, []).append(path)
    logs = [
        _checked_log(
            paths, _Partition(directory.name in compacted), (synced or {}).get(directory.name, 0)
        )
        for directory, paths in by_directory.items()
    ]
    return Checked(
        sum(one.files for one in logs),
        sum(one.batches for one in logs),
        tuple(itertools.chain.from_iterable(one.damages for one in logs)),
    )


def _checked_log(paths: Sequence[Path], partition: _Partition, on_disk: int) -> Checked:
    """The segments of one partition, in order; `on_disk` as in `synced`."""
    files = batches = 0
    damages: list[Damage] = []
    for path in paths:
        try:
            with path.open("rb") as file:
                walk = _walked(path, file, partition, is_newest=path == paths[-1])
            damages += [Damage(*one) for one in check_indexes(path, walk.position, walk.aborted)]
        except FileNotFoundError:
            continue
        except OSError as error:
            told = f"it cannot be read ({error.strerror})"
            damages.append(Damage(path, 0, told, way_out=READ_RIGHTS))
            continue
        files += 1
        batches += walk.batches
        damages += [found for found in (walk.gap, walk.damage) if found is not None]
    if partition.end_offset < on_disk:
        told = f"the log ends at {partition.end_offset}, everything below {on_disk} was on the disk"
        damages.append(Damage(paths[-1], paths[-1].stat().st_size, told, way_out=LOST_END))
    return Checked(files, batches, tuple(damages))


def _walked(path: Path, file: BinaryIO, partition: _Partition, *, is_newest: bool) -> _Walk:
    """Read one segment; what it says of the next one goes into `partition`."""
    walk = _Walk(path, partition)
    last_base = -1
    partition.end_offset = max(partition.end_offset, int(path.stem))
    for prefix, base_offset, length, magic, crc in _prefixes(file):
        if len(prefix) < PREFIX.size:
            walk.stop("the file ends within a batch header", torn_tail=is_newest)
            break
        too_low = base_offset <= last_base or base_offset < int(path.stem)
        if length < LENGTH_MIN or magic != MAGIC or too_low:
            walk.stop(f"not a batch header (length {length}, magic {magic}, offset {base_offset})")
            break
        rest = file.read(length + OVERHEAD - PREFIX.size)
        if len(rest) < length + OVERHEAD - PREFIX.size:
            walk.stop("the file ends within a batch", torn_tail=is_newest)
            break
        if crc32c(rest) != crc:
            walk.stop(f"wrong CRC at offset {base_offset}")
            break
        _take(walk, base_offset, rest)
        walk.batches += 1
        walk.position += length + OVERHEAD
        last_base = base_offset
    if walk.damage is not None:
        partition.next_offset = None  # what follows it is not known
    elif not walk.batches and not is_newest:
        walk.stop("it is empty, though newer segments follow")
    return walk


def _take(walk: _Walk, base_offset: int, rest: bytes) -> None:
    """A sound batch: whether it follows on, and what it says of transactions."""
    partition = walk.partition
    attributes, last_offset_delta, _, _, producer_id = BEHIND_CRC.unpack_from(rest)
    expected = partition.next_offset
    if expected is not None and walk.gap is None:
        if base_offset > expected and not partition.compacted:
            told = f"offsets {expected} to {base_offset - 1} are missing before it"
            walk.gap = Damage(walk.path, walk.position, told, way_out=RESTORE)
        elif base_offset < expected:
            told = f"offset {base_offset} is there twice"
            walk.gap = Damage(walk.path, walk.position, told, way_out=RESTORE)
    partition.next_offset = partition.end_offset = base_offset + last_offset_delta + 1
    if attributes & CONTROL:
        records = rest[HEADER_BYTES - PREFIX.size :]
        was_open = producer_id in partition.open_transactions
        partition.open_transactions.discard(producer_id)
        is_marker = len(records) >= MARKER.size
        if was_open and is_marker and MARKER.unpack_from(records)[1] == ABORT:
            walk.aborted.append(Aborted(producer_id, base_offset))
    elif attributes & TRANSACTIONAL:
        partition.open_transactions.add(producer_id)


def _prefixes(file: BinaryIO) -> Iterator[tuple[bytes, int, int, int, int]]:
    """Batch after batch; a short last prefix comes with zeros."""
    while prefix := file.read(PREFIX.size):
        if len(prefix) < PREFIX.size:
            yield prefix, 0, 0, 0, 0
            return
        base_offset, length, _, magic, crc = PREFIX.unpack(prefix)
        yield prefix, base_offset, length, magic, crc
