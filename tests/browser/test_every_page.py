"""What holds for every page of the dashboard in a real Chromium: safe, calm, fitting, usable."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from dashboard.pages.page import link
from tests.support.connect_worker import ConnectWorker, connect_worker
from tests.support.made_cluster import MadePartition
from tests.support.made_dashboard import HOSTILE, busy_cluster, hostile_cluster
from tests.support.pages import ADDRESSES
from tests.support.shown_dashboard import Served, store_measured_visits
from tests.support.subject_registry import SubjectRegistry, subject_registry
from tests.support.tools import node_modules
from tracker.kafka.transactions import Holder
from tracker.topics import TopicPartition

pytestmark = [
    pytest.mark.browser,
    pytest.mark.may_block,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
]

GONE = "http://127.0.0.1:1"  # a worker that does not answer
COMPARED = "/schemas/events-value?version=2&against=1"

TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""Pixels that one has to scroll for to the side."""
CUT_TABS = """[...document.querySelectorAll('.tabs, .cardtabs, .ranges, .top nav')]
    .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"""
"""Rows of tabs and menus of which a part is out of sight."""
BEYOND = """[...document.querySelectorAll('.card.flush, .card .scroll')]
    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"""
"""Lists of which a part is beyond the edge of their card."""
CUT_SENTENCES = """[...document.querySelectorAll('.said, .alerts td.wrap, .alerts td.wrap *')]
    .filter((one) => one.clientHeight && (one.scrollHeight > one.clientHeight + 1
        || one.scrollWidth > one.clientWidth + 1)).map((one) => one.textContent)"""
"""What is said of problems and alerts, and cannot be read to its end."""
LONG = "shop.orders.confirmed.by-region.europe-west-1.v2"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture
def connect() -> Iterator[ConnectWorker]:
    """A Kafka Connect worker; one of its connectors failed."""
    with connect_worker() as running:
        running.add("files", "RUNNING", "FAILED", topics="events")
        yield running


@pytest.fixture
def registry() -> Iterator[SubjectRegistry]:
    """A schema registry; a subject has two versions, another one refers to it."""
    with subject_registry() as running:
        text = '{"type": "record", "name": "E", "fields": []}'
        running.put("events-value", text)
        running.put("events-value", text.replace("E", "Event"))
        running.put("r", '"E"', references=[{"name": "E", "subject": "events-value", "version": 2}])
        yield running


async def test_hostile_names_do_nothing_on_any_page(
    browser: Browser, connect: ConnectWorker, registry: SubjectRegistry, tmp_path: Path
) -> None:
    for name in HOSTILE:
        connect.add(name, "FAILED", state=name, note=name)
        registry.put(name, f'"{name}"')
    beside = {"connect_urls": (connect.url,), "schema_registry_url": registry.url}
    async with Served(tmp_path, hostile_cluster(), **beside) as served:
        shown = await served.tab(browser)
        for path in (
            *ADDRESSES,
            *(link(kind, name) for kind in ("groups", "connect", "schemas") for name in HOSTILE),
        ):
            await shown.go(path)
            await served.state.poller(None).look()  # a live frame on top of the first load

            assert await shown.page.title() not in ("owned", "1")
            assert await shown.page.locator("img, iframe, object, #live script").count() == 0
            assert await shown.page.locator("[onmouseover], [onerror]").count() == 0

        assert shown.complaints == []


async def test_no_page_is_wider_than_the_screen(browser: Browser, tmp_path: Path) -> None:
    """Opened on a phone, whose window then grows to that of a large screen."""
    store_measured_visits(tmp_path)
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        for path in ADDRESSES:
            await shown.be_wide(390)
            await shown.go(path)

            for width in (390, 900, 1600):
                await shown.be_wide(width)
                assert await shown.page.evaluate(CUT_TABS) == [], f"{path} ({width})"
                for scheme in SCHEMES:
                    await shown.page.emulate_media(color_scheme=scheme)
                    overflow = await shown.page.evaluate(TOO_WIDE)
                    assert overflow <= 0, f"{path} is {overflow} px too wide ({width}, {scheme})"

        assert shown.complaints == []


