"""The day's secret of the visitor id: random, kept at most 48 hours, shared by all workers.

File <data>/ingest/salts.json, mode 0600: {"<days since 1970 UTC>": "<64 hex digits>"}: today's,
yesterday's, and shortly before midnight tomorrow's. Once a salt is deleted nobody can compute its
visitor ids again.
"""

import fcntl
import json
import logging
import secrets
from pathlib import Path
from typing import Final

from footfall.folders import make_folder
from tracker.secret_file import replace_file

log = logging.getLogger(__name__)

DAY_MS: Final = 24 * 60 * 60 * 1000
SALT_BYTES: Final = 32
DAYS_KEPT: Final = 2  # today and yesterday: gone before it is 48 hours old
AHEAD_MS: Final = 10 * 60 * 1000  # tomorrow's is made so early, so that midnight waits for no disk


class Salts:
    """`today(now_ms)` is the same in all processes that share the directory."""

    def __init__(self, directory: Path) -> None:
        make_folder(directory)
        self._path = directory / "salts.json"
        self._lock_path = directory / "salts.lock"
        self._known: dict[
            int, bytes
        ] = {}  # by day: today's, and tomorrow's shortly before midnight

    def today(self, now_ms: int) -> bytes:
        """The salt of the UTC day of `now_ms`, from memory if `prepare` was called in time.

        Otherwise (the clock jumped) it reads the file; raises OSError when that cannot be done.
        """
        day = now_ms // DAY_MS
        if day not in self._known:
            self._known = {day: self._load(day)}
        return self._known[day]

    def prepare(self, now_ms: int) -> None:
        """Have the salts of today and of the next minutes in memory, and too old ones deleted.

        Reads and writes the file: call it in a thread, once a minute. Raises OSError.
        """
        days = sorted({now_ms // DAY_MS, (now_ms + AHEAD_MS) // DAY_MS})
        self._known = {day: self._load(day) for day in days}

    def _load(self, day: int) -> bytes:
        """Read or make the salt of `day` and delete those that are too old, under a lock."""
        with self._lock_path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self._read()
            kept = {one: salt for one, salt in known.items() if abs(one - day) < DAYS_KEPT}
            if day not in kept:
                kept[day] = secrets.token_bytes(SALT_BYTES)
                log.info("new salt day=%d", day)
            if kept != known:
                self._write(kept)
            return kept[day]

    def _read(self) -> dict[int, bytes]:
        try:
            stored = json.loads(self._path.read_bytes())
            found = {int(day): bytes.fromhex(salt) for day, salt in stored.items()}
            if any(len(salt) != SALT_BYTES or not any(salt) for salt in found.values()):
                raise ValueError("one is none")  # ids could be guessed
        except FileNotFoundError:
            return {}
        except (ValueError, AttributeError, TypeError) as error:
            log.warning(
                "salts are damaged, today's visitors get new ids path=%s: %s", self._path, error
            )
            return {}
        return found

    def _write(self, salts: dict[int, bytes]) -> None:
        """Replace the file atomically: a half-written one would split visitors in two."""
        as_text = {str(day): salt.hex() for day, salt in salts.items()}
        replace_file(self._path, json.dumps(as_text).encode())
