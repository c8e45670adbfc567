"""A scripted crowd over two days, with every figure of it known by counting on one's fingers.

On each day ten visitors come, the n-th at hour 2 n, and see 1, 2, 3, 1, 2, 3 ... pages, five
minutes apart; a minute after each view the script tells of two seconds in view and half the page.
Every second visitor signs up for ten euros. One more person walks over midnight UTC, and robots
come by. A third of all events is sent twice, and nothing arrives in its order.
"""

import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
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
from tests.support.seen_visits import WHERE
from tracker.events import Event
from tracker.export.sqlite import SqliteExporter
from tracker.sinks.exporter import Arrived, Exporter
from tracker.stream.rollup_sink import RollupSink

pytestmark = pytest.mark.may_block

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
FIRST_DAY_MS = int(datetime(2024, 3, 30, tzinfo=UTC).timestamp() * 1000)
"""In the second night clocks in Europe are put forward: a day of UTC has 24 hours all the same."""
DAYS = "from=2024-03-30&to=2024-03-31"
PAGES = ("/", "/one", "/two")
BATCH = 37


def view(at_ms: int, visitor: str, page: str, **fields: Any) -> Iterator[dict[str, Any]]:
    """A page view, and what the script tells of it a minute later."""
    base = {"visitor_id": visitor, "pathname": page, "page_view_id": f"{visitor}{page}", **fields}
    yield {**base, "occurred_at": at_ms}
    told = {"event_name": "engagement", "interactive": False, "source": None}
    measured = {"engagement_ms": 2_000, "scroll_depth": 50}
    yield {**base, **told, **measured, "occurred_at": at_ms + MINUTE_MS}


def crowd() -> Iterator[dict[str, Any]]:
    for day in range(2):
        for number in range(10):
            at_ms = FIRST_DAY_MS + day * DAY_MS + 2 * number * HOUR_MS
            visitor = f"{day}-{number}"
            home = {"country": "FR" if number % 2 else "DE"}
            for seen in range(number % 3 + 1):
                source = None if seen else "Google" if number < 5 else "Direct"
                place = {**home, "source": source}
                yield from view(at_ms + seen * 5 * MINUTE_MS, visitor, PAGES[seen], **place)
            if number % 2 == 0:
                sale = {"revenue_amount": "10.00", "revenue_currency": "EUR", "source": None}
                moment = {"occurred_at": at_ms + MINUTE_MS // 2, "event_name": "Signup"}
                yield {"visitor_id": visitor, **home, **sale, **moment}
    midnight_ms = FIRST_DAY_MS + DAY_MS
    yield from view(midnight_ms - 10 * MINUTE_MS, "0-owl", "/", source="Direct")
    yield from view(midnight_ms + 10 * MINUTE_MS, "1-owl", "/", source=None)
    for number in range(7):
        at_ms = FIRST_DAY_MS + number * HOUR_MS
        yield {"visitor_id": "bot", "occurred_at": at_ms, "is_bot": True, "bot_reason": "x"}


def as_it_arrives() -> list[Event]:
    dice = random.Random(4)
    events = [made_event(number, **fields) for number, fields in enumerate(crowd())]
    arriving = events + events[::3]
    dice.shuffle(arriving)
    return arriving


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    sinks: tuple[Exporter, ...] = (
        RollupSink(tmp_path / "rollups.db", ManualClock(FIRST_DAY_MS + 2 * DAY_MS)),
        SqliteExporter(tmp_path / "warehouse.db"),
    )
    arriving = as_it_arrives()
    for sink in sinks:
        sink.open()
        sink.positions([WHERE])
        for first in range(0, len(arriving), BATCH):
            part = arriving[first : first + BATCH]
            records = [Arrived(WHERE, first + place, one) for place, one in enumerate(part)]
            sink.write(records, {WHERE: first + len(part)})
            sink.flush()
        sink.close()
    app: web.Application = Site(made_state(tmp_path, MadeCluster())).application()
    async with TestClient(TestServer(app)) as found:
        yield found


async def asked(client: Client, query: str = "") -> Any:
    return await (await client.get(f"/api/v1/activity?{DAYS}&{query}")).json()


def rows(answer: Any, dimension: str) -> dict[str, tuple[int, int]]:
    return {
        row["value"]: (row["visitors"], row["page_views"])
        for row in answer["breakdowns"][dimension]
    }


@pytest.mark.parametrize("everybody", ["", "is.device=(none)"], ids=["rollups", "warehouse"])
async def test_a_crowd_is_counted_to_the_last_one(client: Client, everybody: str) -> None:
    """The same figures from both files: nobody's device is known, so that filter keeps all."""
    answer = await asked(client, f"figure=visits&pages=exit_page&{everybody}")

    total = answer["overview"]
    assert (total["visitors"], total["page_views"]) == (2 * 10 + 2, 2 * 19 + 2)
    assert (total["sessions"], total["bounces"]) == (22, 2 * 2 + 2)
    assert total["average_visit_ms"] == (2 * (9 * 300 + 10 * 60) + 2 * 60) * 1000 // 22
    assert sum(point["page_views"] for point in answer["timeseries"]) == 40
    assert len(answer["timeseries"]) == len(answer["visits"]) == 48
    assert sum(point["visits"] for point in answer["visits"]) == 22
    assert sum(point["bounces"] for point in answer["visits"]) == 6
    assert rows(answer, "exit_page") == {"/": (10, 10), "/one": (6, 6), "/two": (6, 6)}
    assert rows(answer, "source") == {"Google": (10, 10), "Direct": (11, 11)}
    assert rows(answer, "country") == {"DE": (10, 20), "FR": (10, 18), "": (2, 2)}
    assert rows(answer, "event") == {"Signup": (10, 10)}
    assert [tuple(one.values()) for one in answer["revenue"]] == [("Signup", "EUR", 10, 100.0)]
    assert (answer["bots"]["page_views"], answer["bots"]["events"]) == (7, 7)


async def test_parts_of_the_crowd_are_counted_alike(client: Client) -> None:
    inside, outside = await asked(client, "is.country=DE"), await asked(client, "not.country=DE")
    entered = await asked(client, "pages=entry_page&is.event=Signup")
    read = await asked(client, "pages=reading")

    assert (inside["overview"]["visitors"], inside["overview"]["bounces"]) == (10, 0)
    assert (outside["overview"]["visitors"], outside["overview"]["bounces"]) == (12, 6)
    assert rows(entered, "entry_page") == {"/": (10, 10)}
    assert [(one["page"], one["views"]) for one in read["reading"]] == [
        ("/", 22),
        ("/one", 12),
        ("/two", 6),
    ]
    assert {(one["average_ms"], one["scroll_depth"]) for one in read["reading"]} == {(2_000, 50)}


async def test_days_of_the_crowd_add_up(client: Client) -> None:
    days = [
        (await (await client.get(f"/api/v1/activity?from={day}&to={day}")).json())["overview"]
        for day in ("2024-03-30", "2024-03-31")
    ]

    for figure, both in (("visitors", 22), ("page_views", 40), ("sessions", 22), ("bounces", 6)):
        assert sum(day[figure] for day in days) == both
