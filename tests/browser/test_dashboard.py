"""The dashboard in a real Chromium: live updates, keyboard, themes, charts, what is changed."""

import re
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect

from dashboard.render import HERE
from dashboard.web import Site
from tests.support.made_dashboard import busy_cluster, hostile_cluster, made_state
from tests.support.shown_dashboard import Served, store_measured_visits
from tracker.kafka.answers import Record, Sizes
from tracker.topics import TopicPartition

pytestmark = [
    pytest.mark.browser,
    pytest.mark.may_block,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_numbers_move_without_a_reload_and_focus_stays(
    browser: Browser, tmp_path: Path
) -> None:
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        await shown.go("/groups")
        await expect(shown.page.locator("table")).to_contain_text("33")
        await shown.page.locator("a[data-row]").first.focus()

        for place in served.cluster.commits["export"]:
            served.cluster.commits["export"][place] = 1_000
        await served.state.poller(None).look()

        row = shown.page.locator("tr", has_text="export")
        await expect(row.locator("td").nth(3)).to_have_text("3")
        assert await shown.page.evaluate("document.activeElement.hasAttribute('data-row')")


async def test_each_table_is_copied_as_csv_by_the_button_beside_it(
    browser: Browser, tmp_path: Path
) -> None:
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        await shown.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        lines = {}
        for path in ("/topics", "/topics/events?tab=consumers", "/groups/export"):
            await shown.go(path)
            await shown.page.keyboard.press(".")  # or a frame may put a button's own label back
            await expect(shown.page.locator("#age")).to_have_text("paused")
            for button in await shown.page.locator("button[data-csv]").all():
                await button.click()
                await expect(button).to_have_text("Copied")
                copied = await shown.page.evaluate("navigator.clipboard.readText()")
                lines[path, copied.split(",")[0]] = copied.count("\n")
        await button.click()  # again while it says so: what it goes back to is its own label
        await expect(button).to_have_attribute("data-label", "Copy CSV")

    assert lines == {
        ("/topics", "Topic"): 2,
        ("/topics/events?tab=consumers", "Group"): 2,
        ("/groups/export", "Topic"): 3,
        ("/groups/export", "Client"): 1,
    }


async def test_a_cluster_that_goes_away_shows_and_heals(browser: Browser, tmp_path: Path) -> None:
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        await shown.go("/")
        served.cluster.away = True
        await served.state.poller(None).pulse()
        await expect(shown.page.locator(".verdict h2")).to_have_text("Broker away")
        await expect(shown.page.locator("#age")).to_have_text("stale")

        served.cluster.away = False
        await served.state.poller(None).look()

        await expect(shown.page.locator("#age")).to_have_text("live")


async def test_a_dashboard_that_is_gone_never_looks_healthy(
    browser: Browser, tmp_path: Path
) -> None:
    served = Served(tmp_path, busy_cluster())
    async with served:
        shown = await served.tab(browser)
        await shown.go("/")
        await expect(shown.page.locator("#age")).to_have_text("live")

    await expect(shown.page.locator("#beat")).to_have_attribute("data-state", "old")
    await expect(shown.page.locator("#age")).to_contain_text("s old")


async def test_the_keyboard_is_enough(browser: Browser, tmp_path: Path) -> None:
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        page = shown.page
        await shown.go("/")
        await page.keyboard.press("g")
        await page.keyboard.press("t")
        await page.wait_for_url("**/topics")
        await page.keyboard.press("/")
        await page.keyboard.type("event")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**q=event**")
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/topics/events")
        await page.keyboard.press("?")

        await expect(page.locator("#keys")).to_be_visible()


async def test_a_tab_in_the_background_tells_its_state_and_old_verdicts_are_not_green(
    browser: Browser, tmp_path: Path
) -> None:
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        await shown.go("/groups")
        problems = len(served.state.health(served.state.poller(None)).problems)
        assert problems > 1
        await expect(shown.page).to_have_title(f"{problems} problems · Consumer groups · Footfall")
        badge = shown.page.locator("tr", has_text="export").locator(".state")
        fresh = await badge.evaluate("e => getComputedStyle(e).backgroundColor")

        served.cluster.away = True
        await served.state.poller(None).pulse()

        await expect(shown.page).to_have_title("Broker away · Consumer groups · Footfall")
        await expect(badge).not_to_have_css("background-color", fresh)
        word = await badge.evaluate("e => getComputedStyle(e, '::before').content")
        assert word == '"WAS "'


async def test_rows_on_a_phone_are_cards_that_name_each_value(
    browser: Browser, tmp_path: Path
) -> None:
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser, 390)
        for path in (
            "/topics/events?tab=partitions",
            "/groups/export",
            "/topics/events?tab=config",
        ):
            await shown.go(path)
            cell = shown.page.locator("table.cards tbody td").nth(1)
            label = await cell.evaluate("e => getComputedStyle(e, '::before').content")
            hidden = await shown.page.evaluate(
                "[...document.querySelectorAll('table.cards')].filter("
                "(one) => one.parentElement.scrollWidth > one.parentElement.clientWidth).length"
            )

            assert label.strip('"') in ("Leader", "Partition", "Value"), path
            assert hidden == 0, path


