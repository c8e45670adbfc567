"""rollups.db: its tables, and the words that writer (tracker.stream) and reader (reports) share.

    names          every text once; sites, pages, sources ... are ids of it ("" means not known)
    seen           ids of events counted in the last days: a repeat is not counted again
    hits           one row an event: any range, to the millisecond
    hourly, daily  per dimension and value: hits and exact visitors of an hour, of a UTC day
    presence       who was there: bit h of `hours` = this visitor had this value in hour h of `day`
    sessions       one row a visit; session_hours sums those that start in one hour
    live           last sign of life of a visitor; kept for an hour
    bot_hours      what bots did, apart from everything above
    metric_hours   per metric and UTC hour: how many values in which bucket of tracker.histogram
    metric_days    the same per UTC day and page
    metric_names   which metrics a site has
    revenue_hours  what events were worth, by name and currency
    _offsets       next offset of each partition, written in the same transaction as all the rest

A visitor id is worth one UTC day (its salt changes at midnight), so visitors of several days are
the sum of each day's: nothing is estimated. Hours and days are numbers since 1970 UTC.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Final

from tracker.sqlite_file import refuse_newer, schema_of

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
HOURS_A_DAY: Final = 24
MICRO: Final = 1_000_000  # amounts of money are kept in millionths

BUSY_TIMEOUT_MS: Final = 2_000  # how long a statement waits for another writer's lock


OTHER: Final = "(other)"
"""Name of what metrics or pages beyond their bound are counted under; no page is named so."""


class Kind(IntEnum):
    """What the `value_id` of hourly, daily and presence stands for. Stored: never renumber."""

    TOTAL = 0  # the whole site, value id 0
    PAGE = 1
    SOURCE = 2
    COUNTRY = 3
    EVENT = 4  # every event name but "pageview"
    BROWSER = 5
    OS = 6
    DEVICE = 7


class HitClass(IntEnum):
    """Who did what, in `hits`. Stored: never renumber."""

    EVENT = 0
    PAGE_VIEW = 1
    BOT_EVENT = 2
    BOT_PAGE_VIEW = 3


class Step(StrEnum):
    """Width of a time series' buckets."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class Dimension(StrEnum):
    """What a breakdown can be asked for."""

    PAGE = "page"
    SOURCE = "source"
    COUNTRY = "country"
    EVENT = "event"
    ENTRY_PAGE = "entry_page"
    BROWSER = "browser"
    OS = "os"
    DEVICE = "device"


KINDS: Final = {
    Dimension.PAGE: Kind.PAGE,
    Dimension.SOURCE: Kind.SOURCE,
    Dimension.COUNTRY: Kind.COUNTRY,
    Dimension.EVENT: Kind.EVENT,
    Dimension.BROWSER: Kind.BROWSER,
    Dimension.OS: Kind.OS,
    Dimension.DEVICE: Kind.DEVICE,
}
"""Entry pages have no kind: they belong to sessions."""

HIT_COLUMNS: Final = {
    Kind.PAGE: "page_id",
    Kind.SOURCE: "source_id",
    Kind.COUNTRY: "country_id",
    Kind.EVENT: "name_id",
    Kind.BROWSER: "browser_id",
    Kind.OS: "os_id",
    Kind.DEVICE: "device_id",
}
"""The column of `hits` that holds a kind's value."""

