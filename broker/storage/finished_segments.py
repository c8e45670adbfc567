"""Finished segments between two processes: what a clean stop left is there at the next start.

That a segment in the middle is away, or an older copy of it is back, no log tells: retention and
compaction leave such logs as well. So the mark of a clean stop lists the finished segments of each
log and their sizes. What is not as it was is noted beside the log, and the log is not opened until
the files are back, or somebody takes the note away and does without them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

from broker.errors import StorageError
from broker.storage import checkpoint
from broker.storage.files import Files
from broker.storage.segment import LOG_SUFFIX, Segment

NOTE = "missing-segments"
"""In the directory of a log: a checkpoint of numbers and sizes."""
_KEY = "segments"

Sizes = Mapping[int, int]
"""Bytes of finished segments by the offset they are named after."""


def mark(logs: Iterable[tuple[str, Sequence[Segment]]]) -> bytes:
    """The content of the mark of a clean stop: Kafka's, and beside it the finished segments."""
    listed = {
        name: [[one.base_offset, one.size] for one in segments[:-1]]
        for name, segments in logs
        if len(segments) > 1
    }
    content = {"version": 0, "brokerEpoch": -1, **({_KEY: listed} if listed else {})}
    return json.dumps(content, separators=(",", ":")).encode()


def read_mark(content: bytes | None) -> dict[str, Sizes]:
    """By names of directories; nothing of a mark that is not ours, or not whole."""
    try:
        listed = json.loads(content or b"{}").get(_KEY, {})
        return {name: {int(base): int(size) for base, size in one} for name, one in listed.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def require(files: Files, segments: Sequence[Segment], at_stop: Sizes) -> None:
    """StorageError when finished segments are not as they were at the stop, or as noted since."""
    directory = segments[0].directory
    note = f"{directory}/{NOTE}"
    noted = _read_note(files, note)
    here = {one.base_offset: one.file.size for one in segments}
    wrong = {
        base: size
        for base, size in (at_stop if noted is None else noted).items()
        if here.get(base) != size
    }
    if not wrong:
        if noted is not None:
            files.remove(note)
        return
    if noted is None:
        entries = (f"{base} {size}" for base, size in sorted(wrong.items()))
        checkpoint.write_entries(files, directory, NOTE, entries)
    shown = ", ".join(
        _shown(base, here.get(base), size) for base, size in sorted(wrong.items())[:5]
    )
    raise StorageError(
        f"{directory}: finished segments are not as they were when the broker stopped: {shown}."
        " With the broker stopped put them back from a copy, or do without what is missing:"
        f" delete {note}"
    )


def _shown(base: int, here: int | None, size: int) -> str:
    name = f"{base:020d}{LOG_SUFFIX}"
    return f"{name} is missing" if here is None else f"{name} has {here} bytes and had {size}"


def _read_note(files: Files, path: str) -> dict[int, int] | None:
    try:
        entries = checkpoint.read_entries(files, path)
        return None if entries is None else {int(base): int(size) for base, size in entries}
    except ValueError as error:
        raise StorageError(f"{path} is not a checkpoint of numbers and sizes") from error