async def test_names_in_short_tables_are_whole_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    cluster = busy_cluster()
    names = [f"a-service-of-the-shop.reads.orders.{number}" for number in range(2)]
    for name in names:
        cluster.add_group(name, {TopicPartition("events", 0): 990})
    async with Served(tmp_path, cluster) as served:
        shown = await served.tab(browser, 390)
        await shown.go("/")

        for name in names:
            link = shown.page.get_by_role("cell", name=name)
            assert await link.evaluate("(cell) => cell.scrollWidth <= cell.clientWidth"), name
        assert shown.complaints == []


async def test_the_chosen_theme_stays(browser: Browser, tmp_path: Path) -> None:
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser, scheme="light")
        await shown.go("/")
        await shown.page.locator("#theme").click()

        await shown.go("/groups")

        assert await shown.page.locator("html").get_attribute("data-theme") == "dark"


async def test_charts_are_drawn_and_pause_stops_the_stream(
    browser: Browser, tmp_path: Path
) -> None:
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        await shown.go("/groups/stopped?range=5m")
        await expect(shown.page.locator("figure canvas")).to_have_count(2)
        await shown.page.keyboard.press(".")
        await expect(shown.page.locator("#age")).to_have_text("paused")

        number = shown.page.locator(".signal .big").nth(1)
        await expect(number).to_have_text("2\u202f973")
        served.cluster.commits["stopped"] = dict.fromkeys(served.cluster.commits["stopped"], 0)
        await served.state.poller(None).look()
        await shown.page.wait_for_timeout(300)  # time in which a frame would have come

        await expect(number).to_have_text("2\u202f973")
        await shown.page.keyboard.press(".")
        await served.state.poller(None).look()

        await expect(number).to_have_text("3\u202f003")
        await expect(shown.page.locator("#age")).to_have_text("live")


async def test_what_is_counted_is_drawn_on_an_axis_of_whole_numbers(
    browser: Browser, tmp_path: Path
) -> None:
    store_measured_visits(tmp_path)
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        await shown.page.add_init_script(
            "window.drawn = []; const draw = CanvasRenderingContext2D.prototype.fillText;"
            "CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {"
            " drawn.push(text); draw.call(this, text, ...place) }"
        )
        await shown.go("/activity?period=30m")
        await shown.page.wait_for_function("drawn.includes('1')")

        numbers = await shown.page.evaluate("drawn.filter((text) => !text.includes(':'))")

    assert set(numbers) == {"0", "1"}


async def test_the_script_of_all_pages_is_below_150_kilobytes(tmp_path: Path) -> None:
    app: web.Application = Site(made_state(tmp_path, busy_cluster())).application()
    async with TestServer(app) as server, ClientSession(auto_decompress=False) as session:
        sizes = []
        for script in (HERE / "static").glob("*.js"):
            answer = await session.get(
                server.make_url(f"/static/{script.name}"), headers={"Accept-Encoding": "identity"}
            )
            sizes.append(len(await answer.read()))

    assert len(sizes) > 3
    assert sum(sizes) < 150_000


