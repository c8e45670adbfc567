"""When offsets were appended, by the broker's own clock: what lag in seconds is counted from.

Producers stamp records by clocks of their own, so their timestamps say little. A log keeps *runs*
instead: from this offset on, appended between these two moments. A run is a tenth of a second of
appends; with age runs are joined, so that what is told is off by a fiftieth of its age at most and
a log needs a few hundred runs however old it is. It is kept in `append-times`:

version i16 (1) | crc u32 (CRC-32C of what follows it) | end offset i64
| then for each run: first offset i64 | first ms i64 | last ms i64

The file is a comfort, written without a sync: damaged or lost, times before the start are not
known, and nobody is told one. Offsets that a stop left out of it lie between what it knows last
and the start after.
"""

import logging
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from struct import Struct, error

from crc32c import crc32c

from broker.errors import StorageError
from broker.storage.checkpoint import read_file
from broker.storage.files import Files

log = logging.getLogger(__name__)

FILE_NAME = "append-times"
RUN_MS = 100
AGE_SHARE = 50  # a run of age A spans A / 50 at most
RUNS_MAX = 1_024  # 24 KB; the oldest are forgotten beyond that
_JOIN_AT = 64  # runs before the first look for what can be joined
_VERSION = 1
_HEAD = Struct(">hI")
_END = Struct(">q")
_RUN = Struct(">qqq")

Run = tuple[int, int, int]
"""First offset, and the first and last millisecond in which it and those after it came."""


class Runs:
    """Some of them in columns, for as tuples they would take five times the memory.

    One thread adds, others look up: first offsets grow last, so that each has its moments.
    """

    __slots__ = ("first_ms", "first_offsets", "last_ms")

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self.first_offsets, self.first_ms, self.last_ms = array("q"), array("q"), array("q")
        for run in runs:
            self.append(run)

    def __len__(self) -> int:
        return len(self.first_offsets)

    def __iter__(self) -> Iterator[Run]:
        return zip(self.first_offsets, self.first_ms, self.last_ms, strict=False)

    def append(self, run: Run) -> None:
        first_offset, first_ms, last_ms = run
        self.last_ms.append(last_ms)
        self.first_ms.append(first_ms)
        self.first_offsets.append(first_offset)

    def slot_of(self, offset: int) -> int:
        """Of the run that has `offset`; -1 when it is older than all."""
        return bisect_right(self.first_offsets, offset) - 1


class AppendTimes:
    """The runs of one log. One thread notes and saves; `between` may be asked from any."""

    __slots__ = ("_began_ms", "_directory", "_files", "_join_at", "_runs", "_unsaved")

    def __init__(self, files: Files, directory: str, end_offset: int, now_ms: int) -> None:
        """What was kept of a log that is opened now and ends there."""
        self._files = files
        self._directory = directory
        try:
            data = read_file(files, f"{directory}/{FILE_NAME}")
        except StorageError as failure:
            log.warning("times of appends are not known: %s", failure)
            data = None
        known_end, runs = parse(data)
        runs = [run for run in runs if run[0] < end_offset]
        if runs and known_end < end_offset:
            last_ms = runs[-1][2]
            runs.append((known_end, last_ms, max(last_ms, now_ms)))
        self._runs = Runs(runs)
        self._began_ms = -RUN_MS
        self._join_at = max(_JOIN_AT, 2 * len(runs))
        self._unsaved = False

    def note(self, first_offset: int, now_ms: int) -> None:
        """What was appended now begins at this offset."""
        if 0 <= now_ms - self._began_ms < RUN_MS:  # a clock that was set back begins a run, too
            return
        self._began_ms = now_ms
        self._unsaved = True
        self._runs.append((first_offset, now_ms, now_ms + RUN_MS))
        if len(self._runs) >= self._join_at:
            self._runs = Runs(joined(list(self._runs), now_ms)[-RUNS_MAX:])
            self._join_at = min(RUNS_MAX, max(_JOIN_AT, 2 * len(self._runs)))

    @property
    def runs(self) -> int:
        return len(self._runs)

    def between(self, offset: int) -> tuple[int, int] | None:
        """The two moments between which the record at `offset` came, ms; None: not known."""
        runs = self._runs
        slot = runs.slot_of(offset)
        return (runs.first_ms[slot], runs.last_ms[slot]) if slot >= 0 else None

    def take(self, other: "AppendTimes") -> None:
        """Know what another log of the same records knows."""
        self._runs = Runs(other._runs)
        self._unsaved = True

    def save(self, start_offset: int, end_offset: int) -> None:
        """Write the file anew, if there is something new; not synced."""
        if not self._unsaved:
            return
        first = max(0, self._runs.slot_of(start_offset))
        self._runs = Runs(list(self._runs)[first:])
        body = _END.pack(end_offset) + b"".join(_RUN.pack(*run) for run in self._runs)
        temporary = f"{self._directory}/{FILE_NAME}.tmp"
        file = self._files.open(temporary, create=True)
        if file.size:
            file.truncate(0)
        file.append([_HEAD.pack(_VERSION, crc32c(body)) + body])
        self._files.rename(temporary, f"{self._directory}/{FILE_NAME}")
        self._unsaved = False


def joined(runs: list[Run], now_ms: int) -> list[Run]:
    """The same with fewer runs: neighbours become one where that spans little for its age."""
    found = runs[:1]
    for run in runs[1:]:
        offset, first_ms, _ = found[-1]
        if 0 <= run[2] - first_ms <= (now_ms - run[2]) // AGE_SHARE:
            found[-1] = (offset, first_ms, run[2])
        else:
            found.append(run)
    return found


def parse(data: bytes | None) -> tuple[int, list[Run]]:
    """The end offset and the runs of a file; (0, none) when it is missing or damaged."""
    try:
        version, crc = _HEAD.unpack_from(data or b"")
        (end_offset,) = _END.unpack_from(data or b"", _HEAD.size)
        body = memoryview(data or b"")[_HEAD.size :]
        if version != _VERSION or crc != crc32c(body):
            return 0, []
        runs = list(_RUN.iter_unpack(body[_END.size :]))
    except error:
        return 0, []
    return end_offset, runs
