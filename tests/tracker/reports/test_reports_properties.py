"""Every report against the same question asked of the plain list of events."""

import sqlite3
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from tests.support.made_events import DAY_MS, MIDNIGHT_MS, events
from tests.support.manual_clock import ManualClock
from tracker import rollups
from tracker.events import Event
from tracker.reports.bots import bots
from tracker.reports.breakdown import breakdown
from tracker.reports.overview import overview
from tracker.reports.sites import sites
from tracker.reports.timeseries import STEP_MS, timeseries
from tracker.rollups import Dimension, Step
from tracker.sinks.exporter import Arrived
from tracker.stream.rollup_sink import RollupSink
from tracker.topics import TopicPartition

SITE = "example.com"
WHERE = TopicPartition("events", 0)
moments = st.one_of(
    st.integers(-DAY_MS, 4 * DAY_MS),
    st.integers(-24, 96).map(lambda hours: hours * 3_600_000),
    st.integers(-1, 4).map(lambda days: days * DAY_MS),
).map(lambda offset: MIDNIGHT_MS + offset)


def rolled_up(directory: str, found: list[Event]) -> sqlite3.Connection:
    path = Path(directory) / "rollups.db"
    sink = RollupSink(path, ManualClock(MIDNIGHT_MS))
    sink.open()
    sink.positions([WHERE])
    sink.write([Arrived(WHERE, offset, one) for offset, one in enumerate(found)], {})
    sink.flush()
    sink.close()
    return rollups.open_for_reading(path)


def people(found: list[Event], start: int, end: int) -> list[Event]:
    return [
        one
        for one in found
        if one.site_id == SITE and not one.is_bot and start <= one.occurred_at < end
    ]


def page_views(found: list[Event], start: int, end: int) -> list[Event]:
    return [one for one in people(found, start, end) if one.event_name == "pageview"]


def visits(found: list[Event]) -> list[list[Event]]:
    """Events of one visitor with no silence over 30 minutes, at least one of them a page view."""
    by_visitor: defaultdict[str, list[Event]] = defaultdict(list)
    for one in sorted(found, key=lambda event: (event.occurred_at, event.event_id)):
        by_visitor[one.visitor_id].append(one)
    cut: list[list[Event]] = []
    for theirs in by_visitor.values():
        last_ms = -DAY_MS
        for one in theirs:
            if one.occurred_at - last_ms > 30 * 60_000:
                cut.append([])
            cut[-1].append(one)
            last_ms = one.occurred_at
    return [visit for visit in cut if any(one.event_name == "pageview" for one in visit)]


@given(events(), moments, moments)
def test_the_overview_counts_what_lies_in_the_range(
    found: list[Event], start: int, end: int
) -> None:
    with TemporaryDirectory() as directory:
        db = rolled_up(directory, found)

        answer = overview(db, SITE, start, end)

        db.close()
    views = page_views(found, start, end)
    everything = people(found, -(2**60), 2**60)
    begun = [one for one in visits(everything) if start <= one[0].occurred_at < end]
    bounced = [
        visit
        for visit in begun
        if sum(one.event_name == "pageview" for one in visit) == 1
        and not any(one.event_name == "Signup" and one.interactive for one in visit)
    ]
    assert answer.page_views == len(views)
    assert answer.visitors == len({one.visitor_id for one in views})
    shown = [one for one in people(found, start, end) if one.event_name != "engagement"]
    assert answer.events == len(shown) - len(views)
    assert (answer.sessions, answer.bounces) == (len(begun), len(bounced))
    if begun:
        spent = sum(visit[-1].occurred_at - visit[0].occurred_at for visit in begun)
        assert answer.average_visit_ms == spent // len(begun)


