"""The activity page in a real Chromium: what its chart tells, and the menu of campaigns."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.made_dashboard import busy_cluster
from tests.support.made_events import made_event
from tests.support.seen_visits import store_visits
from tests.support.shown_dashboard import Served
from tracker.clock import SystemClock

pytestmark = [
    pytest.mark.browser,
    pytest.mark.may_block,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]

MINUTE_MS = 60_000
DASHES = (
    "window.dashes = []; const dash = CanvasRenderingContext2D.prototype.setLineDash;"
    "CanvasRenderingContext2D.prototype.setLineDash = function (lengths) {"
    " dashes.push(lengths.join()); dash.call(this, lengths) }"
)
STROKES = (
    "window.strokes = new Set(); const stroke = CanvasRenderingContext2D.prototype.stroke;"
    "CanvasRenderingContext2D.prototype.stroke = function (...path) {"
    " strokes.add(this.strokeStyle); stroke.apply(this, path) }"
)
LINE_ON_BLACK, LINE_ON_PAPER = "#29313b", "#e2e5ea"  # --line in app.css
DOTTED = "2,4"  # how a line is drawn whose last minute is not over yet
CUT = """[...document.querySelectorAll('.cardtabs, .top nav, .tabs')]
    .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"""
PLACES = """[...document.querySelectorAll('.cardtabs .menu a')]
    .map((one) => one.getBoundingClientRect())"""
SHUT = "summary => !summary.parentElement.open && document.activeElement === summary"


# The half hour ends with the minute that is going on, so the oldest may leave it meanwhile.
SIXTY_OR_A_MINUTE_LESS = re.compile(r"^(60|58)$")


def store_two_half_hours(data_dir: Path) -> None:
    """One visitor a minute in the half hour before this one, two a minute in this one."""
    now_ms = SystemClock().now_ms()
    store_visits(
        data_dir,
        [
            made_event(
                minute * 2 + who,
                occurred_at=now_ms - minute * MINUTE_MS,
                visitor_id=f"{who}-{minute}",
                pathname="/caf%C3%A9",
            )
            for minute in range(60)
            for who in ((0, 1) if minute < 30 else (0,))
        ],
        now_ms,
    )


async def point_at(page: Page, share: float) -> None:
    """The pointer goes to so much of the width of the first chart."""
    box = await page.locator(".u-over").first.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)


async def test_pointing_at_the_chart_tells_the_time_the_values_and_what_has_changed(
    browser: Browser, tmp_path: Path
) -> None:
    store_two_half_hours(tmp_path)
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        await shown.page.add_init_script(DASHES)
        await shown.go("/activity?period=30m")
        await expect(shown.page.locator("figure canvas")).to_have_count(1)

        await point_at(shown.page, 0.5)

        tip = shown.page.locator(".tip")
        await expect(tip).to_contain_text("UTC")
        await expect(tip).to_contain_text("visitors2 (+100 %)")
        await expect(tip).to_contain_text("visitors before1")
        assert DOTTED in await shown.page.evaluate("dashes")
        await shown.page.mouse.move(0, 0)
        await expect(tip).to_be_hidden()
        assert shown.complaints == []


async def test_the_chart_goes_on_where_the_page_around_it_changes(
    browser: Browser, tmp_path: Path
) -> None:
    """Its numbers come beside the frames, so a frame must not take those away that it has."""
    store_two_half_hours(tmp_path)
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        await shown.go("/activity?period=30m")
        await expect(shown.page.locator("figure canvas")).to_have_count(1)
        await shown.page.evaluate("document.getElementById('live').firstElementChild.remove()")
        for _ in ("paused", "live"):  # the next frame is taken in as a whole
            await shown.page.keyboard.press(".")
        await served.state.poller(None).look()

        await expect(shown.page.locator("#visitors")).to_have_text(SIXTY_OR_A_MINUTE_LESS)
        await expect(shown.page.locator("figure canvas")).to_have_count(1)
        await shown.page.locator("#theme").click()

        await expect(shown.page.locator("figure canvas")).to_have_count(1)
        assert shown.complaints == []


async def test_a_click_on_a_figure_draws_it_and_another_one_takes_it_back(
    browser: Browser, tmp_path: Path
) -> None:
    store_two_half_hours(tmp_path)
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        await shown.go("/activity?period=30m")

        await shown.page.get_by_role("link", name="Bounce rate").click()

        await expect(shown.page.locator("figcaption").first).to_contain_text(
            "Bounce rate by minute"
        )
        await point_at(shown.page, 0.5)
        await expect(shown.page.locator(".tip")).to_contain_text("bounce rate100 %")
        await shown.page.get_by_role("link", name="Bounce rate").click()
        await expect(shown.page.locator("figcaption").first).to_contain_text("Visitors and page")
        await expect(shown.page.locator("figure canvas")).to_have_count(1)
        assert shown.complaints == []


async def test_a_view_is_saved_under_a_name_and_serves_again(
    browser: Browser, tmp_path: Path
) -> None:
    store_two_half_hours(tmp_path)
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        await shown.go("/activity?site=example.com&period=30m&not.country=DE&figure=visits")
        await shown.page.get_by_text("Saved views").click()
        await shown.page.fill("#saved-name", "<b>Abroad")
        await shown.page.get_by_role("button", name="Save view").click()
        await shown.go("/activity?site=example.com&pages=exit_page")
        await shown.page.get_by_text("Saved views").click()

        await shown.page.get_by_role("link", name="<b>Abroad").click()

        await expect(shown.page.locator("figcaption").first).to_contain_text("Visits by minute")
        await expect(shown.page.locator(".head .chips, .chips").first).to_contain_text("is not")
        assert "exit_page" not in shown.page.url
        assert "site=example.com" in shown.page.url
        assert shown.complaints == []


async def test_a_chart_is_printed_in_the_colours_of_paper(browser: Browser, tmp_path: Path) -> None:
    store_two_half_hours(tmp_path)
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser, scheme="dark")
        await shown.page.add_init_script(STROKES)
        await shown.go("/activity?period=30m")
        await shown.page.wait_for_function(f"() => strokes.has('{LINE_ON_BLACK}')")
        assert not await shown.page.evaluate(f"strokes.has('{LINE_ON_PAPER}')")

        await shown.page.emulate_media(media="print")

        await shown.page.wait_for_function(f"() => strokes.has('{LINE_ON_PAPER}')")


async def test_all_tabs_are_in_sight_and_the_menu_of_campaigns_is_on_the_page(
    browser: Browser, tmp_path: Path
) -> None:
    store_two_half_hours(tmp_path)
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        page = shown.page
        await shown.go("/activity?period=30m")
        await expect(page.get_by_text("/café").first).to_be_visible()
        for width in (360, 390, 768, 1024, 1280, 1920):
            await shown.be_wide(width)
            assert await page.evaluate(CUT) == [], width
        summary = page.locator(".cardtabs .menu summary")
        await summary.click()
        for width in (390, 1024, 1280):
            await shown.be_wide(width)
            for box in await page.evaluate(PLACES):
                assert box["left"] >= 0 and box["right"] <= width, width

        await page.keyboard.press("Escape")

        assert await summary.evaluate(SHUT)
        await page.keyboard.press("Enter")
        await page.get_by_role("link", name="UTM medium").click()
        await page.wait_for_url("**sources=utm_medium**")
        await expect(summary).to_have_text("UTM medium")
        await summary.click()
        await page.locator("h1").click()
        await expect(page.locator(".cardtabs .menu div")).to_be_hidden()


async def test_a_funnel_that_is_asked_for_comes_into_sight(
    browser: Browser, tmp_path: Path
) -> None:
    """Its form is at the end of a long page."""
    store_two_half_hours(tmp_path)
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser, 390)
        await shown.go("/activity?period=30m")
        await shown.page.get_by_text("Funnel").click()
        await shown.page.get_by_label("Pages and events, in order").fill("/* > /café")

        await shown.page.get_by_role("button", name="Show").last.click()

        await expect(shown.page.locator("#funnel-steps")).to_be_in_viewport()
        assert shown.complaints == []


async def test_a_whole_table_comes_into_sight_and_is_searched(
    browser: Browser, tmp_path: Path
) -> None:
    now_ms = SystemClock().now_ms()
    events = [
        made_event(number, occurred_at=now_ms, pathname=f"/{number}/a-page") for number in range(30)
    ]
    store_visits(tmp_path, events, now_ms)
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser, 390)
        await shown.go("/activity?period=30m")

        await shown.page.get_by_role("link", name="All pages").click()

        rows = shown.page.locator("#every tbody tr")
        await expect(shown.page.locator("#every h2")).to_be_in_viewport()
        await expect(rows).to_have_count(30)
        await shown.page.keyboard.press("/")
        await shown.page.keyboard.type("/17/")
        await shown.page.keyboard.press("Enter")
        await expect(rows).to_have_count(1)
        await expect(shown.page.locator("#every h2")).to_be_in_viewport()
        assert shown.complaints == []


async def test_dates_to_compare_with_are_chosen_by_keyboard_at_any_width(
    browser: Browser, tmp_path: Path
) -> None:
    store_two_half_hours(tmp_path)
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        page = shown.page
        await shown.go("/activity?period=30d&figure=visits")
        await page.get_by_role("link", name="week", exact=True).click()
        own = page.locator(".choices .menu summary")
        await own.focus()
        await page.keyboard.press("Enter")
        for width in (360, 390, 701, 768, 820, 1280):
            await shown.be_wide(width)
            box = await page.locator(".choices .menu div").bounding_box()
            assert box is not None
            assert box["x"] >= 0 and box["x"] + box["width"] <= width, width
        await page.locator("input[name=compare_from]").fill("2026-01-05")
        await page.locator("input[name=compare_to]").fill("2026-01-11")

        await page.keyboard.press("Enter")

        await expect(own).to_have_text("2026-01-05 to 2026-01-11")
        await expect(page.locator("figcaption").first).to_contain_text("Visits by hour day week")
        await expect(page.locator("figcaption [aria-current]")).to_have_text("week")
        await page.get_by_role("link", name="a year before").click()
        await expect(own).to_have_text("own dates")
        assert shown.complaints == []


async def test_a_week_is_named_by_its_first_day_and_a_month_by_its_name(
    browser: Browser, tmp_path: Path
) -> None:
    now_ms = 1_793_491_200_000  # 2026-11-01
    events = [
        made_event(day, occurred_at=now_ms - day * 1440 * MINUTE_MS, visitor_id=f"{day}")
        for day in range(70)
    ]
    store_visits(tmp_path, events, now_ms)
    async with Served(tmp_path, busy_cluster()) as served:
        shown = await served.tab(browser)
        for interval, head in (("week", "week from 21 Sep 2026 UTC"), ("month", "Oct 2026")):
            await shown.go(f"/activity?from=2026-09-01&to=2026-11-01&interval={interval}")
            await expect(shown.page.locator("figure canvas")).to_have_count(1)

            await point_at(shown.page, 0.5 if interval == "month" else 0.33)

            await expect(shown.page.locator(".tip p").first).to_have_text(head)
        assert shown.complaints == []
