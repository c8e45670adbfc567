"""Signing in, in a real Chromium: what its form sends decides whether anybody gets in."""

from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect

from dashboard.identity import Role
from dashboard.web import Site
from tests.support.made_dashboard import busy_cluster, made_state

pytestmark = [
    pytest.mark.browser,
    pytest.mark.may_block,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]

PASSWORD = "correct horse"


async def test_a_person_signs_in_and_out_and_in_again_when_the_session_is_gone(
    browser: Browser, tmp_path: Path
) -> None:
    """With `Referrer-Policy: no-referrer` the form's origin was `null`, and nobody got in."""
    state = made_state(tmp_path, busy_cluster(), sign_in="on")
    state.household.accounts.put_user("ann", Role.ADMIN, PASSWORD)
    await state.poller(None).look()
    server = TestServer(Site(state).application())
    await server.start_server(shutdown_timeout=0.2)
    page = await browser.new_page()
    await page.goto(str(server.make_url("/topics?q=event")))
    await page.get_by_role("textbox", name="Name").fill("ann")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/topics?q=event")
    await expect(page.locator("#age")).to_have_text("live")
    for width in (390, 1024):  # the head holds more for people who signed in
        await page.set_viewport_size({"width": width, "height": 800})
        menu = page.locator(".top nav")
        assert await menu.evaluate("(one) => one.scrollWidth <= one.clientWidth"), width

    await page.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()

    await page.get_by_role("textbox", name="Name").fill("ann")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#age")).to_have_text("live")
    for cookie in await page.context.cookies():
        state.guard.sessions.end(cookie["value"])  # as a restart of the dashboard does
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    await server.close()
