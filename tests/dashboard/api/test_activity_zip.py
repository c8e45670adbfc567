"""All lists of the activity page in one file."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dashboard.activity import desk
from dashboard.web import Site
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client, made_state
from tests.support.made_events import made_event
from tests.support.seen_visits import store_visits
from tracker.packs.visits import DIMENSIONS
from tracker.reports.segment import Segment

pytestmark = pytest.mark.may_block

DAY_MS = 86_400_000
FIRST_MS = 1_793_491_200_000  # 2026-11-01
SALE = {"revenue_amount": "19.9", "revenue_currency": "EUR"}
DAYS = "from=2026-11-01&to=2026-11-02"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    events = [
        made_event(1, occurred_at=FIRST_MS, visitor_id="ann", country="DE", pathname="/=1+1"),
        made_event(2, occurred_at=FIRST_MS + 1, visitor_id="ann", event_name="Buy", **SALE),
        made_event(3, occurred_at=FIRST_MS + DAY_MS, visitor_id="bob", country="FR"),
        made_event(4, occurred_at=FIRST_MS, is_bot=True, bot_reason="user_agent:Googlebot"),
        made_event(5, occurred_at=FIRST_MS, site_id="other.example", visitor_id="eve"),
    ]
    store_visits(tmp_path, events, FIRST_MS + 2 * DAY_MS)
    state = made_state(tmp_path, MadeCluster())
    async with TestClient(TestServer(Site(state).application())) as found:
        yield found


async def unpacked(client: Client, query: str) -> dict[str, list[list[str]]]:
    answer = await client.get(f"/api/v1/activity.zip?{query}")
    assert answer.status == 200, await answer.text()
    with ZipFile(io.BytesIO(await answer.read())) as archive:
        assert archive.testzip() is None
        return {
            name: list(csv.reader(io.StringIO(archive.read(name).decode())))
            for name in archive.namelist()
        }


async def test_it_has_every_list_and_what_was_asked(client: Client) -> None:
    found = await unpacked(client, DAYS + "&site=example.com&interval=day")

    assert {f"{one}.csv" for one in (*DIMENSIONS, "about", "time", "reading")} <= found.keys()
    assert found["country.csv"] == [
        ["country", "visitors", "page_views"],
        ["DE", "1", "1"],
        ["FR", "1", "1"],
    ]
    assert found["time.csv"][1] == ["2026-11-01T00:00:00Z", "1", "1", "1", "0", "0"]
    assert found["revenue.csv"][1] == ["Buy", "EUR", "1", "19.90"]
    assert found["bots.csv"][1] == ["user_agent:Googlebot", "1", "1"]
    about = dict(row for row in found["about.csv"])
    assert (about["site"], about["interval"]) == ("example.com", "day")
    assert (about["first_day_utc"], about["last_day_utc"]) == ("2026-11-01", "2026-11-02")


async def test_the_warehouse_is_opened_once_for_all_lists(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each opening chooses the visitors of the whole period anew."""
    opened: list[Segment] = []

    class Noted(Segment):
        def close(self) -> None:
            opened.append(self)
            super().close()

    monkeypatch.setattr(desk, "Segment", Noted)
    found = await unpacked(client, DAYS + "&site=example.com")

    assert len(found["entry_page.csv"]) > 1 and len(found["language.csv"]) > 1
    assert len(opened) == 1


async def test_filters_hold_for_every_list(client: Client) -> None:
    found = await unpacked(client, DAYS + "&site=example.com&not.country=DE")

    assert found["country.csv"][1:] == [["FR", "1", "1"]]
    assert found["event.csv"] == [["event", "visitors", "events"]]
    assert sum(int(row[1]) for row in found["time.csv"][1:]) == 1
    assert "revenue.csv" not in found
    assert ["only_visitors_with", "country is not DE"] in found["about.csv"]


async def test_a_spreadsheet_calculates_nothing_from_it(client: Client) -> None:
    """A path of `=...` cannot be, but an event's name can."""
    found = await unpacked(client, DAYS + "&site=example.com")

    cells = [cell for table in found.values() for row in table for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("site=nobody.example", 404, "There is no site 'nobody.example'."),
        ("interval=minute&" + DAYS, 400, "interval must be one of hour, day for a period of 48"),
        ("from=2026-13-01", 400, "from must be a day"),
    ],
)
async def test_what_cannot_be_is_refused(
    client: Client, query: str, status: int, sentence: str
) -> None:
    answer = await client.get(f"/api/v1/activity.zip?{query}")

    assert answer.status == status
    assert sentence in (await answer.json())["error"]


async def test_its_name_says_which_days_of_which_site(client: Client) -> None:
    answer = await client.get(f"/api/v1/activity.zip?site=example.com&{DAYS}")

    assert answer.content_type == "application/zip"
    named = "footfall-example_com_2026_11_01_2026_11_02.zip"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{named}"'


async def test_the_page_leads_to_it_with_its_filters(client: Client) -> None:
    page = await (await client.get(f"/activity?{DAYS}&is.country=DE&interval=minute")).text()

    assert (
        "/api/v1/activity.zip?from=2026-11-01&amp;to=2026-11-02&amp;is.country=DE&amp;int" in page
    )
    assert "interval=hour" in page.split("activity.zip")[1][:120]
