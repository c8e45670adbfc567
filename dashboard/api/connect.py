"""Kafka Connect as JSON: GET /api/v1/connectors, /connectors/<name>/offsets, /connect-workers/<n>.

What the pages show, secrets hidden alike; asked of the workers, at most once in ten seconds.
"""

import dataclasses
import math

from aiohttp import web

from dashboard.api.lists import known
from dashboard.pages import connect
from dashboard.pages.page import Visit, poller_of
from dashboard.state import State


class ConnectApi:
    """A worker that does not answer is 503, but in the list, which tells of the others."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_routes(self, app: web.Application) -> None:
        """Under /api/v1."""
        app.router.add_get("/api/v1/connectors", self._list)
        app.router.add_get("/api/v1/connectors/{name:[^/]*}/offsets", self._offsets)
        app.router.add_get("/api/v1/connect-workers/{name:[^/]*}", self._worker)

    def _visit(self, request: web.Request) -> Visit:
        name = request.match_info.get("name") or request.query.get("name", "")
        poller = poller_of(self._state, request.query)
        return Visit(self._state, poller, request.query, name, whole=True)

    async def _list(self, request: web.Request) -> web.Response:
        """Of every worker; one that does not answer says so, and the others are told."""
        desk = self._visit(request).beside.connect
        told = []
        for client, look in zip(desk.clients, desk.looks, strict=True):
            answer = await look.answer(math.inf)
            connectors = answer.value.connectors if answer.value is not None else ()
            rows = [dataclasses.asdict(connector) for connector in connectors]
            told.append({"worker": client.url, "trouble": answer.trouble, "connectors": rows})
        return web.json_response(told)

    async def _offsets(self, request: web.Request) -> web.Response:
        """Each place in the connector's own words, as alter-connector-offsets takes it."""
        found = await connect.connector_values(self._visit(request))
        known(found["answer"])
        offsets = known(found["offsets"])
        return web.json_response(
            {
                "connector": found["connector"].name,
                "state": found["connector"].state,
                "offsets": [dataclasses.asdict(place) for place in offsets.places],
                "total": offsets.total,
            }
        )

    async def _worker(self, request: web.Request) -> web.Response:
        visit = self._visit(request)
        found = await connect.worker_values(visit)
        details = known(found["answer"])
        return web.json_response(
            {
                "worker": found["url"],
                "plugins": [dataclasses.asdict(plugin) for plugin in details.plugins],
                "loggers": dict(found["loggers"]),
            }
        )
