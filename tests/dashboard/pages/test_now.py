"""Now: signals that are out of bounds say so."""

import asyncio
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.metrics.roles import RoleWatcher
from dashboard.state import State
from dashboard.text import size
from dashboard.web import Site

pytestmark = pytest.mark.may_block

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