@given(events(), moments, moments, st.sampled_from(Step))
def test_a_time_series_has_no_gap_and_sums_up_to_the_overview(
    found: list[Event], start: int, end: int, step: Step
) -> None:
    with TemporaryDirectory() as directory:
        db = rolled_up(directory, found)

        points = timeseries(db, SITE, start, end, step)

        db.close()
    width = STEP_MS[step]
    assert [one.bucket_ms for one in points] == list(
        range(start // width * width, end, width) if start < end else []
    )
    by_bucket: defaultdict[int, list[Event]] = defaultdict(list)
    for one in page_views(found, start, end):
        by_bucket[one.occurred_at // width * width].append(one)
    assert {point for point in points if point.page_views or point.visitors} == {
        (bucket, len({one.visitor_id for one in theirs}), len(theirs))
        for bucket, theirs in by_bucket.items()
    }


@given(
    events(),
    moments,
    moments,
    st.sampled_from(
        [
            (Dimension.PAGE, "pathname"),
            (Dimension.SOURCE, "source"),
            (Dimension.COUNTRY, "country"),
            (Dimension.EVENT, "event_name"),
        ]
    ),
)
def test_a_breakdown_counts_each_value(
    found: list[Event], start: int, end: int, asked: tuple[Dimension, str]
) -> None:
    dimension, field = asked
    with TemporaryDirectory() as directory:
        db = rolled_up(directory, found)

        rows = breakdown(db, SITE, dimension, start, end, limit=100)

        db.close()
    views = page_views(found, start, end)
    if dimension == Dimension.EVENT:
        told = ("pageview", "engagement")  # the last is how the script measures
        views = [one for one in people(found, start, end) if one.event_name not in told]
    by_value: defaultdict[str, list[Event]] = defaultdict(list)
    for one in views:
        by_value[getattr(one, field) or ""].append(one)
    if dimension == Dimension.SOURCE:
        by_value.pop("", None)
    expected = [
        (value, len({one.visitor_id for one in theirs}), len(theirs))
        for value, theirs in by_value.items()
    ]
    assert rows == sorted(expected, key=lambda row: (-row[1], -row[2], row[0]))


@given(events(), moments, moments)
def test_entry_pages_are_the_first_pages_of_the_visits_that_begin(
    found: list[Event], start: int, end: int
) -> None:
    with TemporaryDirectory() as directory:
        db = rolled_up(directory, found)

        rows = breakdown(db, SITE, "entry_page", start, end, limit=100)

        db.close()
    visits_by_page: defaultdict[str, int] = defaultdict(int)
    visitors_by_page: defaultdict[str, set[str]] = defaultdict(set)
    for visit in visits(people(found, -(2**60), 2**60)):
        if start <= visit[0].occurred_at < end:
            seen = [one for one in visit if one.event_name == "pageview"]
            visits_by_page[seen[0].pathname or ""] += 1
            visitors_by_page[seen[0].pathname or ""].add(seen[0].visitor_id)
    assert {row.value: row.page_views for row in rows} == dict(visits_by_page)
    assert {row.value: row.visitors for row in rows} == {
        page: len(who) for page, who in visitors_by_page.items()
    }


@given(events(), moments, moments)
def test_bots_are_counted_apart(found: list[Event], start: int, end: int) -> None:
    with TemporaryDirectory() as directory:
        db = rolled_up(directory, found)

        answer = bots(db, SITE, start, end)

        db.close()
    theirs = [
        one
        for one in found
        if one.is_bot and one.site_id == SITE and start <= one.occurred_at < end
    ]
    assert answer.events == len(theirs)
    assert answer.page_views == sum(one.event_name == "pageview" for one in theirs)
    assert {row.reason for row in answer.reasons} == {one.bot_reason or "" for one in theirs}


@given(events())
def test_every_site_with_people_is_listed(found: list[Event]) -> None:
    with TemporaryDirectory() as directory:
        db = rolled_up(directory, found)

        rows = sites(db)

        db.close()
    views = {one.site_id: 0 for one in found if not one.is_bot}
    for one in found:
        views[one.site_id] = views.get(one.site_id, 0) + (
            not one.is_bot and one.event_name == "pageview"
        )
    listed = {one.site_id for one in found if not one.is_bot}
    assert {row.site: row.page_views for row in rows} == {site: views[site] for site in listed}
