"""A link that shows one site, in a real Chromium: made on Activity, opened by a stranger, ended."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from dashboard.identity import Role
from dashboard.web import Site
from tests.support.made_dashboard import busy_cluster, made_state
from tests.support.made_events import made_event
from tests.support.seen_visits import store_visits
from tests.support.tools import node_modules
from tracker.clock import SystemClock

pytestmark = [
    pytest.mark.browser,
    pytest.mark.may_block,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
]

PASSWORD = "correct horse"
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


async def complaints_of_axe(page: Page) -> list[str]:
    _, modules = node_modules("axe-core")
    await page.evaluate((modules / "axe-core" / "axe.min.js").read_text())
    found = await page.evaluate("axe.run().then((r) => r.violations.map((one) => one.id))")
    return list(found)


async def test_a_site_is_shared_by_a_link_until_the_link_is_ended(
    browser: Browser, tmp_path: Path
) -> None:
    now_ms = SystemClock().now_ms()
    store_visits(tmp_path, [made_event(1, occurred_at=now_ms)], now_ms)
    state = made_state(tmp_path, busy_cluster(), sign_in="on")
    state.household.accounts.put_user("ann", Role.ADMIN, PASSWORD)
    await state.poller(None).look()
    server = TestServer(Site(state).application())
    await server.start_server(shutdown_timeout=0.2)
    owner = await (await browser.new_context()).new_page()
    await owner.goto(str(server.make_url("/activity")))
    await owner.get_by_role("textbox", name="Name").fill("ann")
    await owner.get_by_label("Password", exact=True).fill(PASSWORD)
    await owner.get_by_role("button", name="Sign in").click()
    await owner.get_by_text("Share").click()
    await owner.get_by_label("What it is called here").fill("board")
    await owner.get_by_label("Password, if one").fill("open sesame")
    await owner.get_by_role("button", name="Make the link").click()
    told = owner.locator("#links output td")
    await expect(told).to_contain_text("/activity?site=example.com&shared=")
    link = urlsplit((await told.inner_text()).strip())

    stranger = await (await browser.new_context(viewport={"width": 390, "height": 800})).new_page()
    await stranger.goto(str(server.make_url("/")).rstrip("/") + f"{link.path}?{link.query}")
    assert await complaints_of_axe(stranger) == []
    await stranger.get_by_label("Password of this link").fill("open sesame")
    await stranger.keyboard.press("Enter")
    await expect(stranger.locator("#visitors")).to_have_text("1")
    await state.poller(None).look()  # a frame of the stream
    await expect(stranger.locator("#age")).to_have_text("live")
    assert await complaints_of_axe(stranger) == []
    assert not await stranger.evaluate(TOO_WIDE)
    await stranger.get_by_role("link", name="30 minutes").click()
    await expect(stranger.locator("#visitors")).to_have_text("1")
    await stranger.locator(".periods .dates button").click()  # a form
    await stranger.wait_for_url("**from=**")
    await expect(stranger.locator("#visitors")).to_have_text("1")

    await owner.reload()
    await owner.get_by_text("Share").click()
    await owner.get_by_role("button", name="End the link").click()
    await owner.locator("#confirm input").fill("board")
    await owner.get_by_role("button", name="Continue").click()

    await state.poller(None).look()  # a stream asks with each frame whether it may go on
    await expect(stranger.get_by_text("This link is not known, or has ended.")).to_be_visible()
    await owner.context.close()
    await stranger.context.close()
    await server.close()