async def test_every_part_of_a_cluster_is_in_sight_on_a_phone(
    browser: Browser, connect: ConnectWorker, registry: SubjectRegistry, tmp_path: Path
) -> None:
    """With Connect and a registry there are six, and the first was cut off."""
    beside = {"connect_urls": (connect.url,), "schema_registry_url": registry.url}
    async with Served(tmp_path, busy_cluster(), **beside) as served:
        shown = await served.tab(browser, 390)
        for path in ("/cluster", "/schemas", "/audit", "/topics/events?tab=config"):
            await shown.go(path)
            assert await shown.page.evaluate(CUT_TABS) == [], path


async def test_names_of_groups_are_whole_on_a_tablet(browser: Browser, tmp_path: Path) -> None:
    """Beside them stand eight columns, one of them with a sentence."""
    cluster = busy_cluster()
    name = "a-service-of-the-shop.reads.orders"
    cluster.add_group(name, {TopicPartition("events", 0): 10})
    async with Served(tmp_path, cluster) as served:
        for width in (720, 820, 1000):
            shown = await served.tab(browser, width)
            await shown.go("/groups")

            cell = shown.page.get_by_role("cell", name=name)
            box = await cell.bounding_box()

            assert await cell.evaluate("(cell) => cell.scrollWidth <= cell.clientWidth"), width
            assert box is not None and box["width"] >= 150, width
            assert await shown.page.evaluate(TOO_WIDE) <= 0, width


async def test_lists_are_whole_on_a_tablet(browser: Browser, tmp_path: Path) -> None:
    """Columns that fit no more are left out; none is beyond the edge of its card."""
    cluster = busy_cluster()
    cluster.add_topic(LONG, MadePartition(leader=-1, isr=(), end=123_456_789))
    place = TopicPartition("events", 0)
    cluster.partitions[place].stable, cluster.partitions[place].end = 10, 123_456_789
    cluster.writers = [Holder(place, 7, 0, 10, 5)]
    async with Served(tmp_path, cluster) as served:
        served.state.alerts.evaluate()
        active = served.state.alerts.engine.active
        active.update({key: replace(one, fired_at_ms=1) for key, one in active.items()})
        shown = await served.tab(browser, 720)
        for path in ADDRESSES:
            await shown.go(path)
            for width in (720, 820):
                await shown.be_wide(width)
                assert await shown.page.evaluate(BEYOND) == [], f"{path} ({width})"
        for path in ("/topics", "/groups", "/alerts", "/transactions", "/cluster"):
            await shown.go(path)
            assert await shown.page.locator("main table tbody tr").count() > 0, path


async def test_an_opened_record_has_the_width_of_its_list(browser: Browser, tmp_path: Path) -> None:
    """It had that of its column, a third of a tablet."""
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        for width in (360, 720, 1280):
            await shown.be_wide(width)
            await shown.go("/topics/events?tab=messages")
            await shown.page.locator("#messages summary").first.click()
            card = await shown.page.locator("#messages").bounding_box()
            value = await shown.page.locator("#messages pre").first.bounding_box()

            assert card is not None and value is not None
            assert card["x"] < value["x"] < card["x"] + 32, width
            assert card["width"] - 64 < value["width"] < card["width"], width
            assert await shown.page.evaluate(TOO_WIDE) <= 0, width


async def test_names_are_not_cut_into_pieces_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    """Beside three or four columns of numbers a name had room for five letters a line."""
    cluster = busy_cluster()
    cluster.add_topic("events.deadletter", MadePartition(end=24_284))
    cluster.add_group("search-index", {TopicPartition("events", 0): 10})
    async with Served(tmp_path, cluster) as served:
        shown = await served.tab(browser, 360)
        await shown.go("/")

        for name in ("events.deadletter", "search-index"):
            link = shown.page.locator("table").get_by_role("link", name=name, exact=True)
            assert await link.evaluate("(one) => one.getClientRects().length") == 1, name


