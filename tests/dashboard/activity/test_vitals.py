"""Web vitals on the activity page: what they say, and what stands there without any."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.activity import vitals
from dashboard.web import Site
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client, made_state
from tests.support.made_events import made_event
from tests.support.seen_visits import store_measures, store_visits
from tracker.clock import SystemClock
from tracker.events import Event

pytestmark = pytest.mark.may_block

EVIL = '"><img src=x>'


def measured(now_ms: int) -> list[Event]:
    def value(number: int, name: str, metric_value: float, page: str = "/") -> Event:
        return made_event(
            event_id=f"{number}-{name}",
            metric_name=name,
            metric_value=metric_value,
            pathname=page,
            occurred_at=now_ms,
        )

    slow = [value(number, "lcp", 4_500, EVIL) for number in range(12)]
    fast = [value(100 + number, "lcp", 1_200) for number in range(8)]
    return [*slow, *fast, value(1, "cls", 0.02), value(1, "checkout_ms", 312), value(1, EVIL, 1)]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    now_ms = SystemClock().now_ms()
    store_visits(
        tmp_path,
        [made_event(1, occurred_at=now_ms), made_event(2, occurred_at=now_ms, site_id="bare.org")],
        now_ms,
    )
    store_measures(tmp_path, measured(now_ms), now_ms)
    app: web.Application = Site(made_state(tmp_path, MadeCluster())).application()
    async with TestClient(TestServer(app)) as found:
        yield found


async def test_the_api_tells_vitals_own_metrics_and_the_worst_pages(client: Client) -> None:
    answer = await (await client.get("/api/v1/activity?site=example.com&period=24h")).json()
    told = answer["measures"]

    lcp: dict[str, Any] = told["vitals"]["lcp"]
    assert lcp["p75"] == pytest.approx(4_500, rel=0.025)
    assert (lcp["rating"], lcp["good"], lcp["needs_improvement"], lcp["poor"]) == ("poor", 8, 0, 12)
    assert told["own"]["checkout_ms"]["values"] == 1
    assert [row["page"] for row in told["pages"]] == [EVIL, "/"]


async def test_the_page_says_value_rating_and_shares_in_words(client: Client) -> None:
    html = await (await client.get("/activity?site=example.com&period=24h&vital=lcp")).text()

    assert "POOR" in html.upper()
    assert "40 % good" in html
    assert "checkout_ms" in html
    assert "<img" not in html


async def test_filters_narrow_what_was_measured(tmp_path: Path) -> None:
    now_ms = SystemClock().now_ms()
    visitors = {"ann": ("DE", 1_000.0), "bob": ("FR", 5_000.0)}
    events, measures = [], []
    for name, (country, lcp) in visitors.items():
        known: dict[str, Any] = {
            "visitor_id": name,
            "occurred_at": now_ms,
            "country": country,
            "pathname": f"/{name}",
        }
        events.append(made_event(event_id=name, **known))
        measures.append(
            made_event(event_id=f"{name}-lcp", metric_name="lcp", metric_value=lcp, **known)
        )
    store_visits(tmp_path, events, now_ms)
    store_measures(tmp_path, measures, now_ms)
    app: web.Application = Site(made_state(tmp_path, MadeCluster())).application()
    async with TestClient(TestServer(app)) as client:
        asked = "/api/v1/activity?site=example.com&period=24h&is.country=FR"
        told = (await (await client.get(asked)).json())["measures"]

    assert told["vitals"]["lcp"]["values"] == 1
    assert told["vitals"]["lcp"]["p75"] == pytest.approx(5_000, rel=0.025)
    assert [row["page"] for row in told["pages"]] == ["/bob"]


async def test_a_vital_that_does_not_exist_is_the_first(client: Client) -> None:
    answer = await (await client.get("/api/v1/activity?site=example.com&vital=nope")).json()

    assert answer["measures"]["vital"] == "lcp"


async def test_a_site_without_vitals_is_told_how_to_switch_them_on(client: Client) -> None:
    html = await (await client.get("/activity?site=bare.org&period=24h")).text()

    assert "data-vitals" in html


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("lcp", 2_612, "2.6 s"),
        ("lcp", 999.6, "1.0 s"),
        ("inp", 184.4, "184 ms"),
        ("cls", 0.0812, "0.08"),
        ("checkout_ms", 12_345, "12\u202f000"),
        ("ratio", 0.031234, "0.031"),
        ("huge", 1e14, "1.0e+14"),
        ("drop", -41.72, "-42"),
    ],
)
def test_amounts_are_written_with_the_digits_that_count(name: str, value: float, text: str) -> None:
    assert vitals.amount(name, value) == text
