"""SQLite warehouse: warehouse.db, one row an event, readable while it is written.

Table `events` has the records of topic events, `metrics` those of topic metrics: one row a measured
value. Columns of both are the fields of tracker.events.Event, and kafka_topic, kafka_partition,
kafka_offset: where the record stands in the log. `event_id` is the primary key, so a repeat is not
a second row. `props` is JSON; times are milliseconds since 1970 UTC. The tables are made, and new
columns of a later version added, through sqlite-utils; rows go in by one prepared statement.
"""

import sqlite3
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlite_utils import Database

from tracker.clock import Clock, SystemClock
from tracker.events import Event
from tracker.export.packer import Packer
from tracker.packs import measured, store
from tracker.rollups import BUSY_TIMEOUT_MS, DAY_MS
from tracker.sinks.exporter import Arrived, Offsets
from tracker.sinks.offset_table import in_transaction, refuse_damage
from tracker.sinks.sqlite_sink import SqliteSink
from tracker.sqlite_file import refuse_newer
from tracker.topics import EVENTS, METRICS

SCHEMA: Final = 2
"""Columns are added without a step: a version before them leaves them empty. It rises when such a
version would spoil what stands there: one before 2 takes no pack away when events come late."""
POSITION_COLUMNS: Final = {"kafka_topic": str, "kafka_partition": int, "kafka_offset": int}
REQUIRED: Final = ("event_name", "site_id", "received_at", "occurred_at", "visitor_id")
TABLES: Final = {
    EVENTS.name: (("site_id", "occurred_at"), ("received_at",)),
    METRICS.name: (("site_id", "metric_name", "occurred_at"), ("received_at",), ("site_id",)),
}
"""Tables, each named as the topic it is filled from, and what each is indexed by: by site and time
for reports, by arrival for "what is new since"; rowids stand last in each."""


def event_columns() -> dict[str, type]:
    """Name and Python type of each column, in order."""
    hints = typing.get_type_hints(Event)
    columns = {field: _column_type(hints[field]) for field in Event.__struct_fields__}
    return {**columns, **POSITION_COLUMNS}


def _column_type(hint: Any) -> type:
    arms = typing.get_args(hint) or (hint,)
    for simple in (str, bool, int, float):
        if simple in arms:
            return int if simple is bool else simple
    return str  # props, as JSON


class SqliteExporter(SqliteSink):
    """warehouse.db as an Exporter."""

    name = "sqlite"

    def __init__(
        self, path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS, clock: Clock | None = None
    ) -> None:
        super().__init__(path)
        self._clock = clock or SystemClock()
        self._timeout_s = busy_timeout_ms / 1000
        columns = list(event_columns())
        self._props = columns.index("props")
        self._inserts = {
            table: f"INSERT INTO {table} ({', '.join(columns)})"
            f" VALUES ({', '.join('?' * len(columns))}) ON CONFLICT (event_id) DO NOTHING"
            for table in TABLES
        }

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.place, isolation_level=None, timeout=self._timeout_s)

    def _prepare(self) -> None:
        refuse_newer(self._db, self.place, SCHEMA)
        self._db.execute("PRAGMA journal_mode = WAL")
        # A power cut may take back the last transactions, offsets included: the broker's log is
        # read again from there.
        self._db.execute("PRAGMA synchronous = NORMAL")
        refuse_damage(self._db, Path(self.place))
        in_transaction(self._db, self._make_tables)
        self._packer = Packer(self._db, self._clock)

    def flush(self) -> Offsets:
        safe = super().flush()
        self._packer.pack_some()
        return safe

    def _store(self, records: Sequence[Arrived]) -> None:
        for table, insert in self._inserts.items():
            of_table = (record for record in records if record.where.topic == table)
            self._db.executemany(insert, map(self._row, of_table))
        packed_ms = self._packer.end_ms()
        self._packer.late(
            {
                (one.event.site_id, one.event.occurred_at // DAY_MS)
                for one in records
                if one.event.occurred_at < packed_ms and one.where.topic == EVENTS.name
            }
        )

    def _row(self, record: Arrived) -> tuple[object, ...]:
        values = msgspec.structs.astuple(record.event)
        if (props := record.event.props) is not None:
            as_json = msgspec.json.encode(props).decode()
            values = (*values[: self._props], as_json, *values[self._props + 1 :])
        return (*values, *record.where, record.offset)

    def _make_tables(self) -> None:
        """Create what is missing, inside a transaction: two instances may start together."""
        database = Database(self._db, execute_plugins=False)
        columns = event_columns()
        for name, indexes in TABLES.items():
            table = database.table(name)
            if table.exists():
                for column in columns.keys() - table.columns_dict.keys():
                    table.add_column(column, columns[column])
            else:
                table.create(columns, pk="event_id", not_null=REQUIRED)
            for indexed in indexes:
                table.create_index(indexed, if_not_exists=True)
        store.make_tables(self._db)
        measured.make_tables(self._db)
        offsets = {"topic": str, "partition": int, "next_offset": int}
        self._db.execute(f"PRAGMA user_version = {SCHEMA}")
        database.table("_offsets").create(
            offsets, pk=("topic", "partition"), not_null=("next_offset",), if_not_exists=True
        )
