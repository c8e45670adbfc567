from collections.abc import AsyncIterator

import aiohttp
import pytest

from broker.server.metrics_http import MetricsServer


class Health:
    problem = ""


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
async def url(health: Health) -> AsyncIterator[str]:
    server = MetricsServer(lambda: b"footfall_up 1.0\n", lambda: health.problem)
    port = await server.start("127.0.0.1", 0)
    yield f"http://127.0.0.1:{port}"
    await server.stop()


async def test_metrics_are_served_as_prometheus_text(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert await response.text() == "footfall_up 1.0\n"


async def test_health_tells_what_is_wrong(url: str, health: Health) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/health") as response:
            assert (response.status, await response.text()) == (200, "ok\n")

        health.problem = "log directory offline"
        async with session.get(f"{url}/health") as response:
            assert (response.status, await response.text()) == (503, "log directory offline\n")


async def test_other_paths_and_methods_are_refused(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/other") as response:
            assert response.status == 404
        async with session.post(f"{url}/metrics") as response:
            assert response.status == 405
