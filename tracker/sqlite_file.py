"""What all our SQLite files have in common: the version of their schema, and how damage is found.

The version is `PRAGMA user_version`; a file of a later one is refused before it is written to.

SQLite has no checksums. What can be found is what cannot be: pages that are no pages, rows out of
order, and (`thorough`: PRAGMA integrity_check, two to ten times as long as quick_check) indexes
that do not agree with their tables. A byte that changed within a text or number of no index is not.
"""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from footfall.settings import SettingsError

FAULTS_TOLD_MAX: Final = 3
STEPS_BETWEEN_LOOKS: Final = 10_000  # of SQLite's virtual machine, well under a millisecond
BUSY_TIMEOUT_S: Final = 2.0
DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class SchemaTooNew(SettingsError):
    """A newer Footfall wrote the file; waiting does not help, so the role ends for good."""


def schema_of(db: sqlite3.Connection) -> int:
    """0: nothing is in it yet, or it is from before there was a version."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def refuse_newer(db: sqlite3.Connection, path: str, known: int) -> None:
    """Raises SchemaTooNew, sqlite3.Error; reads only."""
    if (found := schema_of(db)) > known:
        raise SchemaTooNew(
            f"{path} has schema {found}, which is newer than {known}, the newest that this Footfall"
            " knows. Nothing was changed. Start the version that wrote it, or move the file away"
            " with its -wal and -shm"
        )


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at a database found."""

    faults: tuple[str, ...]  # SQLite's words; none: no damage was found
    is_whole: bool  # False: the time was over before all of it was looked at


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is at fault, not the disk, its rights or another process."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in DAMAGE


def check_file(path: Path, seconds: float, *, thorough: bool) -> Checked:
    """Of a file that is there; others may read and write it meanwhile.

    Raises sqlite3.Error where it cannot be read.
    """
    uri = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as db:
        return check(db, seconds, thorough=thorough)


def check(db: sqlite3.Connection, seconds: float, *, thorough: bool) -> Checked:
    """Of an open database, outside of transactions. Raises sqlite3.Error but for damage."""
    deadline = time.monotonic() + seconds
    pragma = "integrity_check" if thorough else "quick_check"
    faults: list[str] = []
    db.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS)
    try:
        for (told,) in db.execute(f"PRAGMA {pragma}({FAULTS_TOLD_MAX})"):
            lines = str(told).splitlines()
            faults += [line for line in lines if line != "ok" and not line.startswith("***")]
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return Checked(tuple(faults[:FAULTS_TOLD_MAX]), False)
        if not is_damage(error):
            raise
        faults.append(str(error))
    finally:
        db.set_progress_handler(None, 0)
    return Checked(tuple(faults[:FAULTS_TOLD_MAX]), True)
