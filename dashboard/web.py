"""HTTP: pages, live stream, JSON API, metrics, health. Nothing in here waits for a cluster."""

import asyncio
import gzip
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractMatchInfo

from dashboard.access.guard import AGENTS, FRAMES, WHO
from dashboard.api.actions import ActionApi
from dashboard.api.activity import ActivityExport
from dashboard.api.activity_zip import ActivityArchive
from dashboard.api.appliance import ApplianceApi
from dashboard.api.connect import ConnectApi
from dashboard.api.handlers import Api
from dashboard.api.lists import ListsApi
from dashboard.api.messages import MessageExport
from dashboard.api.parameters import refuse_misfits
from dashboard.api.schemas import SchemasApi
from dashboard.api.tail import Tail
from dashboard.config import COMMIT, VERSION
from dashboard.limited.seen import seen_by
from dashboard.link_door import LinkDoor
from dashboard.login import Login, Ways
from dashboard.mcp.endpoint import McpEndpoint
from dashboard.metrics import families
from dashboard.metrics.exposition import (
    ClusterPage,
    Exposition,
    Limits,
    cut_to,
    gathered,
    room_of_roles,
)
from dashboard.metrics.extra_labels import extra_labels, labelled
from dashboard.metrics.roles import first_series, merged
from dashboard.pages.page import NotFound
from dashboard.refusals import refusal_of
from dashboard.render import HERE, ErrorReader, Reader, Renderer, Trouble, theme_of
from dashboard.rights.gate import answers
from dashboard.rights.rules import SIGHTS_MAX, Sight
from dashboard.single_sign_on import SingleSignOn
from dashboard.site_map import resolve
from dashboard.state import State
from dashboard.static_files import StaticFiles
from dashboard.stream import Stream
from dashboard.text import clock

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # not no-referrer: with it a browser sends `Origin: null` with our own sign-in form
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Server": "footfall",  # not which versions of Python and of its libraries
}
BODY_BYTES_MAX: Final = 1_048_576  # a message to produce is the largest
_BACK: Final = (
    ("/topics/", ("/topics", "All topics")),
    ("/groups/", ("/groups", "All groups")),
    ("/runbooks/", ("/alerts", "Alerts")),
    ("/schemas/", ("/schemas", "All schemas")),
)
_KEPT_HEADERS: Final = ("Allow", "Retry-After")  # of an answer that is made anew as JSON
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Site:
    """The handlers; one for one running dashboard."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._renderer = Renderer()
        self._static = StaticFiles(HERE / "static")
        self._app = web.Application(
            middlewares=[_secure, self._friendly, state.guard.middleware, _checked, self._seen],
            client_max_size=BODY_BYTES_MAX,
        )
        self._others: dict[Sight, Site] = {}  # for those who see less

    def application(self) -> web.Application:
        """Everything routed."""
        state, app = self._state, self._app
        stream, api = Stream(self._state, self._renderer), Api(self._state)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/api/stream", stream.handle)
        app.router.add_get("/api/v1/activity.csv", ActivityExport(state).handle)
        app.router.add_get("/api/v1/activity.zip", ActivityArchive(state).handle)
        app.router.add_get("/api/v1/topics/{name:[^/]*}/tail", Tail(state).handle)
        ListsApi(state).add_routes(app)
        ApplianceApi(state).add_routes(app)
        SchemasApi(state).add_routes(app)
        ConnectApi(state).add_routes(app)
        export = MessageExport(state).handle
        for form in ("csv", "json"):
            app.router.add_get(f"/api/v1/topics/{{name:[^/]*}}/messages.{form}", export)
        api.add_routes(app)
        actions = ActionApi(state)
        actions.add_routes(app)
        McpEndpoint(state, actions, self.find).add_routes(app)
        sso = state.oidc.config.label if state.oidc is not None else ""
        ways = Ways(sso, state.directory)
        login = Login(state.guard, state.actions.audit, self._renderer, ways)
        login.add_routes(app)
        LinkDoor(state.guard, state.actions.audit, self._renderer).add_routes(app)
        if state.oidc is not None:
            SingleSignOn(state.oidc, state.guard, state.actions.audit, login).add_routes(app)
        app.router.add_get("/static/{name}", self._static.handle)
        app.router.add_get("/favicon.ico", self._favicon)
        app.router.add_get("/{path:.*}", self._page)
        return app

    async def find(self, request: web.Request) -> AbstractMatchInfo:
        """What answers the address of a request; raises NotFound where this site has no such."""
        cluster = request.query.get("cluster") or next(iter(self._state.pollers), "")
        if not answers(self._state.sight, request.path, cluster):
            raise NotFound(f"There is no {request.path!r}.")
        return await self._app.router.resolve(request)

    @web.middleware
    async def _seen(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Who sees less is answered by a site of the same routes that knows no more than that."""
        sight = self._sight(request)
        if sight is self._state.sight:
            return await handler(request)
        site = self._others.get(sight)
        if site is None:
            if len(self._others) >= SIGHTS_MAX:
                self._others.clear()
            site = self._others[sight] = Site(seen_by(self._state, sight))
            site.application()
        answer: web.StreamResponse = await (await site.find(request)).handler(request)
        return answer

    def _sight(self, request: web.Request) -> Sight:
        """Of whom asks; of this site where nobody has signed in."""
        who = request.get(WHO)
        return self._state.guard.rights.of(who) if who is not None else self._state.sight

    async def _page(self, request: web.Request) -> web.Response:
        page, visit = resolve(self._state, request.path, request.query)
        values = await page.values(visit)
        html = self._renderer.whole(
            page, visit, values, Reader(request[WHO], theme_of(request.cookies, request.query))
        )
        headers = {"Cache-Control": "no-store"}
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def _favicon(self, request: web.Request) -> web.StreamResponse:
        return self._static.answer(request, "icon.svg")

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _readyz(self, request: web.Request) -> web.Response:
        """Ready while our own cluster was looked at and answers; others may come and go.

        Anybody may ask, so where rules say who sees which cluster it names none.
        """
        clusters = {
            name: {"up": poller.connection.up, "looked": poller.snapshot is not None}
            for name, poller in self._state.pollers.items()
        }
        ready = all(next(iter(clusters.values())).values())
        body: dict[str, object] = {"status": "ready" if ready else "not ready"}
        if not self._state.guard.rights.rules:
            body["clusters"] = clusters
        return web.json_response(body, status=200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        wanted = request.query.get("cluster")
        if wanted is not None and wanted not in self._state.pollers:
            raise NotFound(f"There is no cluster {wanted!r} in the settings.")
        packed = "gzip" in request.headers.get("Accept-Encoding", "")
        body = await asyncio.to_thread(_scrape, self._state, wanted, packed)
        headers = {"Content-Type": METRICS_TYPE}
        if packed:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)

    @web.middleware
    async def _friendly(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refusals as pages for people and as JSON for programs."""
        try:
            return await handler(request)
        except Exception as error:
            refusal = refusal_of(error)
            of_api = request.path.startswith("/api/v1/")
            wrong_method = getattr(error, "status", 0) == 405 and not of_api
            kept = request.path == "/api/stream" or wrong_method
            if isinstance(error, web.HTTPException) and (error.status < 400 or kept):
                raise
            if refusal is None:
                log.exception("a request failed path=%s", request.path)
                at = clock(self._state.clock.now_ms())
                known = request.method in ("GET", "HEAD")
                after = "Nothing was changed by looking." if known else "Look what was changed."
                sentence = f"It is in the dashboard's log, at {at}. {after}"
                refusal = 500, "Something broke", sentence
            headers = {key: one for key, one in _headers(error).items() if key in _KEPT_HEADERS}
        status, title, sentence = refusal
        if request.path.startswith("/api/") or request.path in ("/metrics", AGENTS):
            return web.json_response({"error": sentence}, status=status, headers=headers)
        back = next((found for start, found in _BACK if request.path.startswith(start)), None)
        sight = self._sight(request)
        seen = [name for name in self._state.pollers if sight.cluster(name)]
        asked = request.query.get("cluster")
        cluster = asked if asked in seen else next(iter(seen), "")
        trouble = Trouble(title, sentence, back if seen else None)
        about = (cluster, self._state.own_cluster)
        theme = theme_of(request.cookies, request.query)
        reader = ErrorReader(request.get(WHO), theme, sight)
        html = self._renderer.error(trouble, reader, about)
        return web.Response(text=html, content_type="text/html", status=status)


def _headers(error: Exception) -> Mapping[str, str]:
    return error.headers if isinstance(error, web.HTTPException) else {}


@web.middleware
async def _checked(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Parameters of the JSON API, as its document has them."""
    resource = request.match_info.route.resource
    if request.method == "GET" and resource is not None:
        refuse_misfits(resource.canonical, request.query)
    return await handler(request)


@web.middleware
async def _secure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The content policy and its companions on every answer."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(SECURITY_HEADERS)
        raise
    if not response.prepared:
        response.headers.update(security_headers(request.get(FRAMES, ())))
    return response


def security_headers(frames: tuple[str, ...]) -> dict[str, str]:
    """Those of an answer that pages of these origins may show in a frame; mostly of none.

    X-Frame-Options knows no list of origins, so it is left out where frame-ancestors says more.
    """
    if not frames:
        return SECURITY_HEADERS
    headers = {key: one for key, one in SECURITY_HEADERS.items() if key != "X-Frame-Options"}
    policy = headers["Content-Security-Policy"]
    headers["Content-Security-Policy"] = policy.replace(
        "frame-ancestors 'none'", f"frame-ancestors {' '.join(frames)}"
    )
    return headers


def _scrape(state: State, only: str | None, packed: bool) -> bytes:
    """The page as bytes; in a thread, for a large cluster's takes half a second."""
    body = metrics_text(state, only).encode()
    return gzip.compress(body, compresslevel=1) if packed else body


def metrics_text(state: State, only: str | None = None) -> str:
    """Everything under the one scrape URL: clusters from their snapshots, roles as fetched."""
    config = state.config
    names = [only] if only is not None else list(state.pollers)
    pages = []
    for name in names:
        poller = state.pollers[name]
        bundled = config.bundled_broker and state.is_first(poller)
        pages.append(
            ClusterPage(
                name=name,
                snapshot=poller.snapshot if poller.is_usable() else None,
                up=poller.connection.up,
                last_success_ms=poller.connection.last_success_ms,
                duration_s=poller.last_duration_s,
                jmx_names=config.metrics_jmx_names == "on"
                or (config.metrics_jmx_names == "auto" and bundled),
                connect=state.beside[name].connect.watch.seen,
            )
        )
    first = next(iter(state.pollers))
    own = _own(state, with_roles=only in (None, first))
    beside, dropped = "", 0
    left = config.metrics_max_series - own.series
    limits = Limits(config.metrics_fork_aliases, left, config.metrics_exclude_groups)
    page = gathered(pages, limits)
    if only in (None, first):
        text = state.probe.exposition() + merged(state.roles.pages(), set(families.BY_NAME), first)
        room = room_of_roles(left, page.series)
        beside, series = first_series(text, room)
        dropped = max(0, series - room)
        left -= series - dropped
    text = cut_to(page, left, dropped).text() + own.text() + beside
    return labelled(text, extra_labels(config.metrics_extra_labels))


def _own(state: State, with_roles: bool) -> Exposition:
    """What the dashboard tells of itself and this machine."""
    page = Exposition()
    page.add(families.BUILD_INFO, (VERSION, COMMIT), 1)
    if with_roles:
        for disk in state.disks:
            page.add(families.DISK_FREE, (disk.path,), disk.free_bytes)
            page.add(families.DISK_TOTAL, (disk.path,), disk.total_bytes)
        for (severity, word), number in state.alerts.counts().items():
            page.add(families.ALERTS, (severity, word), number)
        _of_sites(state, page)
        for (tool, outcome), number in sorted(state.agent_calls.ended.items()):
            page.add(families.AGENT_CALLS, (tool, outcome), number)
        if state.directory is not None:
            for outcome, number in state.directory.outcomes.items():
                page.add(families.LDAP_SIGN_INS, (outcome,), number)
        if state.oidc is not None:
            for outcome, number in state.oidc.outcomes.items():
                page.add(families.OIDC_SIGN_INS, (outcome,), number)
        for role in state.roles.roles:
            page.add(families.ROLE_UP, (role,), float(state.roles.page(role) is not None))
    return page


def _of_sites(state: State, page: Exposition) -> None:
    """What it tells of the sites that are counted."""
    for crowd in state.crowds.seen:
        page.add(families.SITE_VISITORS, (crowd.site,), crowd.last_hour)
        if crowd.week_before is not None:
            page.add(families.SITE_VISITORS_BEFORE, (crowd.site,), crowd.week_before)
    if state.weekly is not None:
        for (way, outcome), number in state.weekly.outcomes.items():
            page.add(families.LETTERS, (way, outcome), number)
