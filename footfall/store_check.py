"""Looks at what lies beside the segments in a log directory: whose it is, and how far each log is.

Formats are Kafka's: `meta.properties` and `partition.metadata` are lines of keys and values; a
checkpoint has version 0, the number of its entries, and an entry a line; a producer snapshot has
version int16, CRC-32C uint32 of what follows, and a count int32. The mark of a clean stop is JSON,
in which the broker lists finished segments: number and bytes.
"""

import json
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from crc32c import crc32c

from footfall.segment_check import READ_RIGHTS, Damage

CLEANER: Final = "cleaner-offset-checkpoint"
RECOVERY_POINTS: Final = "recovery-point-offset-checkpoint"
LOG_STARTS: Final = "log-start-offset-checkpoint"
CHECKPOINTS: Final = (RECOVERY_POINTS, LOG_STARTS, "replication-offset-checkpoint", CLEANER)
LEADER_EPOCHS: Final = "leader-epoch-checkpoint"
SNAPSHOT: Final = struct.Struct(">hI")
OURS: Final = frozenset(
    f"__{name}-{index}"
    for name in ("consumer_offsets", "transaction_state", "share_group_state")
    for index in range(1_000)
)
"""Internal partitions, all compacted."""
PARTITION: Final = re.compile(r".+-\d+")
META: Final = {"cluster.id": r"\S+", "directory.id": r"\S+", "node.id": r"\d+", "version": "1"}
TOPIC_ID: Final = re.compile(r"^topic_id: ?[A-Za-z0-9_-]{22}$", re.MULTILINE)
READ_AGAIN: Final = "nothing to do: the broker reads the logs instead and rewrites it"
LEFT_OUT: Final = "stop Footfall, delete this file and start: the broker rewrites it"
DELETED_COME_BACK: Final = (
    "restore it from a copy, or delete it: deleted records (DeleteRecords) may be readable again"
)
CLEAN_STOP: Final = ".kafka_cleanshutdown"
MISSED: Final = "missing-segments"
"""What a start misses of a log, in its directory."""
BY_A_START: Final = (
    "restore it from a copy. To continue without it: start Footfall (it does not open this log),"
    f" stop it, and delete the {MISSED} that it wrote beside it"
)
WITHOUT: Final = (
    "restore the segments that it lists (number, bytes) from a copy; to continue without them, stop"
    " Footfall and delete this file"
)
META_BY_HAND: Final = "restore it from a copy; the broker's log has the ids that it had"


def compacted_partitions(log_dir: Path) -> frozenset[str]:
    """Names of partitions that were compacted; all, if the file that tells cannot be read."""
    entries = _entries(log_dir / CLEANER)
    if isinstance(entries, str):
        return frozenset(path.name for path in log_dir.iterdir())
    return OURS.union(f"{topic}-{index}" for topic, index, *_ in map(str.split, entries))


def synced_offsets(log_dir: Path) -> dict[str, int]:
    """By name of a partition: all below it was on the disk at the last checkpoint."""
    path = log_dir / RECOVERY_POINTS
    if any(_checkpoint(path, 3, "")):
        return {}
    words = (entry.split() for entry in _entries(path))
    return {f"{topic}-{index}": int(offset) for topic, index, offset in words}


def check_store(log_dir: Path, *, is_running: bool) -> Iterator[Damage]:
    """Everything but segments and indexes; a running broker may be making or deleting logs."""
    if not log_dir.is_dir():
        return
    for path in (log_dir, *(path for path in sorted(log_dir.iterdir()) if path.is_dir())):
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            yield Damage(path, 0, "it cannot be read and written", way_out=READ_RIGHTS)
    yield from _meta(log_dir)
    for name in CHECKPOINTS:
        way_out = DELETED_COME_BACK if name == LOG_STARTS else READ_AGAIN
        yield from _checkpoint(log_dir / name, 3, way_out)
    if not is_running:
        yield from _gone(log_dir)
        yield from _finished(log_dir)
    for directory in sorted(log_dir.iterdir()):
        if directory.is_dir() and PARTITION.fullmatch(directory.name):
            yield from _partition(directory)


