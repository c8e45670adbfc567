"""The sign-in page: GET and POST /login, POST /api/v1/logout."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from dashboard.access.guard import COOKIE, WHO, Guard
from dashboard.access.identity import Identity, Role
from dashboard.access.sessions import IDLE_MS
from dashboard.actions.audit import Audit, Entry
from dashboard.render import Renderer, SignIn, theme_of

LETTERS_MAX: Final = 200


class Login:
    """Signs people in and out."""

    def __init__(self, guard: Guard, audit: Audit, renderer: Renderer, sso: str = "") -> None:
        """`sso`: what the button for a provider says; empty: there is none."""
        self._sso = sso
        self._guard = guard
        self._audit = audit
        self._renderer = renderer
        self._one_at_a_time = asyncio.Semaphore(1)  # scrypt takes a core and 16 MiB

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/login", self._show)
        app.router.add_post("/login", self._sign_in)
        app.router.add_post("/api/v1/logout", self._sign_out)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        if not self._guard.door.sign_in:
            raise web.HTTPSeeOther("/")
        return self._page(
            request, SignIn(local_path(request.query.get("next", "/")), "", self._sso)
        )

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        name, password = str(form.get("user", ""))[:LETTERS_MAX], str(form.get("password", ""))
        after = str(form.get("next", "/"))
        address = self._guard.address(request)
        stranger = Identity(name, Role.VIEWER, address)
        if wait_s := self._guard.tries.wait_s(address):
            self._audit.note(Entry(stranger, "sign-in", "", name, "refused: too many tries"))
            sentence = f"Too many tries. The next one is in {wait_s} s."
            shown = SignIn(local_path(after), sentence, self._sso, name)
            return self._page(request, shown, 429, {"Retry-After": str(wait_s)})
        self._guard.tries.failed(address)  # taken back below: two at once are two tries
        async with self._one_at_a_time:
            check = self._guard.accounts.check
            user = await asyncio.to_thread(check, name, password[:LETTERS_MAX])
        if user is None:
            self._audit.note(Entry(stranger, "sign-in", "", name, "refused: wrong"))
            sentence = "That name and password do not fit."
            return self._page(request, SignIn(local_path(after), sentence, self._sso, name), 401)
        self._guard.tries.succeeded(address)
        key = self._guard.sessions.start(user.name)
        who = Identity(user.name, user.role, address)
        self._audit.note(Entry(who, "sign-in", "", user.name, "done"))
        return signed_in(self._guard, key, after)

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        self._guard.sessions.end(request.cookies.get(COOKIE, ""))
        self._audit.note(Entry(request[WHO], "sign-out", "", request[WHO].name, "done"))
        answer = web.json_response({"sentence": "Signed out."})
        answer.del_cookie(COOKIE)
        return answer

    def refused(self, request: web.Request, trouble: str, status: int) -> web.Response:
        """The sign-in page again, with what went wrong."""
        return self._page(request, SignIn("/", trouble, self._sso), status)

    def _page(
        self,
        request: web.Request,
        shown: SignIn,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> web.Response:
        html = self._renderer.login(shown, theme_of(request.cookies))
        return web.Response(
            text=html,
            content_type="text/html",
            status=status,
            headers={"Cache-Control": "no-store", **(headers or {})},
        )


def signed_in(guard: Guard, key: str, after: str) -> web.Response:
    """On to the page asked for, with the session's cookie."""
    answer = web.Response(status=303, headers={"Location": local_path(after)})
    answer.set_cookie(
        COOKIE,
        key,
        max_age=IDLE_MS // 1000,
        httponly=True,
        samesite="Lax",
        secure=guard.door.public_url.startswith("https://"),
    )
    return answer


def local_path(address: str) -> str:
    """`address` when it is one of ours, else the first page: nobody is sent away by a link."""
    parts = urlsplit(address)
    safe = address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.netloc
    return address if safe and address.isprintable() and "\\" not in address else "/"
