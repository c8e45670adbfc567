"""The demo's visitors behave, and its pages carry the beacon."""

import itertools
from random import Random

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis.strategies import integers

from footfall.commands.demo import Stage, beacon_body, site_application
from footfall.config import DemoConfig
from footfall.demo_visitors import LINKS, PAGES, PAGES_MAX, visit, visitor

STAGE = Stage(DemoConfig(site="garden.test"), "http://127.0.0.1:1", "http://127.0.0.1:2")


@given(seed=integers())
def test_a_visit_is_a_walk_along_links_that_ends(seed: int) -> None:
    views = list(visit(Random(seed)))

    pages = [view.path for view in views if view.event == "pageview"]
    assert 1 <= len(pages) <= PAGES_MAX
    assert all(after in LINKS[before] for before, after in itertools.pairwise(pages))
    assert all(view.pause > 0 for view in views)


@given(seed=integers())
def test_a_visitor_who_walks_on_comes_from_the_page_before(seed: int) -> None:
    """As browsers tell it: without a referrer each step would be counted as a direct arrival."""
    body = [
        beacon_body(STAGE, visitor(Random(seed)), view)["events"][0]
        for view in visit(Random(seed))
        if view.event == "pageview"
    ]

    for before, after in itertools.pairwise(body):
        assert after["referrer"] == before["url"]


@given(seed=integers())
def test_visitors_come_from_this_machine(seed: int) -> None:
    assert visitor(Random(seed)).loopback.startswith("127.9.")


def test_an_event_has_the_envelope_of_the_beacon() -> None:
    dice = Random(1)

    body = beacon_body(STAGE, visitor(dice), next(visit(dice)))

    (event,) = body["events"]
    assert event["site"] == "garden.test"
    assert event["url"].startswith("http://garden.test/")
    assert event["name"] == "pageview"


@pytest.fixture
def pages() -> web.Application:
    return site_application("http://127.0.0.1:8090", "garden.test")


async def test_every_page_is_served_with_the_script_tag(pages: web.Application) -> None:
    async with TestClient(TestServer(pages)) as browser:
        texts = {path: await (await browser.get(path)).text() for path in PAGES}

    for path, text in texts.items():
        assert 'src="http://127.0.0.1:8090/js/s.js" data-site="garden.test"' in text, path
        for target in LINKS[path]:
            assert f'href="{target}"' in text, (path, target)
