"""Segments: filters over single events, and what no rollup was made for."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.made_events import DAY_MS, MIDNIGHT_MS, events, made_event
from tests.support.seen_visits import store_visits
from tracker import rollups
from tracker.events import Event
from tracker.reports.breakdown import Row, breakdown
from tracker.reports.funnel import steps
from tracker.reports.overview import overview
from tracker.reports.picked import Asked, Filter
from tracker.reports.reading import Reading
from tracker.reports.revenue import Earned, revenue
from tracker.reports.segment import Segment
from tracker.reports.timeseries import timeseries
from tracker.reports.visits import visits_over_time
from tracker.rollups import Step

SITE = "example.com"
ALL = (MIDNIGHT_MS - DAY_MS, MIDNIGHT_MS + 4 * DAY_MS)


def visit(number: int, visitor: str, minute: int, page: str, **fields: Any) -> Event:
    at_ms = MIDNIGHT_MS + minute * 60_000
    return made_event(number, visitor_id=visitor, occurred_at=at_ms, pathname=page, **fields)


ANN = (
    visit(1, "ann", 0, "/", source="Google", utm_campaign="spring", country="DE"),
    visit(2, "ann", 1, "/pricing", source=None, country="DE"),
    visit(3, "ann", 2, "/pricing", event_name="Signup", source=None, props={"plan": "pro", "n": 2}),
    visit(4, "ann", 90, "/blog", source="Direct", country="DE"),
)
BOB = (
    visit(5, "bob", 0, "/blog", source="Bing", country="FR"),
    visit(6, "bob", 3, "/pricing", source=None, country="FR", is_bot=False),
)
BOT = (visit(7, "bot", 0, "/", source="Google", country="DE", is_bot=True),)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    store_visits(tmp_path, (*ANN, *BOB, *BOT), MIDNIGHT_MS)
    return tmp_path


def segment(data_dir: Path, *filters: Filter, events_max: int = 1_000) -> Segment:
    return Segment(data_dir / "warehouse.db", Asked(SITE, *ALL, filters), events_max)


def test_a_filter_keeps_all_that_its_visitors_did(data_dir: Path) -> None:
    found = segment(data_dir, Filter("source", ("Google",)))

    assert found.breakdown("page", 10) == [
        Row("/", 1, 1),
        Row("/blog", 1, 1),
        Row("/pricing", 1, 1),
    ]
    assert (found.overview().visitors, found.overview().sessions) == (1, 2)


def test_filters_together_must_all_fit(data_dir: Path) -> None:
    both = segment(data_dir, Filter("page", ("/pricing",)), Filter("country", ("FR",)))
    none = segment(data_dir, Filter("page", ("/pricing",)), Filter("country", ("JP",)))

    assert both.overview().visitors == 1
    assert none.overview().visitors == 0


def test_a_filter_may_leave_out_who_has_the_value(data_dir: Path) -> None:
    without = segment(data_dir, Filter("source", ("Google",), without=True))

    assert without.overview().visitors == 1
    assert [row.value for row in without.breakdown("country", 10)] == ["FR"]


def test_properties_are_filtered_by_what_they_say(data_dir: Path) -> None:
    hit = segment(data_dir, Filter("prop.plan", ("pro",)), Filter("prop.n", ("2",)))
    miss = segment(data_dir, Filter("prop.plan", ("free",)))
    hostile = segment(data_dir, Filter("prop.') OR 1=1 --", ("x",)))

    assert hit.overview().visitors == 1
    assert miss.overview().visitors == hostile.overview().visitors == 0


def test_time_in_view_and_depth_are_those_of_each_view_that_told_them(tmp_path: Path) -> None:
    """Parts of a view are added up, its deepest place counts; a view that told nothing does not."""
    told = {"event_name": "engagement", "interactive": False}
    store_visits(
        tmp_path,
        (
            visit(1, "ann", 0, "/", page_view_id="a"),
            visit(2, "ann", 1, "/", page_view_id="a", engagement_ms=3_000, scroll_depth=20, **told),
            visit(3, "ann", 2, "/", page_view_id="a", engagement_ms=1_000, scroll_depth=80, **told),
            visit(4, "bob", 3, "/", page_view_id="b"),
            visit(5, "bob", 4, "/", page_view_id="b", engagement_ms=2_000, scroll_depth=40, **told),
            visit(6, "cid", 5, "/", page_view_id="c"),
            visit(7, "cid", 6, "/quiet", page_view_id="d"),
        ),
        MIDNIGHT_MS,
    )

    assert segment(tmp_path).reading(10) == [Reading("/", 3, 3, 3_000, 60.0)]


def test_revenue_is_added_up_by_event_and_currency(tmp_path: Path) -> None:
    def sold(number: int, amount: str, currency: str = "EUR", **fields: Any) -> Event:
        sale = {"revenue_amount": amount, "revenue_currency": currency, **fields}
        return visit(number, f"v{number}", number, "/", event_name="Purchase", **sale)

    store_visits(
        tmp_path,
        (
            sold(1, "29.90"),
            sold(2, "0.1"),
            sold(3, "-10"),
            sold(4, "7", "USD"),
            sold(5, "5", is_bot=True),
            sold(6, "1" + "0" * 15),
        ),
        MIDNIGHT_MS,
    )
    database = rollups.open_for_reading(tmp_path / "rollups.db")

    rolled_up = revenue(database, SITE, *ALL)

    database.close()
    assert rolled_up == [Earned("Purchase", "EUR", 3, 20.0), Earned("Purchase", "USD", 1, 7.0)]
    assert segment(tmp_path).revenue() == rolled_up


def test_entry_and_exit_pages_are_those_of_visits(data_dir: Path) -> None:
    found = segment(data_dir)

    assert found.breakdown("entry_page", 10) == [Row("/blog", 2, 2), Row("/", 1, 1)]
    assert found.breakdown("exit_page", 10) == [Row("/pricing", 2, 2), Row("/blog", 1, 1)]


def test_visitors_are_filtered_by_where_a_visit_of_theirs_began_or_ended(data_dir: Path) -> None:
    """Ann came to / and left from /pricing, and came to /blog again; Bob went the other way."""

    def views(*filters: Filter) -> dict[str, int]:
        found = segment(data_dir, *filters).breakdown("page", 10)
        return {row.value: row.page_views for row in found}

    anns, bobs = {"/": 1, "/pricing": 1, "/blog": 1}, {"/blog": 1, "/pricing": 1}
    assert views(Filter("entry_page", ("/",))) == views(Filter("exit_page", ("/blog",))) == anns
    assert views(Filter("entry_page", ("/",), without=True)) == bobs
    assert views(Filter("entry_page", ("/blog",))) == {"/": 1, "/pricing": 2, "/blog": 2}
    assert views(Filter("entry_page", ("/blog",)), Filter("exit_page", ("/blog",))) == anns
    assert views(Filter("entry_page", ("/pricing",))) == {}


def test_visits_of_those_filtered_by_entry_page_are_counted_whole(data_dir: Path) -> None:
    found = segment(data_dir, Filter("entry_page", ("/",)), Filter("country", ("DE",)))

    assert found.breakdown("exit_page", 10) == [Row("/blog", 1, 1), Row("/pricing", 1, 1)]
    assert (found.overview().visitors, found.overview().sessions) == (1, 2)
    assert [one.visitors for one in found.funnel(("/", "Signup"))] == [1, 1]


def test_sources_and_campaigns_count_arrivals_only(data_dir: Path) -> None:
    found = segment(data_dir)

    assert [row.value for row in found.breakdown("source", 10)] == ["Bing", "Direct", "Google"]
    assert found.breakdown("campaign", 10) == [Row("spring", 1, 1)]


def test_properties_of_an_event_are_counted(data_dir: Path) -> None:
    found = segment(data_dir, Filter("event", ("Signup",)))

    assert found.properties("Signup", 10) == [("n", Row("2", 1, 1)), ("plan", Row("pro", 1, 1))]


def test_more_events_than_are_looked_at_is_told(data_dir: Path) -> None:
    assert segment(data_dir, events_max=3).cut
    assert not segment(data_dir).cut


def test_a_dimension_that_nobody_knows_is_refused(data_dir: Path) -> None:
    with pytest.raises(ValueError, match="is none of"):
        segment(data_dir).breakdown("1; DROP TABLE events", 10)


@settings(max_examples=25)
@given(events(), st.sampled_from((Step.HOUR, Step.DAY)))
def test_without_filters_it_agrees_with_the_rollups(found: list[Event], step: Step) -> None:
    """Everything that both can answer, over a range that cuts no visit."""
    with TemporaryDirectory() as directory:
        data_dir = Path(directory)
        store_visits(data_dir, found, MIDNIGHT_MS)
        database = rollups.open_for_reading(data_dir / "rollups.db")
        own = segment(data_dir)
        try:
            assert own.overview() == overview(database, SITE, *ALL)
            assert own.timeseries(step) == timeseries(database, SITE, *ALL, step)
            assert own.visits(step) == visits_over_time(database, SITE, *ALL, step)
            assert own.revenue() == revenue(database, SITE, *ALL)
            for dimension in ("page", "source", "country", "event", "browser"):
                assert own.breakdown(dimension, 50) == breakdown(
                    database, SITE, dimension, *ALL, limit=50
                ), dimension
        finally:
            own.close()
            database.close()


def test_a_funnel_counts_who_took_the_steps_in_this_order(data_dir: Path) -> None:
    found = segment(data_dir).funnel(("/", "/pric*", "Signup", "/blog"))

    assert [tuple(stage) for stage in found] == [
        ("/", 1),
        ("/pric*", 1),
        ("Signup", 1),
        ("/blog", 1),
    ]
    assert [one.visitors for one in segment(data_dir).funnel(("/blog", "/pricing"))] == [2, 1]
    assert [one.visitors for one in segment(data_dir).funnel(("/pricing", "/pricing"))] == [2, 0]


def test_a_funnel_is_written_with_arrows_and_bounded() -> None:
    assert steps(" / > /pricing >> Signup ") == ("/", "/pricing", "Signup")
    assert steps("/") == steps("") == ()
    assert len(steps(" > ".join(["/"] * 100))) == 8