async def test_sentences_about_problems_are_whole_at_any_width(
    browser: Browser, tmp_path: Path
) -> None:
    """They ended after two or three lines, and the cause stands at their end."""
    cluster = busy_cluster()
    cluster.add_topic(LONG * 4, MadePartition(leader=-1, isr=()))
    async with Served(tmp_path, cluster) as served:
        served.state.alerts.evaluate()
        active = served.state.alerts.engine.active
        active.update({key: replace(one, fired_at_ms=1) for key, one in active.items()})
        shown = await served.tab(browser, 390)
        for path, width in product(("/", "/alerts"), (390, 720, 1280)):
            await shown.be_wide(width)
            await shown.go(path)
            told = shown.page.locator("main").get_by_text(LONG * 4)
            assert await told.count() > 0, f"{path} ({width})"
            assert await shown.page.evaluate(CUT_SENTENCES) == [], f"{path} ({width})"


async def test_nothing_moves_when_a_page_settles_or_names_are_long(
    browser: Browser, tmp_path: Path
) -> None:
    """Layout shift as Chromium counts it; below 0.1 a page is good, we want about none."""
    async with Served(tmp_path, hostile_cluster()) as served:
        served.state.alerts.evaluate()
        shown = await served.tab(browser, 1024)
        await shown.page.add_init_script(
            "window.shifts = []; new PerformanceObserver((list) => { for (const one of"
            " list.getEntries()) shifts.push(one.value); })"
            ".observe({type: 'layout-shift', buffered: true})"
        )
        for path in ADDRESSES:
            await shown.go(path)
            await expect(shown.page.locator("#beat")).to_have_attribute("data-state", "live")
            await served.state.poller(None).look()  # one frame more
            await shown.page.wait_for_timeout(200)
            shifts = await shown.page.evaluate("shifts.reduce((sum, one) => sum + one, 0)")
            overflow = await shown.page.evaluate(TOO_WIDE)
            assert shifts < 0.02, path
            assert overflow <= 0, path


AXE = {
    "light": "axe.run().then((r) => r.violations)",
    "dark": """axe.run({runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}})
        .then((r) => r.violations)""",
}
"""All rules, and then those that look at colours: a scheme changes nothing else."""


@pytest.mark.timeout(900)  # half a minute, and beside a machine that is full ten of them
async def test_axe_finds_nothing_on_any_page(
    browser: Browser, connect: ConnectWorker, registry: SubjectRegistry, tmp_path: Path
) -> None:
    """WCAG 2.2 A and AA, and axe's own good practice; forms opened, alerts firing."""
    _, modules = node_modules("axe-core")
    source = (modules / "axe-core" / "axe.min.js").read_text()
    told: list[tuple[str, ...]] = []
    store_measured_visits(tmp_path)
    beside = {"connect_urls": (connect.url, GONE), "schema_registry_url": registry.url}
    async with Served(tmp_path, busy_cluster(), **beside) as served:
        served.state.alerts.evaluate()
        shown = await served.tab(browser)
        for path in (*ADDRESSES, "/connect/files", COMPARED, "/schemas/r"):
            await shown.page.emulate_media(color_scheme="light")
            await shown.be_wide(390)
            await shown.go(path)
            await shown.page.evaluate(source)  # not by a tag: the content policy forbids it
            for width, scheme in product((390, 1280), SCHEMES):
                await shown.be_wide(width)
                await shown.open_details()
                await shown.page.emulate_media(color_scheme=scheme)

                found = await shown.page.evaluate(AXE[scheme])

                told += [
                    (
                        *(path, str(width), scheme, one["id"]),
                        *(node["html"][:160], node["failureSummary"][:200]),
                    )
                    for one in found
                    for node in one["nodes"][:3]
                ]

    assert told == []