def _meta(log_dir: Path) -> Iterator[Damage]:
    path = log_dir / "meta.properties"
    text = _text(path)
    if text is None:
        if any(log_dir.glob("*/*.log")):
            yield Damage(path, 0, "it is missing, but there are logs", way_out=META_BY_HAND)
    elif isinstance(text, OSError):
        yield _unreadable(path, text)
    else:
        lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        for key, form in META.items():
            if not re.fullmatch(form, lines.get(key, "").strip()):
                told = f"{key} is {lines.get(key)!r}"
                yield Damage(path, 0, told, way_out=META_BY_HAND)
                return


def _gone(log_dir: Path) -> Iterator[Damage]:
    """Logs that were there at the last checkpoint, and have no directory."""
    for name, offset in synced_offsets(log_dir).items():
        path = log_dir / name
        if offset > 0 and not path.exists():
            told = f"it is missing, and had records up to offset {offset}"
            yield Damage(path, 0, told, way_out="restore it from a copy, unless you deleted it")


def _finished(log_dir: Path) -> Iterator[Damage]:
    """Finished segments that are not as they were at the last stop, if that was a clean one."""
    try:
        listed = json.loads((log_dir / CLEAN_STOP).read_bytes()).get("segments", {})
        segments = [
            (log_dir / name / f"{base:020d}.log", size)
            for name, one in listed.items()
            for base, size in one
        ]
    except (OSError, ValueError, TypeError, AttributeError):
        return  # no clean stop, or none that lists them: each log tells of itself alone
    for path, size in segments:
        if not path.parent.is_dir():
            continue
        if not path.exists():
            yield Damage(path, 0, "it is missing", way_out=BY_A_START)
        elif path.stat().st_size != size:
            told = f"it has {path.stat().st_size} bytes, and had {size} when the broker stopped"
            yield Damage(path, 0, told, way_out=BY_A_START)


def _partition(directory: Path) -> Iterator[Damage]:
    if not any(directory.glob("*.log")):
        told = "it has no segment"
        yield Damage(directory, 0, told, way_out="restore it from a copy")
    if (directory / MISSED).exists():
        told = "finished segments were missing at a start, so this log is not opened"
        yield Damage(directory / MISSED, 0, told, way_out=WITHOUT)
    path = directory / "partition.metadata"
    text = _text(path)
    if isinstance(text, OSError):
        yield _unreadable(path, text)
    elif text and not TOPIC_ID.search(text):
        told = "it names no topic id"
        yield Damage(path, 0, told, way_out=LEFT_OUT)
    yield from _checkpoint(directory / LEADER_EPOCHS, 2, READ_AGAIN)
    for snapshot in sorted(directory.glob("*.snapshot")):
        try:
            data = snapshot.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            yield _unreadable(snapshot, error)
            continue
        if len(data) < SNAPSHOT.size + 4 or SNAPSHOT.unpack_from(data) != (
            1,
            crc32c(data[SNAPSHOT.size :]),
        ):
            told = "wrong version or CRC of a producer snapshot"
            yield Damage(snapshot, 0, told, way_out=LEFT_OUT)


def _checkpoint(path: Path, words: int, way_out: str) -> Iterator[Damage]:
    entries = _entries(path)
    if isinstance(entries, str):
        yield Damage(path, 0, entries, way_out=way_out)
        return
    for number, entry in enumerate(entries, start=3):
        numbers = entry.split()[-2:]
        if len(entry.split()) != words or not all(map(str.isdigit, numbers)):
            yield Damage(path, 0, f"line {number} is {entry!r}", way_out=way_out)
            return


def _entries(path: Path) -> list[str] | str:
    """The entries of a checkpoint, none if it is not there; or what is wrong with it."""
    text = _text(path)
    if text is None:
        return []
    if isinstance(text, OSError):
        return f"it cannot be read ({text.strerror})"
    lines = text.splitlines()
    if len(lines) < 2 or lines[0] != "0" or lines[1] != str(len(lines) - 2):
        return "it is not a whole checkpoint of version 0"
    return lines[2:]


def _text(path: Path) -> str | OSError | None:
    """What stands in a small file; None without it."""
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        return error


def _unreadable(path: Path, error: OSError) -> Damage:
    return Damage(path, 0, f"it cannot be read ({error.strerror})", way_out=READ_RIGHTS)
