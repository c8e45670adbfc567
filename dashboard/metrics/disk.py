"""How full disks are: that of the data directory, and those that the broker's logs lie on."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dashboard.metrics.roles import RoleWatcher

INTERVAL_S: Final = 10.0
FREE: Final = "footfall_disk_free_bytes"
WAITING: Final = "footfall_disk_waiting_seconds"
SILENT_S: Final = 5.0  # longer than a disk that is merely slow takes for a write or a sync
TOTAL: Final = "footfall_disk_total_bytes"
ALIKE: Final = 0.01  # of its size: what two looks at one disk may differ by


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system, by a directory on it."""

    path: str
    free_bytes: int
    total_bytes: int

    @property
    def free_share(self) -> float:
        return self.free_bytes / self.total_bytes


class DiskWatch:
    """Measures the disk of the data directory beside the event loop, every ten seconds."""

    def __init__(self, path: Path, roles: RoleWatcher) -> None:
        """`roles`: who tells of log directories, which may lie on other disks."""
        self.path = path
        self._roles = roles
        self._usage = _measure(path)

    @property
    def disks(self) -> list[Disk]:
        """Each disk once, fullest first."""
        return each_once([*self._usage, *self._of_logs()])

    def _of_logs(self) -> list[Disk]:
        totals = {one.labels.get("path"): one.value for one in self._roles.samples(TOTAL)}
        return [
            Disk(path, int(one.value), int(total))
            for one in self._roles.samples(FREE)
            if (path := one.labels.get("path")) and (total := totals.get(path))
        ]

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            self._usage = await asyncio.to_thread(_measure, self.path)


def silent_disks(roles: RoleWatcher) -> list[tuple[str, float]]:
    """Log directories of the broker whose disk does not answer, and for how many seconds."""
    return [
        (one.labels.get("path", ""), one.value)
        for one in roles.samples(WAITING)
        if one.value > SILENT_S
    ]


def each_once(told: Sequence[Disk]) -> list[Disk]:
    """Fullest first, without those that look like one before: directories share disks."""
    found: list[Disk] = []
    for disk in told:
        if not any(_is_same(disk, one) for one in found):
            found.append(disk)
    return sorted(found, key=lambda disk: disk.free_share)


def _is_same(disk: Disk, other: Disk) -> bool:
    apart_bytes = abs(disk.free_bytes - other.free_bytes)
    return disk.total_bytes == other.total_bytes and apart_bytes <= ALIKE * disk.total_bytes


def _measure(path: Path) -> list[Disk]:
    """Empty when the file system does not tell."""
    try:
        usage = shutil.disk_usage(path)
    except OSError:
        return []
    return [Disk(str(path), usage.free, usage.total)] if usage.total else []
