"""The page that asks for the password of a link: GET and POST /shared?shared=SECRET.

Who knows it gets a cookie for this link alone; their own session, if they have one, stays.
"""

import asyncio
from typing import Final
from urllib.parse import quote, urlencode

from aiohttp import web

from dashboard.access import passwords
from dashboard.access.accounts import Link
from dashboard.access.guard import LINK, LINK_COOKIE, LINK_DOOR, Guard
from dashboard.access.sessions import IDLE_MS
from dashboard.actions.audit import Audit, Entry
from dashboard.identity import Identity, Role
from dashboard.render import Renderer, theme_of

LETTERS_MAX: Final = 200


class LinkDoor:
    """Opens links that are locked."""

    def __init__(self, guard: Guard, audit: Audit, renderer: Renderer) -> None:
        self._guard = guard
        self._audit = audit
        self._renderer = renderer
        self._one_at_a_time = asyncio.Semaphore(1)  # scrypt takes a core and 16 MiB

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get(LINK_DOOR, self._show)
        app.router.add_post(LINK_DOOR, self._open)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        link = self._link(request)
        if self._guard.is_open(link, request):
            raise web.HTTPSeeOther(_shown_at(link, request))
        return self._page(request)

    async def _open(self, request: web.Request) -> web.StreamResponse:
        link, tries = self._link(request), self._guard.tries
        address = self._guard.address(request)
        password = str((await request.post()).get("password", ""))[:LETTERS_MAX]
        who = Identity(f"link:{link.name}", Role.VIEWER, address, site=link.site)
        if wait_s := tries.wait_s(address):
            self._audit.note(Entry(who, "open-link", "", link.name, "refused: too many tries"))
            answer = self._page(request, f"Too many attempts. Try again in {wait_s} s.", 429)
            answer.headers["Retry-After"] = str(wait_s)
            return answer
        tries.failed(address)  # taken back below: two at once are two tries
        async with self._one_at_a_time:
            fits = await asyncio.to_thread(passwords.fits, password, link.password_hash)
        if not fits:
            self._audit.note(Entry(who, "open-link", "", link.name, "refused: wrong"))
            return self._page(request, "Wrong password.", 401)
        tries.succeeded(address)
        self._audit.note(Entry(who, "open-link", "", link.name, "done"))
        answer = web.Response(status=303, headers={"Location": _shown_at(link, request)})
        answer.set_cookie(
            LINK_COOKIE,
            self._guard.viewers.start(link.secret_hash),
            max_age=IDLE_MS // 1000,
            httponly=True,
            samesite="Lax",
            secure=self._guard.door.public_url.startswith("https://"),
        )
        return answer

    def _link(self, request: web.Request) -> Link:
        link = self._guard.accounts.link(request.query.get(LINK, ""))
        if link is None:
            raise web.HTTPNotFound(text="This link is not known, or has ended.")
        return link

    def _page(self, request: web.Request, trouble: str = "", status: int = 200) -> web.Response:
        address = f"{LINK_DOOR}?{LINK}={quote(request.query[LINK], safe='')}"
        html = self._renderer.link_door(address, trouble, theme_of(request.cookies))
        headers = {"Cache-Control": "no-store"}
        return web.Response(text=html, content_type="text/html", status=status, headers=headers)


def _shown_at(link: Link, request: web.Request) -> str:
    return "/activity?" + urlencode({"site": link.site, LINK: request.query[LINK]})
