"""The routes of ingest: the contract of docs/tracking.md, one small handler each."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from tracker.clock import Clock
from tracker.config import IngestConfig
from tracker.ingest import answers, script
from tracker.ingest.adapters import pixel, plausible, umami
from tracker.ingest.collector import STORE, Collector, Result, WholeRefused
from tracker.ingest.hit import BROWSER_EVENTS_MAX, SERVER_EVENTS_MAX, Batch
from tracker.ingest.outcome import Dropped, Reason, Refused
from tracker.ingest.rates import Rates
from tracker.ingest.readiness import Readiness
from tracker.ingest.request import BROWSER_TYPES, SERVER_TYPES, Visitors, read_body
from tracker.ingest.visit import Visit
from tracker.metrics import IngestMetrics

Handler = Callable[[web.Request], Awaitable[web.Response]]
Answer = Callable[[Result], web.Response]


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers are given."""

    config: IngestConfig
    collector: Collector
    visitors: Visitors
    rates: Rates
    readiness: Readiness
    metrics: IngestMetrics
    clock: Clock


class Ingest:
    """The handlers; none of them decides anything that a step or the collector could."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._config = services.config
        self._collector = services.collector
        self._beacon = script.load_beacon(self._config.event_path, self._config.vitals_path)
        self._vitals = script.load_vitals()
        self._tokens = [token.encode() for token in services.config.api_tokens]

    def application(self) -> web.Application:
        """Routes by path; a method that a path does not know is 405, an unknown path 404."""
        routes: dict[str, dict[str, Handler]] = {
            self._config.event_path: {"POST": self.post_event},
            "/api/events": {"POST": self.post_events},
            "/api/send": {"POST": self.post_umami},
            "/px.gif": {"GET": self.get_pixel},
            self._config.script_path: {"GET": self.get_beacon},
            self._config.vitals_path: {"GET": self.get_vitals},
            "/api/health": {"GET": self.get_health},
            "/readyz": {"GET": self.get_ready},
        }
        application = web.Application()
        for path, handlers in routes.items():
            for method, handler in handlers.items():
                application.router.add_route(method, path, handler)
            if "GET" in handlers:
                application.router.add_route("HEAD", path, handlers["GET"])
            application.router.add_route("OPTIONS", path, self.preflight)
            allowed = ", ".join([*handlers, "OPTIONS"])
            application.router.add_route("*", path, _not_allowed(allowed))
        application.router.add_route("OPTIONS", "/{path:.*}", self.preflight)
        application.router.add_route("*", "/{path:.*}", self.not_found)
        return application

    async def post_event(self, request: web.Request) -> web.Response:
        """POST /api/event: one event or our envelope, from a browser."""

        def parse(body: bytes) -> Batch:
            return plausible.parse(body, events_max=BROWSER_EVENTS_MAX)

        visit = self._visit(request)
        return await self._take(request, visit, parse, answers.accepted)

    async def post_events(self, request: web.Request) -> web.Response:
        """POST /api/events: many events, from a server that has a token."""

        def parse(body: bytes) -> Batch:
            return plausible.parse_server(body, events_max=SERVER_EVENTS_MAX)

        visit = self._visit(request, server_side=True)
        return await self._take(request, visit, parse, answers.accepted_batch)

    async def post_umami(self, request: web.Request) -> web.Response:
        """POST /api/send: Umami's tracker."""
        visit = self._visit(request)

        def answer(_result: Result) -> web.Response:
            return answers.json(200, {"cache": "", "sessionId": None, "visitId": None})

        return await self._take(request, visit, umami.parse, answer)

    async def get_pixel(self, request: web.Request) -> web.Response:
        """GET /px.gif: for pages without JavaScript and for e-mail."""

        def parse(_body: bytes) -> Batch:
            return pixel.parse(request.query, request.headers.get("Referer", ""))

        visit = self._visit(request)
        return await self._take(request, visit, parse, lambda _result: answers.pixel())

    async def get_beacon(self, request: web.Request) -> web.Response:
        """GET /js/s.js"""
        return script.answer(self._beacon, request)

    async def get_vitals(self, request: web.Request) -> web.Response:
        """GET /js/v.js"""
        return script.answer(self._vitals, request)

    async def get_health(self, _request: web.Request) -> web.Response:
        """Alive; says what 202 means here."""
        return answers.json(200, {"status": "ok", "acks": "all"})

    async def get_ready(self, _request: web.Request) -> web.Response:
        """Ready means that an event posted now would be stored."""
        problem = self._services.readiness.problem()
        if problem is None:
            return answers.json(200, {"status": "ready"})
        return answers.refused(
            Refused(Reason.NOT_STORED, problem), self._config.retry_after_seconds
        )

    async def preflight(self, _request: web.Request) -> web.Response:
        return answers.preflight()

    async def not_found(self, _request: web.Request) -> web.Response:
        return answers.not_found()

    async def _take(
        self,
        request: web.Request,
        visit: Visit,
        parse: Callable[[bytes], Batch],
        answer: Answer,
    ) -> web.Response:
        """Read, parse, collect, answer; every refusal becomes its status, counted once."""
        clock, metrics = self._services.clock, self._services.metrics
        started_ms = clock.monotonic_ms()
        body = b""
        try:
            if not self._services.rates.allow(visit.client_ip):
                raise Refused(Reason.RATE_LIMITED, "too many requests from this address")
            if visit.server_side:
                self._authorize(request)
            if request.method == "POST":
                body = await self._body(request, server_side=visit.server_side)
            batch = parse(body)
            if request.headers.get("X-Debug-Request") == "true":
                return self._preview(batch, visit)
            result = await self._collector.collect(batch, visit)
        except Refused as refusal:
            if refusal.step == STORE:
                self._services.readiness.not_stored(str(refusal))
            if not isinstance(refusal, WholeRefused):
                self._collector.refused(body, refusal)
            metrics.answered(accepted=False, seconds=(clock.monotonic_ms() - started_ms) / 1000)
            return answers.refused(refusal, self._config.retry_after_seconds)
        seconds = (clock.monotonic_ms() - started_ms) / 1000
        if result.accepted:
            self._services.readiness.stored()
            metrics.stored(result.accepted, seconds)
        metrics.answered(accepted=True, seconds=seconds)
        return answer(result)

    def _preview(self, batch: Batch, visit: Visit) -> web.Response:
        """X-Debug-Request: what would be stored, and the address as we see it; stores nothing."""
        made = [
            {"dropped": one.reason} if isinstance(one, Dropped) else one
            for one in self._collector.preview(batch, visit)
        ]
        return answers.json(200, {"client_ip": visit.client_ip, "events": made})

    async def _body(self, request: web.Request, *, server_side: bool) -> bytes:
        if server_side:
            return await read_body(request, self._config.max_batch_bytes, SERVER_TYPES)
        return await read_body(request, self._config.max_body_bytes, BROWSER_TYPES)

    def _visit(self, request: web.Request, *, server_side: bool = False) -> Visit:
        now_ms = self._services.clock.now_ms()
        return self._services.visitors.visit(request, now_ms, server_side=server_side)

    def _authorize(self, request: web.Request) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        token = given.strip().encode(errors="replace")
        known = [hmac.compare_digest(token, one) for one in self._tokens]  # all: constant time
        if scheme.lower() != "bearer" or not any(known):
            raise Refused(Reason.UNAUTHORIZED, "Authorization: Bearer with an API token is needed")


def _not_allowed(methods: str) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        return answers.not_allowed(methods)

    return answer
