"""The schema registry as JSON: GET /api/v1/subjects and /subjects/<name>."""

import dataclasses

from aiohttp import web

from dashboard.api.lists import known
from dashboard.pages import schemas
from dashboard.pages.page import NotFound, Visit, poller_of
from dashboard.state import State


class SchemasApi:
    """Asked of the registry, at most once in ten seconds."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_routes(self, app: web.Application) -> None:
        """Under /api/v1."""
        app.router.add_get("/api/v1/subjects", self._list)
        app.router.add_get("/api/v1/subjects/{name:.*}", self._subject)

    def _visit(self, request: web.Request) -> Visit:
        name = request.match_info.get("name") or request.query.get("name", "")
        poller = poller_of(self._state, request.query)
        visit = Visit(self._state, poller, request.query, name, whole=True)
        if not schemas.desk_of(visit).is_there:
            raise NotFound("This cluster has no schema registry in the settings.")
        return visit

    async def _list(self, request: web.Request) -> web.Response:
        visit = self._visit(request)
        listing = known(await schemas.desk_of(visit).listing.answer())
        found = await schemas.list_values(visit)
        rows = [dataclasses.asdict(row) for row in found["table"].rows]
        told = {"level": listing.level, "mode": listing.mode, "contexts": listing.contexts}
        return web.json_response(told | {"subjects": rows})

    async def _subject(self, request: web.Request) -> web.Response:
        found = await schemas.subject_values(self._visit(request))
        known(found["answer"])
        if found["version"] is None and found["trouble"]:
            raise web.HTTPServiceUnavailable(text=found["trouble"])
        version = found["version"]
        return web.json_response(
            {
                **dataclasses.asdict(found["subject"]),
                "shown": dataclasses.asdict(version) if version is not None else None,
            }
        )
