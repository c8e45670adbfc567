"""The interval of the chart and the time it is compared with, as the address asks for them."""

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dashboard.web import Site
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client, made_state
from tests.support.made_events import made_event
from tests.support.seen_visits import store_visits

pytestmark = pytest.mark.may_block

DAY_MS = 86_400_000
FIRST_MS = 1_793_491_200_000  # 2026-11-01, a Sunday
NOVEMBER = "from=2026-11-01&to=2026-11-20"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """One visitor a day in October and November of 2026, on two pages in turn."""
    store_visits(
        tmp_path,
        [
            made_event(
                day + 31,
                occurred_at=FIRST_MS + day * DAY_MS,
                visitor_id=f"v{day}",
                pathname="/even" if day % 2 == 0 else "/odd",
            )
            for day in range(-31, 20)
        ],
        FIRST_MS + 20 * DAY_MS,
    )
    async with TestClient(
        TestServer(Site(made_state(tmp_path, MadeCluster())).application())
    ) as it:
        yield it


async def told(client: Client, query: str) -> Any:
    answer = await client.get(f"/api/v1/activity?{query}")
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def drawn(client: Client, query: str) -> dict[str, list[Any]]:
    page = await (await client.get(f"/activity?{query}")).text()
    (columns,) = re.findall(r'data-columns="([^"]*)"', page)
    return dict(json.loads(unescape(columns))["lines"])


@pytest.mark.parametrize("filtered", ["", "&is.page=/even", "&not.page=/odd"])
async def test_days_become_weeks_and_nothing_is_lost(client: Client, filtered: str) -> None:
    days = await told(client, NOVEMBER + filtered)
    weeks = await told(client, NOVEMBER + "&interval=week" + filtered)

    visitors = [one["visitors"] for one in weeks["timeseries"]]
    assert (weeks["step"], weeks["intervals"]) == ("week", ["hour", "day", "week"])
    assert sum(visitors) == sum(one["visitors"] for one in days["timeseries"])
    assert visitors == ([1, 3, 4, 2] if filtered else [1, 7, 7, 5])


async def test_visits_are_drawn_by_week_as_well(client: Client) -> None:
    lines = await drawn(client, NOVEMBER + "&interval=week&figure=bounces")

    assert lines["bounce rate"] == [100, 100, 100, 100]
    assert lines["bounce rate before"] == [100, 100, 100, 100]


@pytest.mark.parametrize("filtered", ["", "&is.page=/even"])
async def test_own_dates_are_compared_with_also_where_they_are_more(
    client: Client, filtered: str
) -> None:
    """All of them count in the total; of the chart they fill what there is."""
    own = "&compare_from=2026-10-02&compare_to=2026-10-31"

    found = await told(client, "from=2026-11-01&to=2026-11-20" + own + filtered)
    lines = await drawn(client, "from=2026-11-01&to=2026-11-20" + own + filtered)

    share = 2 if filtered else 1
    assert found["before"]["visitors"] == 30 // share
    assert found["compared_with"] == [FIRST_MS - 30 * DAY_MS, FIRST_MS]
    assert len(lines["visitors before"]) == 20
    assert sum(lines["visitors before"]) == 20 // share


async def test_own_dates_of_another_century_are_compared_with_nothing(client: Client) -> None:
    found = await told(client, NOVEMBER + "&compare_from=1971-01-01&compare_to=1990-01-01")

    assert found["before"] is None


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (NOVEMBER + "&interval=minute", "hour, day, week for a period of 480 hours, not 'minute'"),
        ("period=30m&interval=week", "one of minute for a period of 0.5 hours"),
        ("interval=century", "interval must be one of minute, hour, day, week, month"),
        ("from=2026-02-30", "from must be a day such as 2026-11-22, in 1971 to 9000"),
        ("compare_from=1900-01-01", "compare_from must be a day"),
        ("from=2026-11-02&to=2026-11-01", "to must not be before from"),
        ("compare_to=2026-11-01", "compare_to needs compare_from"),
        ("period=ever", "period must be one of 30m, today"),
        ("compare=mars", "compare must be one of off, year"),
    ],
)
async def test_programs_are_told_what_does_not_fit(
    client: Client, query: str, sentence: str
) -> None:
    for path in ("activity", "activity.csv"):
        answer = await client.get(f"/api/v1/{path}?{query}")

        assert answer.status == 400
        assert sentence in (await answer.json())["error"]


async def test_people_get_what_fits_and_files_that_are_what_they_see(client: Client) -> None:
    """An interval stays in the address while periods change, also through one that has none."""
    page = await (await client.get(f"/activity?{NOVEMBER}&interval=minute")).text()
    (address,) = re.findall(r'href="(/api/v1/activity.csv[^"]*dimension=time[^"]*)"', page)
    file = await client.get(unescape(address))

    assert "interval=day" in address
    assert len((await file.text()).splitlines()) == 21
    assert 'interval=week"' in page.replace("&amp;", "&")
    assert "interval=month" not in page


async def test_other_choices_stay_when_dates_are_chosen(client: Client) -> None:
    page = await (await client.get(f"/activity?{NOVEMBER}&figure=visits&interval=week")).text()

    (form,) = re.findall(r'<form method="get" class="dates">.*?</form>', page)
    assert '<input type="hidden" name="figure" value="visits">' in form
    assert '<input type="hidden" name="interval" value="week">' in form
    assert form.count('name="from"') == 1
