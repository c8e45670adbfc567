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


@given(seed=integers())
def test_a_visit_is_a_walk_along_links_that_ends(seed: int) -> None:
    views = list(visit(Random(seed)))

    pages = [view.path for view in views if view.event == "pageview"]
    assert 1 <= len(pages) <= PAGES_MAX
    assert all(after in LINKS[before] for before, after in itertools.pairwise(pages))
    assert all(view.pause > 0 for view in views)


@given(seed=integers())
def test_visitors_come_from_this_machine(seed: int) -> None:
    assert visitor(Random(seed)).loopback.startswith("127.9.")


def test_an_event_has_the_envelope_of_the_beacon() -> None:
    stage = Stage(DemoConfig(site="garden.test"), "http://127.0.0.1:1", "http://127.0.0.1:2")
    dice = Random(1)

    body = beacon_body(stage, visitor(dice), next(visit(dice)))

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
