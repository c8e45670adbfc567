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


async def test_fewer_points_are_means_and_of_lag_the_worst(tmp_path: Path) -> None:
    state = made_state(tmp_path, busy_cluster())
    poller, now_ms = state.poller(None), state.clock.now_ms()
    for series in ("cluster.in", "cluster.lag_seconds"):
        for minute in range(60, 0, -1):
            poller.history.add(series, now_ms - minute * 60_000, 1.0 if minute % 2 else 3.0)
    app: web.Application = Site(state).application()
    async with TestClient(TestServer(app)) as client:
        address = "/api/v1/history?range=7d&s=cluster.in&s=cluster.lag_seconds&points="
        found = await (await client.get(address + "100")).json()
        refused = [(await client.get(address + word)).status for word in ("9", "x", "10081", "¹")]

    known = {
        name: {value for value in column if value is not None}
        for name, column in found["series"].items()
    }
    assert 90 < len(found["t"]) <= 101 and found["step_ms"] == 6_060_000
    assert found["t"][1] - found["t"][0] == 6_060
    assert known["cluster.lag_seconds"] == {3.0}
    assert all(1.5 < value < 2.5 for value in known["cluster.in"])
    assert refused == [400] * 4


async def test_an_unknown_range_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    app: web.Application = Site(made_state(tmp_path, busy_cluster())).application()
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/api/v1/history?range=2y&s=cluster.in")

        assert answer.status == 400
        assert "5m, 1h, 6h, 24h, 7d" in (await answer.json())["error"]
