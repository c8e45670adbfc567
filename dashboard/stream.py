"""The live stream: one server-sent-events connection a tab, for whichever page it shows.

A frame holds the page's live block as HTML, escaped by its template, and the newest values of
history for charts. Frames are rendered once for all tabs that show the same address. A slow tab
gets the newest frame only; nothing is queued for it.
"""

import asyncio
import json
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from aiohttp import web

from dashboard.pages.page import NotFound, Page, Visit
from dashboard.render import Renderer, tab_state
from dashboard.site_map import resolve
from dashboard.state import State

PING_S: Final = 15.0
FRAMES_KEPT: Final = 200
ADDRESS_MAX: Final = 4_096
STREAMS_MAX: Final = 500
WRITE_S: Final = 30.0  # who takes nothing for so long is cut: others want the place

HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


async def push(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    """Write; raises ConnectionResetError when the client is gone, or is cut for taking nothing."""
    try:
        async with asyncio.timeout(WRITE_S):
            await response.write(data)
    except TimeoutError as error:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("it took nothing") from error


class Frames:
    """Rendered frames by address, each good for one version of what is known."""

    def __init__(self, state: State, renderer: Renderer) -> None:
        self._state = state
        self._renderer = renderer
        self._kept: dict[str, tuple[int, bytes]] = {}

    async def frame(self, address: str, version: int) -> bytes:
        """The frame of `address`; raises NotFound."""
        kept = self._kept.get(address)
        if kept is not None and kept[0] == version:
            return kept[1]
        page, visit = self.visit(address)
        visit = replace(visit, first=False)
        values = await page.values(visit)
        body = json.dumps(
            {
                "html": self._renderer.live(page, visit, values),
                "at": self._state.clock.now_ms(),
                "stale": visit.poller.is_stale(),
                "up": visit.poller.connection.up,
                "chart": values.get("chart"),
                "alerts": len(self._state.alerts.loud()),
                "tab_state": tab_state(visit),
            },
            separators=(",", ":"),
        )
        frame = f"id: {version}\ndata: {body}\n\n".encode()
        if len(self._kept) >= FRAMES_KEPT:
            self._kept.clear()
        self._kept[address] = (version, frame)
        return frame

    def visit(self, address: str) -> tuple[Page, Visit]:
        """Which page an address means, its query in it."""
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=50))
        return resolve(self._state, unquote(parts.path), query)


class Stream:
    """GET /api/stream?page=ADDRESS."""

    def __init__(self, state: State, renderer: Renderer) -> None:
        self._state = state
        self._frames = Frames(state, renderer)
        self._open = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Send frames until the tab goes away or the dashboard stops."""
        address = request.query.get("page", "/")
        if len(address) > ADDRESS_MAX:
            raise web.HTTPBadRequest(text="page is too long\n")
        if self._open >= STREAMS_MAX:
            raise web.HTTPServiceUnavailable(
                text="too many live pages are open\n", headers={"Retry-After": "10"}
            )
        try:
            page, visit = self._frames.visit(address)
        except (NotFound, ValueError) as error:
            raise web.HTTPNotFound(text=f"{error}\n") from error
        response = web.StreamResponse(headers=HEADERS)
        self._open += 1
        try:
            await response.prepare(request)
            await push(request, response, b"retry: 2000\n\n")
            await self._send(response, address, (page, visit), request)
        except (ConnectionResetError, NotFound):
            pass  # the tab is closed, or what it shows was deleted: it asks again
        finally:
            self._open -= 1
        return response

    async def _send(
        self,
        response: web.StreamResponse,
        address: str,
        shown: tuple[Page, Visit],
        request: web.Request,
    ) -> None:
        """Returns when the one who asked is signed in no longer."""
        page, visit = shown
        clock, poller = self._state.clock, visit.poller
        sent: bytes = b""
        version = poller.version
        while True:
            began = clock.monotonic_ms()
            up, look = poller.connection.up, _sequence(visit)  # what changes meanwhile is news
            frame = await self._frames.frame(address, version)
            if frame != sent:
                await push(request, response, frame)
                sent = frame
            while True:
                seen = await poller.wait_for(version, PING_S)
                if not self._state.guard.still_in(request):
                    return
                if seen == version:
                    await push(request, response, b": ping\n\n")
                    continue
                version = seen
                spent_s = (clock.monotonic_ms() - began) / 1000
                news = poller.connection.up != up or _sequence(visit) != look
                if news or spent_s >= page.every_s - 0.1:
                    break


def _sequence(visit: Visit) -> int:
    return visit.poller.snapshot.sequence if visit.poller.snapshot is not None else 0
