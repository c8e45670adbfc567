"""The table `_offsets` of a SQLite sink, and transactions.

_offsets(topic, partition, next_offset)    written in the same transaction as the rows
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from tracker.sinks.exporter import Offsets, SinkUnavailable, SinkUnusable
from tracker.sqlite_file import check, is_damage
from tracker.topics import TopicPartition

START_CHECK_BYTES_MAX: Final = 64 * 2**20  # some 0.2 s; larger files are looked at by the doctor
START_CHECK_S: Final = 5.0

_REASONS = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_IOERR: "io_error",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_CANTOPEN: "cannot_open",
}
"""Primary result codes that may pass; anything else (damage, a bug) ends the process."""


def meaning(error: sqlite3.Error) -> Exception:
    """What a failure means for the worker; the error itself where it is a bug."""
    if is_damage(error):
        return SinkUnusable(str(error))
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    reason = _REASONS.get(code)
    return SinkUnavailable(reason, str(error)) if reason else error


def refuse_damage(db: sqlite3.Connection, path: Path) -> None:
    """At the start, what a quick look shows; a large file is believed until a read fails.

    Raises SinkUnusable, sqlite3.Error.
    """
    if path.stat().st_size <= START_CHECK_BYTES_MAX:
        checked = check(db, START_CHECK_S, thorough=False)
        if checked.faults:
            raise SinkUnusable("; ".join(checked.faults))


def read_offsets(db: sqlite3.Connection, owned: Iterable[TopicPartition]) -> Offsets:
    """Next offsets of `owned`; 0 for a partition never seen. Raises what `meaning` says."""
    try:
        rows = db.execute("SELECT topic, partition, next_offset FROM _offsets").fetchall()
    except sqlite3.Error as error:
        raise meaning(error) from error
    stored = {TopicPartition(topic, partition): offset for topic, partition, offset in rows}
    return {where: stored.get(where, 0) for where in owned}


def write_offsets(db: sqlite3.Connection, offsets: Mapping[TopicPartition, int]) -> None:
    """Part of the caller's transaction."""
    db.executemany(
        "INSERT INTO _offsets (topic, partition, next_offset) VALUES (?, ?, ?)"
        " ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset",
        [(where.topic, where.partition, offset) for where, offset in offsets.items()],
    )


def in_transaction(db: sqlite3.Connection, work: Callable[[], None]) -> None:
    """`work` wholly or not at all, alone among all writers. Raises what `meaning` says."""
    try:
        db.execute("BEGIN IMMEDIATE")
        try:
            work()
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:  # a full disk has rolled back by itself
                db.execute("ROLLBACK")
            raise
    except sqlite3.Error as error:
        raise meaning(error) from error
