"""The door: who asks, whether the address is open to them, and whether a page of ours asks.

Four ways in: a session cookie, a bearer token, a link that shows one site, or - only while the
dashboard listens on loopback and sign-in is off - being on this machine. A request that changes
something and comes by cookie or by being here must name our own origin and bring the CSRF token of
its page. Agents (/mcp) come by token, or look from this machine; never by a cookie.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from aiohttp import web

from dashboard.access.accounts import Accounts, Link
from dashboard.access.address import Network, sender
from dashboard.access.sessions import Attempts, Sessions
from dashboard.identity import Identity, NotAllowed, Role
from dashboard.rights.rules import Rights

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE: Final = "footfall_session"
WHO: Final = web.RequestKey("who", Identity)
LINK: Final = "shared"
"""Key of the secret in the address of a link, and of everything that its page asks for."""
FRAMES: Final = web.RequestKey("frames", tuple)
"""Origins whose pages may show the answer in a frame; not set: none."""
LINK_COOKIE: Final = "shared_view"
LINK_DOOR: Final = "/shared"
LINK_OPENS: Final = frozenset(
    (
        *("/activity", "/api/stream"),
        *("/api/v1/activity", "/api/v1/activity.csv", "/api/v1/activity.zip"),
    )
)
SSO: Final = "/login/oidc"
SSO_RETURN: Final = "/login/oidc/return"
OPEN: Final = frozenset(
    ("/healthz", "/readyz", "/favicon.ico", "/login", LINK_DOOR, SSO, SSO_RETURN)
)
OPEN_BELOW: Final = ("/static/", "/.well-known/")  # where agents look for a sign-in: a 404
AGENTS: Final = "/mcp"
SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
NO_RIGHTS: Final = Rights()
LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))


@dataclass(frozen=True, slots=True)
class Door:
    """How the dashboard may be entered."""

    sign_in: bool
    metrics_token: str = ""  # asked of /metrics when it is not empty
    public_url: str = ""  # where browsers see us, when a proxy stands in front
    proxies: tuple[Network, ...] = ()  # whose X-Forwarded-For is believed
    rights: Rights = NO_RIGHTS


class Guard:
    """Asked before every handler."""

    def __init__(self, door: Door, accounts: Accounts, sessions: Sessions, tries: Attempts) -> None:
        self.door = door
        self.rights = door.rights
        self.accounts = accounts
        self.sessions = sessions
        self.tries = tries
        self.viewers = sessions.others()  # who knew the password of a link, by its secret's hash
        self._local = secrets.token_urlsafe(24)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in, turn away, or send to the sign-in page."""
        path = request.path
        if not self.door.sign_in and not self._is_our_host(request.host):
            raise web.HTTPMisdirectedRequest(text="this host name is not that of the dashboard\n")
        if request.method not in SAFE and path in ("/login", LINK_DOOR):
            self._check_origin(request)
        if path in OPEN or path.startswith(OPEN_BELOW):
            return await handler(request)
        if path == "/metrics" and self.door.metrics_token and self._may_scrape(request):
            return await handler(request)
        if path == AGENTS:
            return await self._agent(request, handler)
        if request.query.get(LINK):
            return await self._shared(request, handler)
        return await self._person(request, handler)

    async def _person(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Somebody who has signed in, or a program with a token."""
        path, who = request.path, self._identify(request)
        if path == "/metrics":
            if not self._metrics_allowed(request, who):
                return _unauthorized("Metrics need a token.")
            return await handler(request)
        if who is None:
            if request.method == "GET" and not path.startswith("/api/"):
                raise web.HTTPSeeOther(f"/login?next={quote(request.path_qs, safe='')}")
            return _unauthorized("Sign in, or send a token.")
        if request.method not in SAFE and not who.by_token:
            self._check_origin(request)
            _check_csrf(request, who)
        request[WHO] = who
        return await handler(request)

    async def _shared(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Who came by a link, signed in or not, looks at its site and at nothing else."""
        link = self.accounts.link(request.query[LINK])
        page = not request.path.startswith("/api/")
        if link is None:
            if not page:
                return _unauthorized("This link has ended.")
            raise web.HTTPNotFound(text="This link is not known, or has ended.")
        if not self.is_open(link, request):
            if not page:
                return _unauthorized("This link asks for a password.")
            raise web.HTTPSeeOther(f"{LINK_DOOR}?{LINK}={quote(request.query[LINK], safe='')}")
        if request.method not in SAFE:
            raise NotAllowed("A link shows; it changes nothing.")
        if request.path not in LINK_OPENS:
            raise web.HTTPNotFound(text="This link shows nothing there.")
        request[WHO] = Identity(
            f"link:{link.name}", Role.VIEWER, self.address(request), site=link.site
        )
        if page:
            request[FRAMES] = link.frames
        return await handler(request)

    def is_open(self, link: Link, request: web.Request) -> bool:
        """Whether no password is asked for, or it was given in this browser."""
        viewer = self.viewers.find(request.cookies.get(LINK_COOKIE, ""))
        return not link.password_hash or (viewer is not None and viewer.user == link.secret_hash)

    async def _agent(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Programs with a token; without sign-in, whoever is on this machine may look.

        Never a cookie: no page of anybody's has to speak to it.
        """
        self._check_origin(request)
        who = self._identify(request) if _bearer(request) else None
        if not self.door.sign_in and not _bearer(request):
            who = Identity("local agent", Role.VIEWER, self.address(request), by_token=True)
        if who is None:
            return _unauthorized("Send a token: Authorization: Bearer ff_...")
        request[WHO] = who
        return await handler(request)

    def address(self, request: web.Request) -> str:
        """Where a request comes from, past our own proxies."""
        forwarded = request.headers.getall("X-Forwarded-For", ())
        return sender(request.remote or "", forwarded, self.door.proxies)

    def still_in(self, request: web.Request) -> bool:
        """Whether who was let in would be now; streams ask this again and again."""
        if presented := request.query.get(LINK):
            return self.accounts.link(presented) is not None
        if presented := _bearer(request):
            token = self.accounts.token(presented)
            return token is not None and token.role is not None
        session = self.sessions.peek(request.cookies.get(COOKIE, ""))
        if session is None:
            return not self.door.sign_in
        return session.role is not None or self.accounts.user(session.user) is not None

    def _identify(self, request: web.Request) -> Identity | None:
        host = self.address(request)
        if presented := _bearer(request):
            token = self.accounts.token(presented)
            if token is None or token.role is None:
                return None
            return Identity(f"token:{token.name}", token.role, host, by_token=True)
        session = self.sessions.find(request.cookies.get(COOKIE, ""))
        if session is not None and session.role is not None:
            name, groups = f"{session.voucher}:{session.user}", session.groups
            return Identity(name, session.role, host, session.csrf, groups=groups)
        user = self.accounts.user(session.user) if session is not None else None
        if session is not None and user is not None:
            return Identity(user.name, user.role, host, session.csrf)
        if self.door.sign_in:
            return None
        return Identity("local", Role.ADMIN, host, self._local)

    def _metrics_allowed(self, request: web.Request, who: Identity | None) -> bool:
        if who is None:
            token = self.accounts.token(_bearer(request))
            return token is not None and "metrics" in token.scopes
        if self.door.metrics_token and who.name == "local":
            return False
        return not self.rights.of(who).limited  # metrics tell of everything

    def _may_scrape(self, request: web.Request) -> bool:
        presented = _bearer(request) or _basic_password(request)
        return hmac.compare_digest(presented.encode(), self.door.metrics_token.encode())

    def _is_our_host(self, host: str) -> bool:
        """Against DNS rebinding: somebody's name that points to this machine is not us."""
        name = urlsplit(f"//{host}").hostname or ""
        public = urlsplit(self.door.public_url).hostname
        return name in LOOPBACK or name == public

    def _check_origin(self, request: web.Request) -> None:
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site")
        if origin is None:
            if site in (None, "same-origin", "none"):  # None: no browser, or one that never lies
                return
        else:
            parts = urlsplit(origin)
            public = urlsplit(self.door.public_url).netloc
            if parts.netloc and parts.netloc in (request.host, public):
                return
        raise NotAllowed("Another site sent this request; it was not carried out.")


def _check_csrf(request: web.Request, who: Identity) -> None:
    sent = request.headers.get("X-CSRF-Token", "")
    if not hmac.compare_digest(sent.encode(), who.csrf.encode()):
        raise NotAllowed("This page has expired, or is not from this dashboard: reload it.")


def _unauthorized(sentence: str) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"}
    return web.json_response({"error": sentence}, status=401, headers=headers)


def _bearer(request: web.Request) -> str:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else ""


def _basic_password(request: web.Request) -> str:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
