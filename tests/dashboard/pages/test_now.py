"""Now: signals that are out of bounds say so."""

import asyncio
import re
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.cluster.history import History
from dashboard.metrics.beacons import BeaconWatch
from dashboard.metrics.roles import RoleWatcher
from dashboard.state import State
from dashboard.text import size
from dashboard.web import Site
from tracker.reports.crowds import Crowd

pytestmark = pytest.mark.may_block

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
E2E = "footfall_event_e2e_latency_seconds"


def histogram(seconds: float) -> str:
    """100 events, each this old at its consumer."""
    buckets = "".join(
        f'{E2E}_bucket{{stage="consumer",le="{bound}"}} {100 if seconds <= bound else 0}\n'
        for bound in (1.0, 5.0, 10.0)
    )
    return f'# TYPE {E2E} histogram\n{buckets}{E2E}_bucket{{stage="consumer",le="+Inf"}} 100\n'


async def page_with(state: State, told: str) -> str:
    """Now, of an appliance whose aggregator tells this."""

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(text=told)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    async with TestServer(app) as server, asyncio.TaskGroup() as tasks:
        roles = RoleWatcher({"aggregate": str(server.make_url("/metrics"))})
        state = replace(state, roles=roles)
        life = tasks.create_task(roles.run())
        async with asyncio.timeout(50):
            while roles.page("aggregate") is None:
                await asyncio.sleep(0.02)
        await state.poller(None).look()
        async with TestClient(TestServer(Site(state).application())) as client:
            page = await (await client.get("/")).text()
        life.cancel()
    return page


@pytest.mark.parametrize(("seconds", "late"), [(0.5, False), (5.0, False), (9.0, True)])
async def test_latency_above_its_target_is_said_and_red(
    state: State, seconds: float, late: bool
) -> None:
    page = await page_with(state, histogram(seconds))

    assert ("above the target of 5.0 s" in page) is late
    assert ('class="card signal late"' in page) is late


async def test_the_busiest_topics_have_their_size(state: State) -> None:
    await state.poller(None).look()
    async with TestClient(TestServer(Site(state).application())) as client:
        page = await (await client.get("/")).text()

    snapshot = state.poller(None).snapshot
    assert snapshot is not None
    sizes = [topic.size for topic in snapshot.named]
    assert any(sizes)
    for known in sizes:
        assert f'<td class="n spare">{size(known)}</td>' in page


async def now_page(state: State) -> str:
    """The page as text, blanks folded."""
    async with TestClient(TestServer(Site(state).application())) as client:
        return " ".join((await (await client.get("/")).text()).split())


def was(history: History, ago_ms: int, per_second: float, now_ms: int) -> None:
    """What arrived in the hour that ended then."""
    for minute in range(60, 0, -1):
        history.add("cluster.in", now_ms - ago_ms - minute * 60_000, per_second)


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        (((7 * DAY_MS, 10.0), (DAY_MS, 40.0), (0, 20.0)), "100 % more than in this hour last week"),
        (((DAY_MS, 40.0), (0, 20.0)), "50 % less than in this hour yesterday"),
        (((DAY_MS, 0.0), (0, 20.0)), "records into"),
        (((0, 20.0),), "records into"),
    ],
)
async def test_what_arrives_is_compared_with_the_same_hour_last_week_or_yesterday(
    state: State, hours: tuple[tuple[int, float], ...], told: str
) -> None:
    poller = state.poller(None)
    poller.history = History()
    now_ms = state.clock.now_ms()
    for ago_ms, per_second in hours:
        was(poller.history, ago_ms, per_second, now_ms)
    await poller.look()

    assert told in await now_page(state)


async def test_visitors_of_each_site_stand_beside_those_of_the_same_hour_last_week(
    state: State,
) -> None:
    await state.poller(None).look()
    state.crowds.seen = [Crowd("new.example", 3, None), Crowd("shop.example", 30, 40)]

    page = await now_page(state)

    rows = re.findall(r"site=(\S+?)\".*?</a></td>((?:<td class=\"n\">.*?</td>)+)</tr>", page)
    cells = {site: re.findall(r"<td class=\"n\">(.*?)</td>", rest) for site, rest in rows}
    assert list(cells) == ["shop.example", "new.example"]
    assert cells["shop.example"] == ["30", "40", "\u221225 %"]
    assert cells["new.example"] == ["3", "\u2013", "\u2013"]


async def test_rejected_beacons_are_told_by_reason_in_plain_words(state: State) -> None:
    await state.poller(None).look()
    watch, now_ms = BeaconWatch(), state.clock.now_ms()
    state = replace(state, beacons=watch)
    watch.see({}, now_ms - 60_000)
    watch.see({("accepted", "stored"): 95.0}, now_ms - 30_000)
    calm = await now_page(state)
    watch.see({("accepted", "stored"): 95.0, ("rejected", "unknown_site"): 5.0}, now_ms)

    page = await now_page(state)

    assert "None of 95 beacons." in calm
    row = r'title="unknown_site">site not registered</span></td>'
    assert re.search(row + r'<td class="n">5</td><td class="n">5.0 %</td>', page)
