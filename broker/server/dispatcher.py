"""From a frame to its answer: header, table look-up, decode, handler, encode.

The table is built once from the handlers: one route per (api key, version). What is not in it ends
the connection, as Kafka does it, except ApiVersions in a version too new: that is answered in
version 0 with UNSUPPORTED_VERSION and the ranges that are served (KIP-511).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from broker.durations import RequestMetrics
from broker.errors import ErrorCode
from broker.handlers.handler import (
    ClientSoftware,
    Handler,
    ListenerAddress,
    RequestContext,
    Services,
)
from broker.metrics import BrokerMetrics
from broker.protocol.api_keys import ApiKey
from broker.protocol.codec import Chunk, UnsupportedVersion, decode, encode, join
from broker.protocol.frame import (
    SIZE_BYTES,
    RequestHeader,
    decode_request_header,
    response_header,
    skip_header_tags,
)
from broker.protocol.schema import is_flexible
from broker.protocol.shapes import ResponseShape, request_shape
from broker.security.quotas import Quota
from broker.security.sasl import Authentication
from broker.server.answer_cache import AnswerCache
from broker.server.known_requests import Known, KnownRequests
from broker.server.metered import Metered

PERCENT = 100.0  # of one event loop: what request_percentage counts in
_SIZE = struct.Struct(">i")
_SIZE_PLACE = bytes(SIZE_BYTES)


@dataclass(slots=True)
class Peer:
    """Who is at the other end of a connection."""

    connection_id: int
    client_host: str  # as Kafka prints it: /127.0.0.1
    principal: str
    listener: ListenerAddress
    authentication: Authentication | None = None
    """How it logs in; None where nobody has to."""
    known: KnownRequests = field(default_factory=KnownRequests)
    software: ClientSoftware = field(default_factory=ClientSoftware)
    client_port: int = -1
    """Of the client's end; -1: not known."""


@dataclass(frozen=True, slots=True)
class Route:
    """What a pair of api key and version leads to."""

    handler: Handler
    version: int  # in which the request is decoded and the response encoded
    flexible_request: bool
    flexible_response: bool
    metrics: RequestMetrics
    of_followers: Route | None = None
    """The same, for requests of replicas; None where they are not told apart."""


@dataclass(slots=True)
class Request:
    """A frame whose header was read, until its answer is sent."""

    route: Route
    header: RequestHeader
    frame: memoryview
    body: memoryview
    arrived_s: float  # monotonic, when its last byte was received
    started_s: float = 0.0
    waits_since_s: float = 0.0  # 0: it did not wait for anything
    ready_s: float = 0.0
    task: asyncio.Task[None] | None = None  # None: it needed none
    is_ready: bool = False
    throttle_ms: int = 0  # for which the client must be quiet after the answer
    answer: list[Chunk] | None = None  # once it is ready; None: no answer is wanted
    frame_bytes: int = 0


