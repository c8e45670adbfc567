"""Visitors of each site in the last hour, beside those of a week before."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.support.made_events import made_event
from tests.support.seen_visits import store_visits
from tracker import rollups
from tracker.reports.crowds import SITES_MAX, Crowd, crowds
from tracker.rollups import DAY_MS, HOUR_MS, MINUTE_MS

pytestmark = pytest.mark.may_block

NOW_MS = 20_800 * DAY_MS + 10 * HOUR_MS + 17 * MINUTE_MS
THEN_MS = NOW_MS - 7 * DAY_MS


def seen(data_dir: Path, *visits: tuple[str, str, int]) -> list[Crowd]:
    """Of page views: site, visitor, time."""
    events = [
        made_event(number, site_id=site, visitor_id=visitor, occurred_at=at_ms)
        for number, (site, visitor, at_ms) in enumerate(visits)
    ]
    store_visits(data_dir, events, NOW_MS)
    with closing(rollups.open_for_reading(data_dir / "rollups.db")) as database:
        return crowds(database, NOW_MS)


def test_an_hour_has_each_visitor_once_and_nobody_from_around_it(tmp_path: Path) -> None:
    found = seen(
        tmp_path,
        *(("old.example", "ann", NOW_MS - minutes * MINUTE_MS) for minutes in (1, 20, 59)),
        ("old.example", "bob", NOW_MS - 30 * MINUTE_MS),
        ("old.example", "eve", NOW_MS - 61 * MINUTE_MS),
        ("old.example", "cat", THEN_MS - 59 * MINUTE_MS),
        ("old.example", "dan", THEN_MS + MINUTE_MS),
        ("old.example", "ida", THEN_MS - DAY_MS),
    )

    assert found == [Crowd("old.example", 2, 1)]


def test_a_site_that_was_not_there_a_week_before_has_no_number_of_then(tmp_path: Path) -> None:
    found = seen(tmp_path, ("new.example", "ann", NOW_MS - MINUTE_MS))

    assert found == [Crowd("new.example", 1, None)]


def test_sites_are_bounded(tmp_path: Path) -> None:
    found = seen(tmp_path, *((f"{n}.example", "ann", NOW_MS) for n in range(SITES_MAX + 1)))

    assert len(found) == SITES_MAX
