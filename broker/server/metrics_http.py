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

from aiohttp import web

from broker.errors import KafkaError

KEEP_ALIVE_S = 75.0  # a client has so long for the head of a request, the first included
PLACES_MAX = 2_000  # a few milliseconds of the event loop
QUESTION_BYTES_MAX = 1 << 20
QUESTION_S = 5.0  # for its body to come whole
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
        application = web.Application(client_max_size=QUESTION_BYTES_MAX)
        application.router.add_post("/append-times", self._append_times)
        application.router.add_get("/share-deliveries", self._share_deliveries)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/health", self._health)
        self._runner = web.AppRunner(application, access_log=None, keepalive_timeout=keep_alive_s)

    async def start(self, host: str, port: int) -> int:
        """Listen (port 0: on a free one) and return the port; OSError when it is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        pieces = []
        for piece in self._exposition():
            pieces.append(piece)
            await asyncio.sleep(0)  # requests get a turn: a scrape takes 7 ms and more
        return web.Response(body=b"".join(pieces), headers={"Content-Type": METRICS_CONTENT_TYPE})

    async def _health(self, request: web.Request) -> web.Response:
        if reason := self._unhealthy():
            return web.Response(status=503, text=f"{reason}\n")
        return web.Response(text="ok\n")

    async def _append_times(self, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(QUESTION_S):
                places = _places(await request.read())
        except TimeoutError:
            return web.Response(status=408, text="the question did not come whole\n")
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        times = [self._told.appended_between(*place) for place in places]
        return web.json_response({"times": times})

    async def _share_deliveries(self, request: web.Request) -> web.Response:
        """None for a group that is not there, as for one that was given nothing."""
        group_id = request.query.get("group")
        if group_id is None:
            return web.Response(status=400, text="name a group: ?group=\n")
        try:
            found = await self._told.share_deliveries(group_id)
        except KafkaError as refusal:
            return web.Response(status=503, text=f"{refusal}\n")
        rows = [[topic, index, *counts] for topic, index, counts in found]
        return web.json_response({"partitions": rows})


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