class Dispatcher:
    """Leads requests to their handlers."""

    def __init__(
        self, handlers: Sequence[Handler], services: Services, metrics: BrokerMetrics
    ) -> None:
        self._services = services
        self._routes: dict[tuple[int, int], Route] = {}
        self._too_new: Route | None = None
        self._answers = AnswerCache()
        for handler in handlers:
            self._add(handler, metrics)

    def _add(self, handler: Handler, metrics: BrokerMetrics) -> None:
        key, counted_apart = handler.api_key, None
        name = "".join(word.capitalize() for word in key.name.split("_"))
        if handler.is_of_follower is None:
            counted = metrics.request(name)
        else:
            counted, counted_apart = metrics.request_of_followers(name)
        for version in range(handler.versions.min, handler.versions.max + 1):
            flexible = is_flexible(handler.request_type, version)
            # A client must be able to read ApiVersions before it knows any version.
            in_header = flexible and key != ApiKey.API_VERSIONS
            route = Route(handler, version, flexible, in_header, counted)
            if counted_apart is not None:
                route = replace(route, of_followers=replace(route, metrics=counted_apart))
            self._routes[key, version] = route
        if key == ApiKey.API_VERSIONS:
            self._too_new = Route(handler, 0, False, False, counted)

    def accept(self, frame: memoryview, arrived_s: float) -> Request:
        """Read the header of `frame` and find its route; ProtocolError when there is none."""
        header, body = decode_request_header(frame)
        route = self._routes.get((header.api_key, header.api_version))
        if route is not None:
            if route.flexible_request:
                body = body[skip_header_tags(body) :]
            return Request(route, header, frame, body, arrived_s, frame_bytes=len(frame))
        if header.api_key == ApiKey.API_VERSIONS and self._too_new is not None:
            nothing = memoryview(b"")
            return Request(self._too_new, header, frame, nothing, arrived_s, frame_bytes=len(frame))
        raise UnsupportedVersion(
            f"api key {header.api_key} version {header.api_version} is not served"
        )

    async def answer(self, request: Request, peer: Peer) -> list[Chunk] | None:
        """The whole response frame in chunks, or None when the request has no response.

        ProtocolError when the message cannot be decoded; what else a handler raises passes through.
        """
        route, header = request.route, request.header
        services = self._services
        context = RequestContext(
            route.version,
            header.client_id,
            peer.client_host,
            peer.principal,
            peer.listener,
            services.clock.now_ms(),
            services,
            peer.connection_id,
            authentication=peer.authentication,
            software=peer.software,
            client_port=peer.client_port,
        )
        handler = route.handler
        message = decode(handler.request_type, route.version, request.body, leftover=True)
        if handler.is_of_follower is not None and handler.is_of_follower(message):
            request.route = route.of_followers or route
        if handler.repeat is not None and peer.known.wants_more():
            self._learn(request, message, context, peer.known)
        if services.security.quotas.active:
            response = await self._answer_within_quotas(request, message, context)
        elif handler.same_answer is not None:
            return await self._answer_for_all(request, message, context)
        else:
            response = await handler.handle(message, context)
        if handler.tells_waits:
            request.waits_since_s = context.waits_since_s
        if response is None:
            return None
        if route is self._too_new:
            response.error_code = ErrorCode.UNSUPPORTED_VERSION
        return response_frame(response, header.correlation_id, route)

    async def _answer_for_all(
        self, request: Request, message: Any, context: RequestContext
    ) -> list[Chunk]:
        """An answer that others may have been given before."""
        route, correlation_id = request.route, request.header.correlation_id
        handler, cluster = route.handler, self._services.cluster
        key = handler.same_answer and handler.same_answer(message, context)
        if key is None:
            return response_frame(await handler.handle(message, context), correlation_id, route)
        key, image = (handler.api_key, route.version, key), cluster.image
        known = self._answers.find(key, image, correlation_id)
        if known is not None:
            return [known]
        answer = response_frame(await handler.handle(message, context), correlation_id, route)
        if cluster.image is image:
            self._answers.keep(key, image, answer)
        return answer

    def _learn(
        self, request: Request, message: Any, context: RequestContext, known: KnownRequests
    ) -> None:
        """Remember a request of a kind that repeats, so that its repeats need no decoding."""
        route = request.route
        repeat = route.handler.repeat and route.handler.repeat(message, context)
        if not repeat:
            return
        known.tried()
        asked = request_shape(request.frame, len(request.body), message, route.version)
        if asked is not None:
            blank = join(response_frame(repeat.blank_response, 0, route))
            known.add(Known(repeat, asked, ResponseShape(blank, repeat.blanks), route))

    def now_ms(self) -> int:
        """Wall clock of the broker."""
        return self._services.clock.now_ms()

    async def _answer_within_quotas(
        self, request: Request, message: Any, context: RequestContext
    ) -> Any:
        """The response, with the time for which the client must be quiet, which is noted too."""
        handler = request.route.handler
        work = Metered(handler.handle(message, context), monotonic)
        response = await work
        quotas, client = self._services.security.quotas, context.client
        throttle_ms = context.throttle_ms
        if handler.api_key is ApiKey.PRODUCE:
            charged_ms = quotas.charge(Quota.PRODUCER_BYTE_RATE, client, request.frame_bytes)
            throttle_ms = max(throttle_ms, charged_ms)
        charged_ms = quotas.charge(Quota.REQUEST_PERCENTAGE, client, work.busy_s * PERCENT)
        request.throttle_ms = max(throttle_ms, charged_ms)
        if request.throttle_ms and hasattr(response, "throttle_time_ms"):
            response.throttle_time_ms = request.throttle_ms
        return response

    def connection_delay_ms(self, address: str) -> float:
        """How long the quotas make an address wait that opens one more connection now."""
        return self._services.security.quotas.connection_delay_ms(address)

    def connection_closed(self, peer: Peer) -> None:
        """A client is gone: what belonged to its connection ends."""
        self._services.share.connection_closed(peer.connection_id)
        self._services.telemetry.connection_closed(peer.connection_id)


def response_frame(response: Any, correlation_id: int, route: Route) -> list[Chunk]:
    """`response` with its header and the size of both in front."""
    prefix = _SIZE_PLACE + response_header(correlation_id, route.flexible_response)
    chunks = encode(response, route.version, prefix)
    first = chunks[0]
    assert isinstance(first, bytearray)
    _SIZE.pack_into(first, 0, sum(map(len, chunks)) - SIZE_BYTES)
    return chunks
