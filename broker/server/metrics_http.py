"""What the broker tells by HTTP, on a port of its own.

GET /metrics (Prometheus text format), GET /health, and what Kafka's protocol does not tell
(docs/adr/0032). POST /append-times: when records came, by the broker's clock. It takes `{"places":
[[topic, partition, offset], ...]}`, at most PLACES_MAX of them, and answers `{"times": [[first_ms,
last_ms] or null, ...]}` in their order. GET /share-deliveries?group=X: what became of the records
of a share group, `{"partitions": [[topic, partition, acquired, available, done], ...]}`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPMethod, HTTPStatus

from broker.errors import KafkaError
from broker.server.small_http import Answer, HttpServer, Request, Route

KEEP_ALIVE_S = 75.0  # a client has so long for the head of a request, the first included
PLACES_MAX = 2_000  # a few milliseconds of the event loop
METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

AppendedBetween = Callable[[str, int, int], tuple[int, int] | None]
"""Between which milliseconds the record of a topic, partition and offset came; None: not known."""

ShareDeliveries = Callable[[str], Awaitable[Sequence[tuple[str, int, Sequence[int]]]]]
"""Topic, partition, and offsets acquired, available and done with, of a share group."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who knows what is told beside metrics and health."""

    appended_between: AppendedBetween
    share_deliveries: ShareDeliveries


class MetricsServer:
    """A small HTTP server; `start` it and `stop` it."""

    def __init__(
        self,
        exposition: Callable[[], Iterator[bytes]],
        unhealthy: Callable[[], str],
        told: Told,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        """`exposition` tells all metrics piece by piece; other work comes between.

        `unhealthy` tells what is wrong, "" when nothing is: 503 with it, else 200 "ok"."""
        self._exposition = exposition
        self._unhealthy = unhealthy
        self._told = told
        routes = {
            "/metrics": Route(HTTPMethod.GET, self._metrics),
            "/health": Route(HTTPMethod.GET, self._health),
            "/append-times": Route(HTTPMethod.POST, self._append_times),
            "/share-deliveries": Route(HTTPMethod.GET, self._share_deliveries),
        }
        self._server = HttpServer(routes, keep_alive_s)

    async def start(self, host: str, port: int) -> int:
        """Listen (port 0: on a free one) and return the port; OSError when it is taken."""
        return await self._server.start(host, port)

    @property
    def listening(self) -> list[int]:
        """Descriptors of the sockets at which it takes questions."""
        return self._server.listening

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        await self._server.stop()

    async def _metrics(self, request: Request) -> Answer:
        pieces = []
        for piece in self._exposition():
            pieces.append(piece)
            await asyncio.sleep(0)  # requests get a turn: a scrape takes 7 ms and more
        return Answer(b"".join(pieces), content_type=METRICS_CONTENT_TYPE)

    async def _health(self, request: Request) -> Answer:
        if reason := self._unhealthy():
            return _line(reason, HTTPStatus.SERVICE_UNAVAILABLE)
        return _line("ok")

    async def _append_times(self, request: Request) -> Answer:
        try:
            places = _places(request.body)
        except ValueError as error:
            return _line(str(error), HTTPStatus.BAD_REQUEST)
        times = [self._told.appended_between(*place) for place in places]
        return _json({"times": times})

    async def _share_deliveries(self, request: Request) -> Answer:
        """None for a group that is not there, as for one that was given nothing."""
        group_id = request.query.get("group")
        if group_id is None:
            return _line("name a group: ?group=", HTTPStatus.BAD_REQUEST)
        try:
            found = await self._told.share_deliveries(group_id)
        except KafkaError as refusal:
            return _line(str(refusal), HTTPStatus.SERVICE_UNAVAILABLE)
        rows = [[topic, index, *counts] for topic, index, counts in found]
        return _json({"partitions": rows})


def _line(text: str, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return Answer(f"{text}\n".encode(), status)


def _json(told: object) -> Answer:
    return Answer(json.dumps(told).encode(), content_type="application/json; charset=utf-8")


def _places(body: bytes) -> list[tuple[str, int, int]]:
    """The places asked for; ValueError says what is wrong with them."""
    try:
        question = json.loads(body)
    except RecursionError:
        raise ValueError("the question is nested too deep") from None
    places = question.get("places") if isinstance(question, dict) else None
    if not isinstance(places, list) or len(places) > PLACES_MAX:
        raise ValueError(f"places has to be a list of at most {PLACES_MAX}")
    found = []
    for place in places:
        match place:
            case [str(topic), int(partition), int(offset)]:
                found.append((topic, partition, offset))
            case _:
                raise ValueError("a place is [topic, partition, offset]")
    return found
