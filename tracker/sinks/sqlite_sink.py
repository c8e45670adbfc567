"""What SQLite sinks have in common: one file, whose rows and offsets move in one transaction."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tracker.sinks.exporter import Arrived, Offsets
from tracker.sinks.held import Held
from tracker.sinks.offset_table import (
    in_transaction,
    meaning,
    read_offsets,
    write_offsets,
)
from tracker.topics import EVENTS, METRICS, Topic, TopicPartition


class SqliteSink(ABC):
    """An Exporter but for its name; what its tables are and how they are filled is the sink's."""

    topics: Final[Sequence[Topic]] = (EVENTS, METRICS)

    def __init__(self, path: Path) -> None:
        self.place = str(path)
        self._held = Held()

    @abstractmethod
    def _connect(self) -> sqlite3.Connection:
        """Open the file, which is made if it is not there. Raises sqlite3.Error."""

    @abstractmethod
    def _prepare(self) -> None:
        """Look at what `_db` has, and make what is missing.

        Raises sqlite3.Error, SchemaTooNew, SinkUnusable.
        """

    @abstractmethod
    def _store(self, records: Sequence[Arrived]) -> None:
        """Write the rows of `records`, within a transaction. Raises sqlite3.Error."""

    def open(self) -> None:
        try:
            self._db = self._connect()
        except sqlite3.Error as error:
            raise meaning(error) from error
        try:
            self._prepare()
        except BaseException as error:
            self._db.close()
            raise (meaning(error) if isinstance(error, sqlite3.Error) else error) from error

    def positions(self, owned: Sequence[TopicPartition]) -> Offsets:
        positions = read_offsets(self._db, owned)
        self._held.reset(positions)
        return positions

    def restart(self, where: TopicPartition, offset: int) -> None:
        in_transaction(self._db, lambda: write_offsets(self._db, {where: offset}))
        self._held.move(where, offset)

    def write(self, records: Sequence[Arrived], next_offsets: Mapping[TopicPartition, int]) -> None:
        self._held.add(records, next_offsets)

    def flush(self) -> Offsets:
        moved = self._held.moved
        if not moved:
            return {}
        safe: Offsets = {}

        def work() -> None:
            stored = read_offsets(self._db, moved)
            self._store(self._held.fresh(stored))
            safe.update({where: max(moved[where], stored[where]) for where in moved})
            write_offsets(self._db, safe)

        in_transaction(self._db, work)
        self._held.done(safe)
        return safe

    def close(self) -> None:
        self._db.close()
