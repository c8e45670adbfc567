"""The sign-in page: GET and POST /login, POST /api/v1/logout.

A name and a password are those of an account of ours, or else of the directory, if there is one. A
name that neither knows takes the way of a wrong password.
"""

import asyncio
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from dashboard.access.guard import COOKIE, WHO, Guard
from dashboard.access.ldap.answers import Away, NotOurs
from dashboard.access.ldap.desk import Directory
from dashboard.access.sessions import DIRECTORY, IDLE_MS, Vouched
from dashboard.actions.audit import Audit, Entry
from dashboard.identity import Identity, Role
from dashboard.render import Renderer, SignIn, theme_of

LETTERS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Ways:
    """In, beside accounts of our own."""

    sso: str = ""  # what the button for a provider says; empty: there is none
    directory: Directory | None = None


OWN_ONLY: Final = Ways()


@dataclass(frozen=True, slots=True)
class Entered:
    """Who came in, and the secret for the cookie."""

    name: str  # as the audit has it
    role: Role
    key: str


class Login:
    """Signs people in and out."""

    def __init__(
        self, guard: Guard, audit: Audit, renderer: Renderer, ways: Ways = OWN_ONLY
    ) -> None:
        self._ways = ways
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
        return self._page(request, self._shown(request.query.get("next", "/")))

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        name, password = str(form.get("user", ""))[:LETTERS_MAX], str(form.get("password", ""))
        after = str(form.get("next", "/"))
        address = self._guard.address(request)

        def refuse(sentence: str, status: int, outcome: str) -> web.Response:
            stranger = Identity(name, Role.VIEWER, address)
            self._audit.note(Entry(stranger, "sign-in", "", name, outcome))
            return self._page(request, self._shown(after, sentence, name), status)

        if wait_s := self._guard.tries.wait_s(address):
            sentence = f"Too many attempts. Try again in {wait_s} s."
            answer = refuse(sentence, 429, "refused: too many tries")
            answer.headers["Retry-After"] = str(wait_s)
            return answer
        self._guard.tries.failed(address)  # taken back below: two at once are two tries
        try:
            entered = await self._own(name, password) or await self._of_directory(name, password)
        except Away as away:
            sentence = f"{away} Accounts of Footfall itself still work."
            return refuse(sentence, 503, f"failed: {away}")
        except NotOurs as refusal:
            return refuse(str(refusal), 403, f"refused: {refusal}")
        if entered is None:
            return refuse("Wrong name or password.", 401, "refused: wrong")
        self._guard.tries.succeeded(address)
        who = Identity(entered.name, entered.role, address)
        self._audit.note(Entry(who, "sign-in", "", who.name, "done"))
        return signed_in(self._guard, entered.key, after)

    async def _own(self, name: str, password: str) -> Entered | None:
        """Somebody with an account of ours."""
        async with self._one_at_a_time:
            check = self._guard.accounts.check
            user = await asyncio.to_thread(check, name, password[:LETTERS_MAX])
        if user is None:
            return None
        return Entered(user.name, user.role, self._guard.sessions.start(user.name))

    async def _of_directory(self, name: str, password: str) -> Entered | None:
        """Somebody whom the directory vouches for. Raises Away, NotOurs."""
        directory = self._ways.directory
        person = await directory.person(name, password) if directory is not None else None
        if directory is None or person is None:
            return None
        lasts_ms = directory.config.session_hours * 3_600_000
        vouched = Vouched(
            person.name, person.role, lasts_ms, groups=person.groups, voucher=DIRECTORY
        )
        return Entered(vouched.name, person.role, self._guard.sessions.start_for(vouched))

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        self._guard.sessions.end(request.cookies.get(COOKIE, ""))
        self._audit.note(Entry(request[WHO], "sign-out", "", request[WHO].name, "done"))
        answer = web.json_response({"sentence": "Signed out."})
        answer.del_cookie(COOKIE)
        return answer

    def refused(self, request: web.Request, trouble: str, status: int) -> web.Response:
        """The sign-in page again, with what went wrong."""
        return self._page(request, self._shown("/", trouble), status)

    def _shown(self, after: str, trouble: str = "", user: str = "") -> SignIn:
        directory = self._ways.directory
        label = directory.config.label if directory is not None else ""
        return SignIn(local_path(after), trouble, self._ways.sso, label, user)

    def _page(self, request: web.Request, shown: SignIn, status: int = 200) -> web.Response:
        html = self._renderer.login(shown, theme_of(request.cookies))
        headers = {"Cache-Control": "no-store"}
        return web.Response(text=html, content_type="text/html", status=status, headers=headers)


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