MIGRATIONS: Final = (
    """
    CREATE TABLE names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
    CREATE TABLE seen (
        sequence INTEGER PRIMARY KEY, event_key BLOB NOT NULL UNIQUE, seen_at_ms INTEGER NOT NULL
    );
    CREATE TABLE hits (
        site_id INTEGER, occurred_at_ms INTEGER, event_key BLOB, class INTEGER NOT NULL,
        name_id INTEGER, visitor_id TEXT, page_id INTEGER, source_id INTEGER, country_id INTEGER,
        browser_id INTEGER, os_id INTEGER, device_id INTEGER, reason_id INTEGER,
        PRIMARY KEY (site_id, occurred_at_ms, event_key)
    ) WITHOUT ROWID;
    CREATE TABLE hourly (
        site_id INTEGER, kind INTEGER, hour INTEGER, value_id INTEGER,
        hits INTEGER NOT NULL, visitors INTEGER NOT NULL,
        PRIMARY KEY (site_id, kind, hour, value_id)
    ) WITHOUT ROWID;
    CREATE TABLE daily (
        site_id INTEGER, kind INTEGER, day INTEGER, value_id INTEGER,
        hits INTEGER NOT NULL, visitors INTEGER NOT NULL,
        PRIMARY KEY (site_id, kind, day, value_id)
    ) WITHOUT ROWID;
    CREATE TABLE presence (
        site_id INTEGER, kind INTEGER, day INTEGER, value_id INTEGER, visitor_id TEXT,
        hours INTEGER NOT NULL,
        PRIMARY KEY (site_id, kind, day, value_id, visitor_id)
    ) WITHOUT ROWID;
    CREATE TABLE sessions (
        site_id INTEGER, visitor_id TEXT, started_at_ms INTEGER, last_at_ms INTEGER NOT NULL,
        page_views INTEGER NOT NULL, interactions INTEGER NOT NULL,
        entry_at_ms INTEGER, entry_key BLOB, entry_page_id INTEGER,
        PRIMARY KEY (site_id, visitor_id, started_at_ms)
    ) WITHOUT ROWID;
    CREATE INDEX sessions_by_start ON sessions (
        site_id, started_at_ms, entry_page_id, visitor_id, page_views, interactions, last_at_ms
    );
    CREATE TABLE session_hours (
        site_id INTEGER, hour INTEGER, sessions INTEGER NOT NULL, bounces INTEGER NOT NULL,
        page_views INTEGER NOT NULL, duration_ms INTEGER NOT NULL,
        PRIMARY KEY (site_id, hour)
    ) WITHOUT ROWID;
    CREATE TABLE live (
        site_id INTEGER, visitor_id TEXT, last_at_ms INTEGER NOT NULL,
        PRIMARY KEY (site_id, visitor_id)
    ) WITHOUT ROWID;
    CREATE INDEX live_by_time ON live (last_at_ms, site_id);
    CREATE TABLE bot_hours (
        site_id INTEGER, hour INTEGER, reason_id INTEGER,
        page_views INTEGER NOT NULL, events INTEGER NOT NULL,
        PRIMARY KEY (site_id, hour, reason_id)
    ) WITHOUT ROWID;
    CREATE TABLE _offsets (
        topic TEXT, partition INTEGER, next_offset INTEGER NOT NULL,
        PRIMARY KEY (topic, partition)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE metric_names (
        site_id INTEGER, metric_id INTEGER, PRIMARY KEY (site_id, metric_id)
    ) WITHOUT ROWID;
    CREATE TABLE metric_hours (
        site_id INTEGER, metric_id INTEGER, hour INTEGER, bucket INTEGER, rating INTEGER,
        measured INTEGER NOT NULL,
        PRIMARY KEY (site_id, metric_id, hour, bucket, rating)
    ) WITHOUT ROWID;
    CREATE TABLE metric_days (
        site_id INTEGER, metric_id INTEGER, day INTEGER, page_id INTEGER, bucket INTEGER,
        rating INTEGER, measured INTEGER NOT NULL,
        PRIMARY KEY (site_id, metric_id, day, page_id, bucket, rating)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE revenue_hours (
        site_id INTEGER, hour INTEGER, name_id INTEGER, currency TEXT,
        events INTEGER NOT NULL, micros INTEGER NOT NULL,
        PRIMARY KEY (site_id, hour, name_id, currency)
    ) WITHOUT ROWID;
    """,
)
"""Step n brings user_version from n to n + 1. Never edit one that was released: add the next."""


class WrongSchema(Exception):
    """The file is of another version: not yet migrated by the aggregator, or of a later one."""


def open_for_writing(path: Path, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> sqlite3.Connection:
    """The database at `path`, made or migrated; explicit transactions only."""
    db = sqlite3.connect(path, isolation_level=None, timeout=busy_timeout_ms / 1000)
    try:
        _prepare(db, str(path))
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: str) -> None:
    """Looks at the version first: a file of a later one is left as it is."""
    refuse_newer(db, path, len(MIGRATIONS))
    db.execute("PRAGMA journal_mode = WAL")
    # A power cut may take back the last transactions, and their offsets with them: the records
    # are read again from the broker's log, which alone has to be durable.
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute("PRAGMA cache_size = -65536")  # 64 MiB: upserts land on pages all over the file
    _migrate(db)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A read-only view of the database at `path`; an empty one while nothing is in the file.

    Cheap: open it per request, so that a database made or replaced later is seen. Raises
    WrongSchema. May be used from another thread than the one that opened it, one at a time.
    """
    if not path.exists() or not path.stat().st_size:
        empty = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        _migrate(empty)
        return empty
    uri = f"{path.resolve().as_uri()}?mode=ro"
    db = sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_MS / 1000,
        check_same_thread=False,
    )
    version = schema_of(db)
    if version != len(MIGRATIONS):
        db.close()
        raise WrongSchema(f"{path} has schema {version}, this version reads {len(MIGRATIONS)}")
    return db


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """Every SELECT inside sees the same moment, whatever is written meanwhile."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


def id_of_site(db: sqlite3.Connection, site: str) -> int | None:
    """None for a site that has sent nothing yet."""
    row = db.execute("SELECT id FROM names WHERE text = ?", (site,)).fetchone()
    return None if row is None else int(row[0])


def texts(db: sqlite3.Connection, ids: Iterable[int]) -> dict[int, str]:
    """The texts that ids stand for."""
    select = "SELECT text FROM names WHERE id = ?"
    return {one: db.execute(select, (one,)).fetchone()[0] for one in ids}


def _migrate(db: sqlite3.Connection) -> None:
    if schema_of(db) == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")  # two instances may start together: the second one waits
    try:
        version = schema_of(db)
        for step in MIGRATIONS[version:]:
            for statement in step.split(";"):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
