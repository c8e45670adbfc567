"""A page with the beacon whose every request is answered here: what the endpoint is asked."""

import json
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import BrowserContext, Page, Route

from tracker.beacon.build import BEACON

SHOP = "http://shop.example"
HTML = """<!doctype html><title>Shop</title>
<script>{before}</script>
<script defer src="http://t.example/js/s.js" data-site="shop" {attributes}></script>
<div style="height:3000px"><a id=file href="/report.PDF">r</a><a id=plain href="/plain">p</a>
<a id=book href="/book.epub">b</a><a id=out href="http://other.example/x">o</a>
<form id=letter><button id=send>s</button></form></div>
<script>addEventListener('click', event => event.preventDefault())
addEventListener('auxclick', event => event.preventDefault())
addEventListener('submit', event => event.preventDefault())</script>"""
Event = dict[str, Any]


@dataclass
class Shop:
    """A page, and an endpoint that answers `status` and keeps what it was asked."""

    context: BrowserContext
    page: Page
    status: int = 202
    headers: dict[str, str] = field(default_factory=dict)
    html: str = ""
    asked: list[tuple[str, list[Event]]] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)

    async def answer(self, route: Route) -> None:
        path = route.request.url.partition("//")[2].partition("/")[2].partition("?")[0]
        if path == "js/s.js":
            await route.fulfill(body=BEACON.path.read_text(), content_type="text/javascript")
        elif route.request.method == "POST":
            body = json.loads(route.request.post_data or "{}")
            self.asked.append((route.request.url, body["events"]))
            self.cookies.append((await route.request.all_headers()).get("cookie", ""))
            await route.fulfill(
                status=self.status,
                headers={"Access-Control-Allow-Origin": "*"} | self.headers,
            )
        else:
            await route.fulfill(body=self.html, content_type="text/html")

    @property
    def events(self) -> list[Event]:
        """All that arrived, each one once, in order."""
        return list({one["id"]: one for _, events in self.asked for one in events}.values())

    def named(self, name: str) -> list[Event]:
        return [one for one in self.events if one["name"] == name]

    async def do(self, script: str) -> Any:
        return await self.page.evaluate(script)

    async def wait(self, milliseconds: int = 10) -> None:
        """Let the page's clock run; what it asked meanwhile was answered when this returns."""
        await self.page.clock.run_for(milliseconds)
        await self.do("fetch('/probe').then(() => 0)")

    async def scroll(self, down_to: str) -> None:
        """Scroll, and let the page hear of it."""
        await self.do(
            "new Promise(done => { addEventListener('scroll', () => done(), {once: true});"
            f" scrollTo(0, {down_to}) }})"
        )

    async def leave(self, *, hidden: bool = True) -> None:
        await self.do(
            f"Object.defineProperty(document, 'hidden', {{value: {str(hidden).lower()},"
            " configurable: true}); document.dispatchEvent(new Event('visibilitychange'))"
        )
