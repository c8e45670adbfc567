"""A dashboard that watches real clusters: its pollers run, its pages are asked over HTTP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboard import app
from dashboard.cluster.poller import Poller
from dashboard.config import DashboardConfig
from dashboard.state import State
from dashboard.web import Site
from tracker.config import KafkaConfig


@dataclass(frozen=True, slots=True)
class Watching:
    """The dashboard, and a client of it."""

    state: State
    client: TestClient[web.Request, web.Application]

    async def page(self, address: str) -> str:
        """The page's text, which has to be there."""
        async with self.client.get(address) as answer:
            text = await answer.text()
            assert answer.status == 200, (address, answer.status, text)
            return text

    async def seen(self, name: str) -> Poller:
        """The cluster's poller, once it has looked; a test's time limit ends the wait."""
        poller, version = self.state.pollers[name], -1
        while poller.snapshot is None or not poller.connection.up:
            version = await poller.wait_for(version, 1.0)
        return poller


@contextlib.asynccontextmanager
async def watching(
    clusters: Mapping[str, KafkaConfig], data_dir: Path, **settings: object
) -> AsyncIterator[Watching]:
    """Watches `clusters`, the first of which is ours."""
    quiet = {"probe": "off", "poll_interval_s": 1.0, "external_poll_interval_s": 1.0}
    first = next(iter(clusters))
    config = DashboardConfig(cluster_name=first, **(quiet | settings))  # type: ignore[arg-type]
    state = app.build(config, clusters, data_dir)
    async with TestClient(TestServer(Site(state).application())) as client:
        async with asyncio.TaskGroup() as tasks:
            lives = [tasks.create_task(poller.run()) for poller in state.pollers.values()]
            yield Watching(state, client)
            for life in lives:
                life.cancel()
        state.desk.close()
        state.actions.close()
        for one in state.beside.values():
            one.close()
