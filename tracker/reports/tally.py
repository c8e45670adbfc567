"""Tally: hits and exact visitors of a range, for every value of one kind."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import Final

from tracker.events import TOLD_BY_ITSELF
from tracker.reports.periods import DayPart, period
from tracker.rollups import HIT_COLUMNS, HitClass, Kind, id_of_site

_EDGE: Final = (
    "FROM hits WHERE site_id = ? AND occurred_at_ms >= ? AND occurred_at_ms < ? AND class = ?"
)
_HAS_SOURCE: Final = " AND source_id <> coalesce((SELECT id FROM names WHERE text = ''), 0)"


def unseen_names(db: sqlite3.Connection) -> set[int]:
    """Ids of events by which the script measures. Files of earlier versions have counted them."""
    found = (id_of_site(db, name) for name in TOLD_BY_ITSELF)
    return {one for one in found if one is not None}


class Tally:
    """Counts by value id; for Kind.TOTAL the only value id is 0."""

    def __init__(self) -> None:
        self.hits: Counter[int] = Counter()
        self.visitors: Counter[int] = Counter()

    def add(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """value id, hits, visitors"""
        for value, hits, visitors in rows:
            self.hits[value] += hits
            self.visitors[value] += visitors


def tally(db: sqlite3.Connection, site_id: int, kind: Kind, start_ms: int, end_ms: int) -> Tally:
    """Counts of [start_ms, end_ms); call it inside a snapshot."""
    counted = Tally()
    whole = period(start_ms, end_ms)
    if whole.first_day < whole.end_day:
        counted.add(
            db.execute(
                "SELECT value_id, sum(hits), sum(visitors) FROM daily"
                " WHERE site_id = ? AND kind = ? AND day >= ? AND day < ? GROUP BY value_id",
                (site_id, kind, whole.first_day, whole.end_day),
            )
        )
    for part in whole.parts:
        _add_part(counted, db, (site_id, kind), part)
    return counted


def _add_part(
    counted: Tally, db: sqlite3.Connection, what: tuple[int, Kind], part: DayPart
) -> None:
    """A visitor of several hours and edges of a day is one visitor of the part."""
    site_id, kind = what
    column = HIT_COLUMNS.get(kind, "0")
    hit_class = HitClass.EVENT if kind == Kind.EVENT else HitClass.PAGE_VIEW
    edge_rows = _EDGE + (_HAS_SOURCE if kind == Kind.SOURCE else "")
    hours = db.execute(
        "SELECT value_id, sum(hits), sum(visitors) FROM hourly"
        " WHERE site_id = ? AND kind = ? AND hour >= ? AND hour < ? GROUP BY value_id",
        (*what, part.first_hour, part.end_hour),
    ).fetchall()
    if not part.edges and part.end_hour - part.first_hour <= 1:
        counted.add(hours)  # of one hour the visitors are known, no set is needed
        return
    counted.add((value, hits, 0) for value, hits, _visitors in hours)
    selects: list[str] = []
    bound: list[int] = []
    if part.first_hour < part.end_hour:
        selects.append(
            "SELECT value_id, visitor_id FROM presence"
            " WHERE site_id = ? AND kind = ? AND day = ? AND hours & ?"
        )
        bound += [*what, part.day, part.hour_bits]
    for edge in part.edges:
        selects.append(f"SELECT DISTINCT {column}, visitor_id {edge_rows}")
        bound += [site_id, *edge, hit_class]
        hits = db.execute(
            f"SELECT {column}, count(*), 0 {edge_rows} GROUP BY 1", (site_id, *edge, hit_class)
        )
        counted.add(hits)
    present = " UNION ".join(selects)
    counted.add(
        db.execute(
            "WITH present (value_id, visitor_id) AS"
            f" ({present}) SELECT value_id, 0, count(*) FROM present GROUP BY value_id",
            bound,
        )
    )
