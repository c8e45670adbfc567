"""Sites that are registered are listed before anything came from them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dashboard.activity.desk import ReportDesk
from dashboard.activity.registered import RegisteredSites
from dashboard.state import State
from dashboard.web import Site
from tests.support.made_dashboard import Client
from tests.support.made_events import made_event
from tests.support.seen_visits import store_visits
from tracker.clock import SystemClock
from tracker.kafka.client import KafkaFailure

pytestmark = pytest.mark.may_block


class Registry:
    """The topic of registered sites."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.end: int | None = len(names)
        self.reads = 0
        self.away = False

    def read(self) -> list[str]:
        self.reads += 1
        if self.away:
            raise KafkaFailure("away")
        return sorted(self.names)

    def of(self, state: State) -> ReportDesk:
        sites = RegisteredSites(self.read, lambda: self.end, state.clock)
        return ReportDesk(state.data_dir, state.clock, sites)


@pytest.fixture
async def registered(tmp_path: Path, state: State) -> AsyncIterator[tuple[Registry, Client]]:
    """A dashboard with figures of example.com, which is registered as another site is."""
    now_ms = SystemClock().now_ms()
    store_visits(tmp_path, (made_event(1, occurred_at=now_ms - 60_000),), now_ms)
    registry = Registry("quiet.example", "example.com")
    state = replace(state, desk=registry.of(state))
    async with TestClient(TestServer(Site(state).application())) as made:
        yield registry, made
    state.desk.close()


async def test_registered_sites_are_listed_and_get_the_beacon_to_paste(
    registered: tuple[Registry, Client],
) -> None:
    registry, client = registered

    page = unescape(await (await client.get("/activity")).text())
    quiet = unescape(await (await client.get("/activity?site=quiet.example")).text())

    assert "<option selected>example.com" in page and "<option>quiet.example" in page
    assert page.count("<option>example.com") == 0  # once, though it is registered and seen
    assert "<option selected>quiet.example" in quiet and quiet.count("quiet.example</option>") == 1
    assert "It is registered." in quiet and 'data-site="quiet.example"' in quiet
    assert "footfall site add" not in quiet
    assert registry.reads == 1


async def test_a_site_registered_meanwhile_is_there_at_the_next_look(
    registered: tuple[Registry, Client],
) -> None:
    registry, client = registered
    await client.get("/activity")
    registry.names.append("new.example")
    registry.end = 3

    assert "<option>new.example" in await (await client.get("/activity")).text()


async def test_a_registry_that_cannot_be_read_is_left_alone_for_a_while(
    registered: tuple[Registry, Client],
) -> None:
    registry, client = registered
    registry.away = True

    answers = [await client.get("/activity") for _ in range(3)]

    assert [answer.status for answer in answers] == [200] * 3
    assert registry.reads == 1


async def test_a_cluster_whose_topic_is_not_known_is_not_asked(
    registered: tuple[Registry, Client],
) -> None:
    registry, client = registered
    registry.end = None

    await client.get("/activity")

    assert registry.reads == 0


async def test_without_any_visit_a_registered_site_is_what_is_shown(
    tmp_path: Path, state: State
) -> None:
    state = replace(state, desk=Registry("first.example").of(state))
    async with TestClient(TestServer(Site(state).application())) as client:
        page = unescape(await (await client.get("/activity")).text())
    state.desk.close()

    assert "Nothing has arrived from first.example yet" in page
    assert 'data-site="first.example"' in page
