"""A dashboard over a made cluster; a file overrides `cluster` or `settings` for another."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.state import State
from dashboard.web import Site
from tests.support.api_document import Misfits
from tests.support.dashboard_actions import Asked
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client, hostile_cluster, made_state


@pytest.fixture
def cluster() -> MadeCluster:
    return hostile_cluster()


@pytest.fixture
def settings() -> dict[str, object]:
    return {}


@pytest.fixture
def state(tmp_path: Path, cluster: MadeCluster, settings: dict[str, object]) -> Iterator[State]:
    made = made_state(tmp_path, cluster, **settings)
    yield made
    for beside in made.beside.values():
        beside.browser.close()


@pytest.fixture(autouse=True)
def answers_are_as_documented(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a dashboard answers to whichever test, its OpenAPI document must have said."""
    routed, misfits = Site.application, Misfits()

    def watched(site: Site) -> web.Application:
        made = routed(site)
        misfits.watch(made)
        return made

    monkeypatch.setattr(Site, "application", watched)
    yield
    assert misfits.found == []


@pytest.fixture
def application(state: State) -> web.Application:
    return Site(state).application()


@pytest.fixture
async def client(application: web.Application, state: State) -> AsyncIterator[Client]:
    """Of a dashboard that has looked once; it keeps the cookies of an address in numbers, too."""
    await state.poller(None).look()
    async with TestClient(TestServer(application), cookie_jar=CookieJar(unsafe=True)) as made:
        yield made


@pytest.fixture
def asked(client: Client) -> Asked:
    """Who asks for changes."""
    return Asked(client)
