"""GET /metrics (Prometheus text format) and GET /health of the broker, on a port of their own."""

from collections.abc import Callable

from aiohttp import web

KEEP_ALIVE_S = 75.0  # a client has so long for the head of a request, the first included
METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricsServer:
    """A small HTTP server; `start` it and `stop` it."""

    def __init__(
        self,
        exposition: Callable[[], bytes],
        unhealthy: Callable[[], str],
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        """`unhealthy` tells what is wrong, "" when nothing is: 503 with it, else 200 "ok"."""
        self._exposition = exposition
        self._unhealthy = unhealthy
        application = web.Application()
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
        return web.Response(body=self._exposition(), headers={"Content-Type": METRICS_CONTENT_TYPE})

    async def _health(self, request: web.Request) -> web.Response:
        if reason := self._unhealthy():
            return web.Response(status=503, text=f"{reason}\n")
        return web.Response(text="ok\n")
