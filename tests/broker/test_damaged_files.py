"""Each file of a stopped broker, damaged: nothing is lost in silence, and every start has a way on.

After a clean stop all is known: how far each log goes, where it begins. So whatever happens to one
file, the broker starts with all that clients were told is done, or it says what is lost: the
partition is offline, or the start is refused, with the file at fault. After kill -9 the same holds
for all files but the logs, whose ends may be torn.

Two kinds are left out. Without log-start-offset-checkpoint what DeleteRecords took may be readable
again; no crash leaves it away. Bytes that change within a finished segment are found by who reads
them (each batch has its CRC) and by `footfall doctor`, not by a start that reads no log twice.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from broker.app import CannotStart
from tests.support.filmed_files import CRASHES
from tests.support.memory_files import MemoryFiles
from tests.support.promises import Told, Unusable, check, played

pytestmark = pytest.mark.crash

EVERYTHING = os.environ.get("HYPOTHESIS_PROFILE") == "exhaustive"
STRIDE = 11  # of all cases the short form tries one in so many, of each damage some
LOG = ".log"


@dataclass(frozen=True, slots=True)
class Disks:
    """A broker's disk after a bit of everything: stopped, killed, and long before."""

    told: Told
    stopped: MemoryFiles
    killed: MemoryFiles
    older: MemoryFiles


def missing(files: MemoryFiles, path: str, older: MemoryFiles) -> None:
    files.remove(path)


def empty(files: MemoryFiles, path: str, older: MemoryFiles) -> None:
    files.open(path).truncate(0)


def cut(files: MemoryFiles, path: str, older: MemoryFiles) -> None:
    files.open(path).truncate(len(files.contents(path)) // 2)


def zeros(files: MemoryFiles, path: str, older: MemoryFiles) -> None:
    size = len(files.contents(path))
    file = files.open(path)
    file.truncate(size // 2)
    file.append([bytes(size - size // 2)])


def garbled(files: MemoryFiles, path: str, older: MemoryFiles) -> None:
    for position in range(0, len(files.contents(path)), 7):
        files.corrupt(path, position)


def old(files: MemoryFiles, path: str, older: MemoryFiles) -> None:
    if older.exists(path):
        file = files.open(path)
        file.truncate(0)
        file.append([older.contents(path)])


Damage = Callable[[MemoryFiles, str, MemoryFiles], None]
DAMAGE: list[Damage] = [missing, empty, cut, zeros, garbled, old]


async def made(tmp_path: Path) -> Disks:
    async with played(tmp_path, CRASHES["kill -9"]) as (files, told):
        killed = files.after_crash(**CRASHES["kill -9"])
    stopped = files.after_crash(**CRASHES["kill -9"])
    return Disks(told, stopped, killed, files.pictures[len(files.pictures) // 2][1])


def kinds(files: MemoryFiles) -> list[str]:
    """All files in the long form; in the short one the first of each kind of name."""
    first: dict[str, str] = {}
    for path in files.paths():
        kind = path if EVERYTHING else re.sub(r"\d+", "#", path.partition("/broker/")[2])
        first.setdefault(kind, path)
    return list(first.values())


def is_left_out(files: MemoryFiles, path: str, damage: Damage) -> bool:
    name = path.rpartition("/")[2]
    if name == "log-start-offset-checkpoint" and damage in (missing, old):
        return True
    return damage is garbled and is_finished(files, path)


def is_finished(files: MemoryFiles, path: str) -> bool:
    """Whether it is the .log of a segment that others follow."""
    folder = path.rpartition("/")[0]
    logs = [one for one in files.paths() if one.startswith(f"{folder}/") and one.endswith(LOG)]
    return path.endswith(LOG) and path != max(logs)


def missing_or_older(disks: Disks) -> list[tuple[MemoryFiles, str, Damage]]:
    """A finished segment of each log that has one, as no start finds it in its log alone."""
    by_log = {
        path.rpartition("/")[0]: path
        for path in disks.stopped.paths()
        if is_finished(disks.stopped, path)
    }
    assert by_log
    return [(disks.stopped, path, damage) for path in by_log.values() for damage in (missing, old)]


async def test_a_damaged_file_costs_nothing_in_silence(tmp_path: Path) -> None:
    disks = await made(tmp_path)
    cases = [(disks.stopped, path, damage) for path in kinds(disks.stopped) for damage in DAMAGE]
    cases += [
        (disks.killed, path, damage)
        for path in kinds(disks.killed)
        for damage in DAMAGE
        if not path.endswith(LOG)
    ]

    tried = cases if EVERYTHING else cases[::STRIDE] + missing_or_older(disks)[:6]
    for files, path, damage in tried:
        if is_left_out(files, path, damage):
            continue
        damaged = files.copy()
        damage(damaged, path, disks.older)
        try:
            await check(tmp_path, disks.told, damaged)
        except (CannotStart, Unusable) as refusal:
            assert path.rpartition("/")[0] in str(refusal), (path, damage)
