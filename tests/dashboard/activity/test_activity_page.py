"""The activity page over real rollups and a real warehouse, hostile values in them."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.web import Site
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client, made_state
from tests.support.made_events import made_event
from tests.support.manual_clock import ManualClock
from tests.support.seen_visits import store_visits

pytestmark = pytest.mark.may_block

MINUTE_MS = 60_000
NOW_MS = int(datetime(2026, 3, 10, 12, 2, 30, tzinfo=UTC).timestamp() * 1000)
"""Half a day from midnight: what happened minutes ago happened today, whenever the tests run."""
SALE = {"revenue_amount": "1234.5", "revenue_currency": "EUR"}
TOLD = {"engagement_ms": 4_000, "scroll_depth": 60, "interactive": False, "page_view_id": "a"}
EVIL = '<img src=x onerror="document.title=1">'


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:

    def at(minutes_ago: int, number: int, **fields: Any) -> Any:
        return made_event(number, occurred_at=NOW_MS - minutes_ago * MINUTE_MS, **fields)

    store_visits(
        tmp_path,
        (
            at(3, 1, visitor_id="ann", country="DE", source="Google", os="Linux"),
            at(2, 2, visitor_id="ann", country="DE", source=None, pathname="/pricing"),
            at(
                2, 3, visitor_id="ann", event_name="Signup", source=None, props={EVIL: EVIL}, **SALE
            ),
            at(1, 8, visitor_id="ann", event_name="engagement", source=None, **TOLD),
            at(4, 4, visitor_id="bob", country="FR", pathname=EVIL, source="=1+1"),
            at(40, 5, visitor_id="eve", country="FR"),
            at(2, 6, visitor_id="bot", is_bot=True, bot_reason="user_agent:Googlebot"),
            at(2, 7, visitor_id="bot", is_bot=True, bot_reason="user_agent:" + EVIL),
        ),
        NOW_MS,
    )
    state = made_state(tmp_path, MadeCluster(), clock=ManualClock(NOW_MS))
    app: web.Application = Site(state).application()
    async with TestClient(TestServer(app)) as found:
        yield found


async def test_a_period_is_compared_with_the_one_before(client: Client) -> None:
    answer = await (await client.get("/api/v1/activity?period=30m")).json()

    assert (answer["overview"]["visitors"], answer["before"]["visitors"]) == (2, 1)


async def test_bots_are_told_apart_and_by_what_they_were_recognised(client: Client) -> None:
    answer = await (await client.get("/api/v1/activity?period=30m")).json()
    page = await (await client.get("/activity?period=30m")).text()

    assert answer["overview"]["page_views"] == 3
    assert (answer["bots"]["page_views"], answer["bots"]["events"]) == (2, 2)
    assert {"reason": "user_agent:Googlebot", "page_views": 1, "events": 1} in answer["bots"][
        "reasons"
    ]
    assert "2 page views of the whole site" in page
    assert '<td class="wrap">Googlebot</td>' in page
    assert EVIL not in page


async def test_hours_that_lie_ahead_are_not_drawn_as_nobody(client: Client) -> None:
    page = await (await client.get("/activity?period=today")).text()
    (told,) = re.findall(r'data-columns="([^"]*)"', page)
    columns = json.loads(unescape(told))

    points = list(zip(columns["t"], dict(columns["lines"])["visitors"], strict=True))
    assert all(value is not None for at, value in points if at <= NOW_MS // 1000)
    assert all(value is None for at, value in points if at > NOW_MS // 1000)


async def test_the_hour_that_is_not_over_is_told_apart(client: Client) -> None:
    found = {}
    for period in ("24h", "yesterday"):
        page = await (await client.get(f"/activity?period={period}")).text()
        (told,) = re.findall(r'data-columns="([^"]*)"', page)
        columns = json.loads(unescape(told))
        found[period] = (columns.get("going"), len(columns["t"]) - 1)

    going, last = found["24h"]
    assert going == last
    assert found["yesterday"][0] is None


async def test_the_lines_of_the_chart_have_one_order_on_the_page_and_in_its_stream(
    client: Client,
) -> None:
    """Another one would draw the chart anew with the first frame, in other colours."""
    address = "/activity?period=30m"
    page = await (await client.get(address)).text()
    stream = await client.get("/api/stream", params={"page": address})
    frames = [await stream.content.readuntil(b"\n\n") for _ in range(2)]
    stream.close()

    (told,) = re.findall(r'data-columns="([^"]*)"', page)
    frame = json.loads(frames[1].split(b"data: ", 1)[1])
    orders = [
        [label for label, _ in chart["lines"]]
        for chart in (json.loads(unescape(told)), frame["chart"])
    ]
    assert orders == [["visitors", "page views", "visitors before"]] * 2


async def test_a_site_that_nothing_came_from_gets_its_own_page_not_figures_of_another(
    client: Client,
) -> None:
    html = await (await client.get("/activity?site=New.example")).text()

    assert "Nothing has arrived from new.example yet" in html
    assert "data-site=&#34;new.example&#34;" in html or 'data-site="new.example"' in html
    assert "<option selected>new.example" in html
    assert 'id="visitors"' not in html


async def test_a_name_that_cannot_be_a_sites_is_passed_over(client: Client) -> None:
    html = await (await client.get("/activity?site=%3Cscript%3E")).text()

    assert 'id="visitors"' in html and "<option selected>example.com" in html


async def test_filters_narrow_every_figure(client: Client) -> None:
    answer = await (await client.get("/api/v1/activity?period=30m&is.country=DE")).json()

    assert answer["overview"]["visitors"] == 1
    assert [row["value"] for row in answer["breakdowns"]["page"]] == ["/", "/pricing"]
    assert sum(point["page_views"] for point in answer["timeseries"]) == 2


async def test_a_click_on_an_entry_or_exit_page_keeps_who_came_or_left_there(
    client: Client,
) -> None:
    period = "period=30m"
    page = await (await client.get(f"/activity?{period}&pages=exit_page")).text()
    shown = await (await client.get(f"/activity?{period}&is.exit_page=/pricing")).text()
    left = f"{period}&is.exit_page=/pricing&funnel=/+>+/pricing&figure=visits"

    told = await (await client.get(f"/api/v1/activity?{left}")).json()
    rows = await (await client.get(f"/api/v1/activity.csv?{left}&dimension=entry_page")).text()
    others = await (await client.get(f"/api/v1/activity?{period}&not.exit_page=/pricing")).json()

    assert "is.exit_page=%2Fpricing" in page
    assert "Exit page</span>" in shown
    assert (told["overview"]["visitors"], told["overview"]["page_views"]) == (1, 2)
    assert sum(point["visits"] for point in told["visits"]) == 1
    assert [stage["visitors"] for stage in told["funnel"]] == [1, 1]
    assert rows.splitlines()[1:] == ["/,1,1"]
    assert (others["overview"]["visitors"], others["overview"]["page_views"]) == (1, 1)


async def test_a_funnel_is_on_the_page_and_in_the_api(client: Client) -> None:
    asked = "/activity?period=30m&funnel=/+>+/pricing"

    html = await (await client.get(asked)).text()
    answer = await (await client.get(f"/api/v1{asked}")).json()

    assert "visitors who took the steps in this order" in html
    assert [tuple(stage.values()) for stage in answer["funnel"]] == [("/", 1), ("/pricing", 1)]


async def test_an_event_that_is_filtered_by_shows_its_properties(client: Client) -> None:
    html = await (await client.get("/activity?period=30m&is.event=Signup")).text()

    assert "Properties of the event" in html
    assert "<img" not in html


async def test_a_property_is_filtered_by_and_a_filter_turned_round(client: Client) -> None:
    has = {"period": "30m", "is.prop." + EVIL: EVIL}
    page = await (await client.get("/activity", params=has)).text()
    found = [
        (await (await client.get("/api/v1/activity", params=query)).json())["overview"]["visitors"]
        for query in (has, {"period": "30m", "not.prop." + EVIL: EVIL})
    ]

    assert found == [1, 1]
    assert "<img" not in page
    assert ">is</a>" in page
    assert ">is not</a>" in await (await client.get("/activity?period=30m&not.country=DE")).text()


async def test_events_have_their_revenue_and_the_script_s_own_are_not_among_them(
    client: Client,
) -> None:
    page = await (await client.get("/activity?period=24h")).text()
    answer = await (await client.get("/api/v1/activity?period=24h")).json()

    assert "1\u202f234.50 EUR" in page
    assert [row["value"] for row in answer["breakdowns"]["event"]] == ["Signup"]
    assert answer["revenue"] == [
        {"event": "Signup", "currency": "EUR", "events": 1, "amount": 1234.5}
    ]


async def test_time_in_view_is_a_tab_and_csv(client: Client) -> None:
    page = await (await client.get("/activity?period=24h&pages=reading")).text()
    text = await (await client.get("/api/v1/activity.csv?period=24h&dimension=reading")).text()

    assert "4.0 s" in page
    assert text.splitlines() == [
        "page,visitors,page_views,seconds_in_view,scroll_percent",
        "/,2,2,4.0,60",
    ]


@pytest.mark.parametrize(
    ("figure", "line", "unit"),
    [
        ("visitors", "visitors", ""),
        ("views", "page views", ""),
        ("visits", "visits", ""),
        ("bounces", "bounce rate", " %"),
        ("length", "visit length", "s"),
    ],
)
@pytest.mark.parametrize("filtered", ["", "&is.country=FR"], ids=["all", "filtered"])
async def test_the_chart_is_of_the_figure_that_is_chosen(
    client: Client, figure: str, line: str, unit: str, filtered: str
) -> None:
    page = await (await client.get(f"/activity?period=30m&figure={figure}{filtered}")).text()

    (told,) = re.findall(r'data-columns="([^"]*)"', page)
    lines = dict(json.loads(unescape(told))["lines"])
    assert list(lines) == [line, line + " before"]
    assert len(lines[line]) == len(lines[line + " before"]) == 30
    assert any(value is not None for value in lines[line])
    assert f'data-unit="{unit}"' in page


@pytest.mark.parametrize("tab", ["pages=exit_page", "sources=campaign", "software=os"])
async def test_every_tab_answers_on_the_page_and_in_its_stream(client: Client, tab: str) -> None:
    page = await client.get(f"/activity?period=30m&{tab}")
    stream = await client.get("/api/stream", params={"page": f"/activity?period=30m&{tab}"})
    frames = [await stream.content.readuntil(b"\n\n") for _ in range(2)]
    stream.close()

    assert page.status == 200
    assert b'"html"' in frames[1]


async def test_an_export_is_csv_without_formulas(client: Client) -> None:
    answer = await client.get("/api/v1/activity.csv?period=30m&dimension=source")

    rows = list(csv.reader(io.StringIO(await answer.text())))

    assert rows == [["source", "visitors", "page_views"], ["'=1+1", "1", "1"], ["Google", "1", "1"]]
    assert "attachment" in answer.headers["Content-Disposition"]


async def test_the_time_series_is_exported_in_utc(client: Client) -> None:
    text = await (await client.get("/api/v1/activity.csv?period=30m")).text()

    header, first, *_ = text.splitlines()
    assert header == "time_utc,visitors,page_views"
    assert first.split(",")[0].endswith(":00Z")


@pytest.mark.parametrize("filtered", ["", "&is.country=DE"])
async def test_a_range_of_ages_is_no_crash(client: Client, filtered: str) -> None:
    for at in ("/activity?", "/api/v1/activity?", "/api/v1/activity.csv?"):
        answer = await client.get(f"{at}from=1971-01-01&to=2090-01-01{filtered}")

        assert answer.status == 200, at


async def test_an_unknown_dimension_is_refused(client: Client) -> None:
    assert (await client.get("/api/v1/activity.csv?dimension=x")).status == 400


async def test_without_a_warehouse_the_page_says_so(client: Client, tmp_path: Path) -> None:
    for name in ("warehouse.db", "warehouse.db-wal", "warehouse.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)

    html = await (await client.get("/activity?period=30m&sources=campaign")).text()

    assert "needs the SQLite warehouse" in html


async def test_heads_of_breakdowns_do_not_repeat_their_tab_to_the_eye(client: Client) -> None:
    page = await (await client.get("/activity?period=30m")).text()

    assert '<th scope="col"><span class="hidden">Pages</span></th>' in page


async def test_what_filters_do_not_narrow_says_so(client: Client) -> None:
    every = await (await client.get("/activity?period=30m")).text()
    narrowed = await (await client.get("/activity?period=30m&is.country=FR")).text()

    assert "of the whole site, in the last 5 minutes" in narrowed
    assert "of the whole site, in the last" not in every


async def test_visits_that_nobody_made_have_no_length(client: Client) -> None:
    """And a table says whether the period or the filters leave nothing."""
    nobody = await (await client.get("/activity?period=30m&is.country=XX")).text()

    assert re.search(r'Visit length</a></h2><p class="big">–</p>', nobody)  # noqa: RUF001
    assert "None of these visitors in this period." in nobody


@pytest.fixture
async def many_pages(tmp_path: Path) -> AsyncIterator[Client]:
    """A site of 120 pages; page 7 has two visitors."""
    visits = [(page, "ann") for page in range(120)] + [(7, "bob")]
    events = [
        made_event(number, occurred_at=NOW_MS, visitor_id=who, pathname=f"/{page}/caf%C3%A9")
        for number, (page, who) in enumerate(visits)
    ]
    store_visits(tmp_path, events, NOW_MS)
    state = made_state(tmp_path, MadeCluster(), clock=ManualClock(NOW_MS))
    app: web.Application = Site(state).application()
    async with TestClient(TestServer(app)) as found:
        yield found


def shown_pages(html: str) -> list[str]:
    return re.findall(r">(/\d+/café)</a>", html)


async def test_a_table_that_is_cut_short_leads_to_the_whole_of_it(many_pages: Client) -> None:
    short = await (await many_pages.get("/activity?period=30m")).text()
    whole = await (await many_pages.get("/activity?period=30m&all=page")).text()
    rest = await (await many_pages.get("/activity?period=30m&all=page&page=2")).text()

    assert len(shown_pages(short)) == 10 and 'href="?period=30m&amp;all=page#every"' in short
    assert shown_pages(whole)[0] == "/7/café"
    assert (len(shown_pages(whole)), len(shown_pages(rest))) == (100, 20)
    assert 'href="?period=30m&amp;all=page&amp;page=2#every"' in whole  # where the eye is
    assert "page 1 of 2" in whole and 'class="three"' not in whole


async def test_a_whole_table_is_searched_and_ordered(many_pages: Client) -> None:
    found = await (await many_pages.get("/activity?period=30m&all=page&q=/11/CAF")).text()
    ordered = await (await many_pages.get("/activity?period=30m&all=page&sort=-value")).text()
    nothing = await (await many_pages.get("/activity?period=30m&all=page&q=zzz")).text()
    unknown = await many_pages.get("/activity?period=30m&all=nonsense")

    assert shown_pages(found) == ["/11/café"]
    assert shown_pages(ordered)[0] == "/99/café"
    assert "Nothing matches “zzz”" in nothing
    assert unknown.status == 200 and 'class="three"' in await unknown.text()
