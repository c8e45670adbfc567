"""The dictionary of rollups.db: a text becomes a small number that never changes."""

import sqlite3
from collections.abc import Iterable
from typing import Final

CACHE_ENTRIES_MAX: Final = 200_000  # about 30 MB with texts of 60 characters
LOOKUP_TEXTS: Final = 500  # texts in one SELECT, well under SQLite's bound of variables


class Names:
    """Ids of texts, kept in memory once committed or read; forget them after a rollback."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._ids: dict[str, int] = {}

    def prepare(self, texts: Iterable[str]) -> None:
        """Give every text an id; part of the caller's transaction."""
        if len(self._ids) > CACHE_ENTRIES_MAX:
            self._ids.clear()
        missing = sorted(set(texts) - self._ids.keys())
        if not missing:
            return
        self._db.executemany(
            "INSERT INTO names (text) VALUES (?) ON CONFLICT (text) DO NOTHING",
            [(text,) for text in missing],
        )
        for begin in range(0, len(missing), LOOKUP_TEXTS):
            part = missing[begin : begin + LOOKUP_TEXTS]
            marks = ",".join("?" * len(part))
            rows = self._db.execute(f"SELECT text, id FROM names WHERE text IN ({marks})", part)
            self._ids.update(rows.fetchall())

    def ids_of(self, texts: Iterable[str]) -> tuple[int, ...]:
        """The ids of texts that were prepared."""
        return tuple(map(self._ids.__getitem__, texts))

    def forget(self) -> None:
        """After a rollback: ids given since may be given to other texts."""
        self._ids.clear()
