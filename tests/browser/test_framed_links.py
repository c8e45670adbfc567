"""A shared view in a frame of somebody's page, in a real Chromium, without a cookie of ours."""

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from dashboard.access.accounts import NewLink
from dashboard.actions.commands import snippet
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

FORBIDDEN = "frame-ancestors"  # what Chromium says in its console about the header


class Embedding:
    """Somebody's page; `origin` names it as another site than the dashboard's 127.0.0.1."""

    def __init__(self, host: str) -> None:
        self._host = host
        self.body = ""
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_get("/favicon.ico", self._page)
        self._server = TestServer(app)

    async def start(self) -> str:
        """Its origin."""
        await self._server.start_server()
        return f"http://{self._host}:{self._server.port}"

    async def close(self) -> None:
        await self._server.close()

    async def _page(self, request: web.Request) -> web.Response:
        text = f"<!doctype html><html lang=en><title>Ours</title><main>{self.body}</main>"
        return web.Response(text=text, content_type="text/html")


async def complaints_of_axe(page: Page) -> list[str]:
    _, modules = node_modules("axe-core")
    frame = page.frames[1]
    await frame.evaluate((modules / "axe-core" / "axe.min.js").read_text())
    found = await frame.evaluate("axe.run().then((r) => r.violations.map((one) => one.id))")
    return list(found)


async def test_a_page_of_a_named_origin_shows_the_site_and_any_other_shows_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    now_ms = SystemClock().now_ms()
    store_visits(tmp_path, [made_event(1, occurred_at=now_ms)], now_ms)
    state = made_state(tmp_path, busy_cluster(), sign_in="on")
    state.household.accounts.put_user("ann", Role.ADMIN, "correct horse")
    await state.poller(None).look()
    server = TestServer(Site(state).application())
    await server.start_server(shutdown_timeout=0.2)
    friend, stranger = Embedding("localhost"), Embedding("localhost")
    ours, theirs = await friend.start(), await stranger.start()
    wish = NewLink("board", "example.com", frames=(ours,))
    secret = state.household.accounts.add_link(wish, now_ms)
    base = str(server.make_url("/")).rstrip("/")
    code = snippet(f"{base}/activity?site=example.com&shared={secret}", "example.com")
    friend.body, stranger.body = code, code
    context = await browser.new_context(viewport={"width": 720, "height": 900}, color_scheme="dark")
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)

    await page.goto(ours)
    shown = page.frame_locator("iframe")
    await expect(shown.locator("#visitors")).to_have_text("1")
    await state.poller(None).look()  # a frame of the stream
    await expect(shown.locator("#age")).to_have_text("live")
    await expect(shown.locator("header.top")).to_have_count(0)
    assert await complaints_of_axe(page) == []
    await shown.get_by_role("link", name="30 minutes").click()
    await expect(shown.get_by_role("link", name="30 minutes")).to_have_attribute(
        "aria-current", "true"
    )
    await expect(shown.locator("#visitors")).to_have_text("1")
    await shown.locator(".periods .dates button").click()  # a form
    await expect(shown.locator("#visitors")).to_have_text("1")
    await expect(shown.locator("header.top")).to_have_count(0)
    assert "embed=true" in page.frames[1].url and "theme=system" in page.frames[1].url
    assert await context.cookies() == []
    assert complaints == []

    friend.body = code.replace("theme=system", "theme=light")
    await page.goto(ours)
    await expect(shown.locator("html[data-theme='light']")).to_have_count(1)

    for address in (theirs, ours):
        async with page.expect_console_message(lambda told: FORBIDDEN in told.text):
            await page.goto(address)
        await expect(shown.locator("#visitors")).to_have_count(0)
        if address == theirs:
            state.household.accounts.delete_link("board")
    await context.close()
    for one in (friend, stranger, server):
        await one.close()