async def test_following_a_topic_shows_what_arrives_as_text_and_can_be_paused(
    browser: Browser, tmp_path: Path
) -> None:
    async with Served(tmp_path, hostile_cluster()) as served:
        shown = await served.tab(browser)
        await shown.go("/topics/events?tab=messages&partition=0")
        await shown.page.get_by_role("button", name="Follow").click()
        rows = shown.page.locator("#messages tbody tr")
        await expect(rows).to_have_count(50)
        await expect(shown.page.locator("#tail-note")).to_contain_text("Following.")
        served.cluster.partitions[TopicPartition("events", 0)].end += 3
        await expect(rows).to_have_count(53)
        await expect(rows.first).to_contain_text("1002")
        await rows.first.locator("summary").click()
        await expect(rows.first.locator("pre").first).to_be_visible()
        served.cluster.partitions[TopicPartition("events", 0)].end += 1_000
        await expect(shown.page.locator("#tail-note")).to_contain_text("800 came too fast")

        await shown.page.get_by_role("button", name="Pause").last.click()

        await expect(shown.page.locator("#tail-note")).to_have_text("Paused.")
        assert await shown.page.locator("#messages img, #messages script").count() == 0
        assert shown.complaints == []


async def test_what_is_followed_tells_null_from_empty_and_its_size(
    browser: Browser, tmp_path: Path
) -> None:
    cluster, place = hostile_cluster(), TopicPartition("events", 0)
    async with Served(tmp_path, cluster) as served:
        shown = await served.tab(browser)
        await shown.go("/topics/events?tab=messages&partition=0")
        await shown.page.get_by_role("button", name="Follow").click()
        await expect(shown.page.locator("#tail-note")).to_contain_text("Following.")
        end = cluster.partitions[place].end
        for offset, key, value in ((end, None, b""), (end + 1, b"", None)):
            cluster.values[place, offset] = Record(
                *("events", 0, offset, offset, True), key, value, (("h", None),), Sizes(0, 0, 1)
            )
        cluster.partitions[place].end += 2
        rows = shown.page.locator("#messages tbody tr")

        for number, key_kind, kind in ((1, "null", "empty"), (0, "empty", "null")):
            row = rows.nth(number)
            await expect(row.locator("td.key .state")).to_have_text(key_kind)
            await expect(row.locator("summary .state")).to_have_text(kind)
            await row.locator("summary").click()
            await expect(row.locator(".label").first).to_have_text(f"Key {key_kind}")
            await expect(row.locator(".label").last).to_have_text("Headers 1 B")
            await expect(row.locator("pre").last).to_have_text("h: null")
        assert shown.complaints == []


async def test_an_expression_is_typed_kept_and_holds_for_what_arrives(
    browser: Browser, tmp_path: Path
) -> None:
    hostile = "record.keyAsText == '\"><img src=x onerror=alert(1)>' || record.value.n == 1"
    async with Served(tmp_path, hostile_cluster()) as served:
        shown = await served.tab(browser)
        await shown.go("/topics/events?tab=messages&partition=0")
        field = shown.page.get_by_label("CEL filter")
        await field.fill("record.offset >= 998 && record.offset != 1001")
        await field.press("Enter")
        rows = shown.page.locator("#messages tbody tr")
        await expect(rows).to_have_count(2)
        await shown.page.get_by_label("Name of this filter").fill("mine")
        await shown.page.get_by_label("Name of this filter").press("Enter")
        await expect(shown.page.get_by_role("link", name="mine")).to_have_attribute(
            "href", re.compile("filter=record.offset")
        )
        await shown.page.get_by_role("button", name="Follow").click()
        await expect(shown.page.locator("#tail-note")).to_contain_text("Following.")
        served.cluster.partitions[TopicPartition("events", 0)].end += 3
        await expect(shown.page.locator("#tail-note")).to_contain_text("2 shown of 3 that arrived")

        await field.fill(hostile)
        await field.press("Enter")
        await expect(shown.page.locator("main")).to_contain_text("could not be tested")
        await expect(field).to_have_value(hostile)
        await field.fill("record.offset >")
        await field.press("Enter")
        await expect(shown.page.get_by_role("alert")).to_contain_text("column 16")
        await expect(field).to_have_attribute("aria-invalid", "true")
        assert await shown.page.locator("main img").count() == 0
        assert shown.complaints == []


async def test_a_topic_is_deleted_only_after_its_name_is_typed(
    browser: Browser, tmp_path: Path
) -> None:
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        await shown.go("/topics/events?tab=config")
        await shown.page.get_by_text("Change this topic").click()
        for typed in ("event", "events"):
            await shown.page.get_by_role("button", name="Delete topic").click()
            await shown.page.locator("#typed").fill(typed)
            await shown.page.get_by_role("button", name="Continue").click()
            if typed == "event":
                output = shown.page.locator("[data-action=delete-topic] output")
                await expect(output).to_contain_text("confirm must repeat")
        await shown.page.wait_for_url("**/topics")

    assert served.cluster.changes == [("delete", "events")]
