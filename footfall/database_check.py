"""Looks at the SQLite files in the data directory, each within a bounded time.

What may be done about a damaged one depends on what else knows its rows: of the last 30 days the
topics do, of what is older nobody.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from footfall.segment_check import READ_RIGHTS, Damage
from tracker.sqlite_file import check_file, is_damage

SECONDS_A_FILE: Final = 30.0
FROM_THE_TOPICS: Final = (
    "stop Footfall; restore a copy, or move it away with its -wal and -shm and start: a new file is"
    " filled from the topics. Older rows are only in this file: `sqlite3 {name} .recover` reads"
    " what is readable"
)
HISTORY: Final = "stop the dashboard and delete it: charts and verdicts start again"
SET_ASIDE: Final = "check the disk (dmesg, smartctl), then delete it: a new file is in use"
A_COPY: Final = "restore it from a copy"


def databases(data_dir: Path) -> list[Path]:
    """Those of the sinks first, then those of the dashboard."""
    return [
        path
        for folder in (data_dir, data_dir / "dashboard")
        for path in sorted(folder.glob("*.db"))
        if path.is_file()
    ]


def check_databases(data_dir: Path, seconds: float = SECONDS_A_FILE) -> Iterator[str | Damage]:
    """A file that is well is a line of words."""
    for path in databases(data_dir):
        yield _check(path, seconds)
    for path in sorted((data_dir / "dashboard").glob("*.damaged")):
        yield Damage(path, 0, "it was damaged and set aside", way_out=SET_ASIDE)


def _check(path: Path, seconds: float) -> str | Damage:
    if not path.stat().st_size:
        return f"{path}: empty"
    try:
        checked = check_file(path, seconds, thorough=True)
    except sqlite3.Error as error:
        if is_damage(error):
            return Damage(path, 0, str(error), way_out=_way_out(path))
        return Damage(path, 0, f"it cannot be read ({error})", way_out=READ_RIGHTS)
    if checked.faults:
        return Damage(path, 0, "; ".join(checked.faults), way_out=_way_out(path))
    size = f"{path.stat().st_size / 1e6:,.1f} MB"
    if checked.is_whole:
        return f"{path}: {size}, no damage found"
    return (
        f"{path}: {size}, no damage found in {seconds:.0f} s, too short to check all of it"
        f" (`sqlite3 {path.name} 'PRAGMA integrity_check'` checks all of it)"
    )


def _way_out(path: Path) -> str:
    if path.parent.name == "dashboard":
        return HISTORY
    if path.name in ("rollups.db", "warehouse.db"):
        return FROM_THE_TOPICS.format(name=path.name)
    return A_COPY
