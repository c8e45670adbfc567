"""What the report of measured values says: p75, exact shares, worst pages."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.made_events import DAY_MS, MIDNIGHT_MS, made_event
from tests.support.seen_visits import store_measures
from tracker import rollups
from tracker.events import Event
from tracker.packs.measured import Value, judged_of
from tracker.reports.measures import measures, measures_of, pages, pages_of
from tracker.rollups import HOUR_MS
from tracker.vitals import Rating

DAY = (MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)


def values(name: str, found: Sequence[float], **fields: Any) -> list[Event]:
    return [
        made_event(
            event_id=f"{name}-{fields}-{number}", metric_name=name, metric_value=one, **fields
        )
        for number, one in enumerate(found)
    ]


@contextmanager
def reading(path: Path, found: list[Event]) -> Iterator[sqlite3.Connection]:
    store_measures(path, found, MIDNIGHT_MS)
    with closing(rollups.open_for_reading(path / "rollups.db")) as db:
        yield db


def test_a_vital_is_judged_at_its_75th_percentile(tmp_path: Path) -> None:
    with reading(tmp_path, values("lcp", [1_000, 2_000, 3_000, 9_000])) as db:
        (lcp,) = measures(db, "example.com", *DAY)

    assert lcp.spread.p75 == pytest.approx(3_000, rel=0.025)
    assert lcp.spread.median == pytest.approx(2_000, rel=0.025)
    assert lcp.spread.rating == Rating.FAIR
    assert lcp.spread[4:] == (2, 1, 1)


def test_shares_are_exact_although_a_threshold_lies_inside_a_bucket(tmp_path: Path) -> None:
    around = [2_500.0, 2_500.1, 2_499.9, 2_500.2]

    with reading(tmp_path, values("lcp", around)) as db:
        (lcp,) = measures(db, "example.com", *DAY)

    assert lcp.spread[4:] == (2, 2, 0)
    assert lcp.spread.rating == Rating.FAIR


def test_vitals_come_in_their_order_and_own_metrics_behind(tmp_path: Path) -> None:
    found = values("b", [1, 2]) + values("a", [1]) + values("cls", [0]) + values("lcp", [9])

    with reading(tmp_path, found) as db:
        told = [one.name for one in measures(db, "example.com", *DAY)]

    assert told == ["lcp", "cls", "b", "a"]


@settings(max_examples=15)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_single_values_make_the_same_spread_as_their_histogram(found: list[float]) -> None:
    with TemporaryDirectory() as place, reading(Path(place), values("lcp", found)) as db:
        rolled = measures(db, "example.com", *DAY)
        worst = pages(db, "example.com", "lcp", DAY)

    single = [Value(MIDNIGHT_MS, "ann", "lcp", "/", one) for one in found]

    assert measures_of(Counter(judged_of(one) + one.metric for one in single)) == rolled
    assert pages_of(Counter(judged_of(one) + one.page for one in single)) == worst


def test_a_period_takes_the_hours_it_touches(tmp_path: Path) -> None:
    found = values("lcp", [1]) + values("lcp", [2, 3], occurred_at=MIDNIGHT_MS + 2 * HOUR_MS)

    with reading(tmp_path, found) as db:
        middle = measures(db, "example.com", MIDNIGHT_MS + HOUR_MS // 2, MIDNIGHT_MS + HOUR_MS)
        none = measures(db, "example.com", MIDNIGHT_MS + HOUR_MS, MIDNIGHT_MS + 2 * HOUR_MS)

    assert [one.spread.values for one in middle] == [1]
    assert none == []


def test_the_slowest_pages_come_first_and_single_visits_do_not_count(tmp_path: Path) -> None:
    found = (
        values("lcp", [1_000] * 200, pathname="/fast")
        + values("lcp", [5_000] * 20, pathname="/slow")
        + values("lcp", [60_000], pathname="/once")
        + values("inp", [60_000] * 30, pathname="/fast")
    )

    with reading(tmp_path, found) as db:
        told = pages(db, "example.com", "lcp", DAY)

    assert [one.page for one in told] == ["/slow", "/fast"]
    assert told[0].spread.poor == 20


def test_a_site_that_measured_nothing_has_nothing(tmp_path: Path) -> None:
    with reading(tmp_path, values("lcp", [1])) as db:
        assert measures(db, "other.org", *DAY) == []
        assert pages(db, "other.org", "lcp", DAY) == []
