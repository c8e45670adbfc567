"""Columns for charts: encoded once for everybody who asks within the same seconds."""

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.web import Site
from tests.support.made_dashboard import busy_cluster, made_state

pytestmark = pytest.mark.may_block


async def test_many_charts_of_one_series_are_answered_from_one_reading(tmp_path: Path) -> None:
    state = made_state(tmp_path, busy_cluster())
    poller = state.poller(None)
    await poller.look()
    app: web.Application = Site(state).application()
    async with TestClient(TestServer(app)) as client:
        address = "/api/v1/history?range=1h&s=cluster.lag_seconds"
        first = await (await client.get(address)).json()
        poller.history.add("cluster.lag_seconds", state.clock.now_ms(), 1_000_000.0)

        again = await (await client.get(address)).json()
        other = await (await client.get(address + "&s=cluster.in")).json()

    assert again == first
    assert other["series"]["cluster.lag_seconds"][-1] == 1_000_000.0
    assert len(other["t"]) == len(other["series"]["cluster.in"])


async def test_an_unknown_range_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    app: web.Application = Site(made_state(tmp_path, busy_cluster())).application()
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/api/v1/history?range=2y&s=cluster.in")

        assert answer.status == 400
        assert "5m, 1h, 6h, 24h, 7d" in (await answer.json())["error"]
