"""POST /mcp: the Model Context Protocol for agents, Streamable HTTP with one JSON answer a request.

A tool that looks is the API's own handler, a tool that changes something its own action: the same
rights, switches, masks, bounds and audit. There is no session and no stream of ours; GET is 405.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, cast

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractMatchInfo
from aiohttp.web_urldispatcher import UrlMappingMatchInfo
from yarl import URL

from dashboard.access.guard import AGENTS, WHO
from dashboard.api.actions import ActionApi
from dashboard.config import VERSION
from dashboard.identity import Identity
from dashboard.mcp import envelope
from dashboard.mcp.envelope import Call, Fault
from dashboard.mcp.tools import BASE, Misfit, Tool, tools
from dashboard.refusals import refusal_of
from dashboard.rights.gate import answers
from dashboard.state import State

log = logging.getLogger(__name__)

BODY_BYTES_MAX: Final = 262_144
BODY_S: Final = 30.0
ANSWER_LETTERS_MAX: Final = 200_000
AT_ONCE: Final = 16
LIST_GOOD_MS: Final = 60_000
SERVER: Final = {"name": "footfall", "title": "Footfall", "version": VERSION}
ABILITIES: Final[dict[str, Any]] = {"tools": {}}
INSTRUCTIONS: Final = (
    "Footfall watches Kafka clusters and the activity of websites. Begin with health: it says what "
    "is wrong and why. `cluster` names a cluster of the settings, without it the first is meant. "
    "Times are UTC, in milliseconds since 1970 where a name ends in _ms. Ask for what changes "
    "something as a dry run first where there is one."
)


Find = Callable[[web.Request], Awaitable[AbstractMatchInfo]]


class McpEndpoint:
    """Serves any number of agents, sixteen calls at once."""

    def __init__(self, state: State, actions: ActionApi, find: Find) -> None:
        """`find`: what answers an address."""
        self._state = state
        self._actions = actions
        self._find = find
        self._calls = state.agent_calls

    def add_routes(self, app: web.Application) -> None:
        app.router.add_post(AGENTS, self._post)
        app.router.add_route("*", AGENTS, self._no_stream)

    async def _no_stream(self, request: web.Request) -> web.Response:
        raise web.HTTPMethodNotAllowed(request.method, ["POST"])

    async def _post(self, request: web.Request) -> web.Response:
        if not self._state.config.mcp:
            raise web.HTTPNotFound(text="mcp in [dashboard] is off")
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="the body must be application/json")
        accepts = request.headers.get("Accept", "*/*")
        if not any(kind in accepts for kind in ("application/json", "application/*", "*/*")):
            raise web.HTTPNotAcceptable(text="answers are application/json")
        call: Call | None = None
        try:
            call = envelope.read(await _body(request), request.headers)
            if call is None:
                return web.Response(status=202)
            result = await self._result(call, request)
        except Fault as fault:
            fault.id = call.id if call is not None else fault.id
            late = call is not None and not call.standalone  # told in the body, as of old
            return web.json_response(fault.body(), status=200 if late else fault.status)
        answer = envelope.answered(call, result, SERVER)
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    async def _result(self, call: Call, request: web.Request) -> dict[str, Any]:
        if call.method == "tools/list":
            return self._list(call, request[WHO])
        if call.method == "tools/call":
            return await self._call(call, request)
        if call.standalone:
            if call.method == "server/discover":
                return _described() | {"supportedVersions": list(envelope.VERSIONS)} | _kept()
        elif call.method == "initialize":
            version = envelope.agreed(call.params.get("protocolVersion"))
            return _described() | {"protocolVersion": version, "serverInfo": SERVER}
        elif call.method == "ping":
            return {}
        raise Fault(envelope.METHOD_NOT_FOUND, f"there is no method {call.method[:100]!r}")

    def _list(self, call: Call, who: Identity) -> dict[str, Any]:
        """Only what the one who asks may do."""
        if call.params.get("cursor") is not None:
            raise Fault(envelope.INVALID_PARAMS, "the list has one page")
        found = [tool.told() for tool in tools().values() if self._may(tool, who)]
        return {"tools": found} | (_kept() if call.standalone else {})

    def _may(self, tool: Tool, who: Identity) -> bool:
        if tool.change is not None:
            change, clusters = tool.change, tuple(self._state.pollers) or ("",)
            return any(not self._actions.why_not(change, who, name) for name in clusters)
        return any(
            answers(self._state.sight, BASE + tool.path, cluster) for cluster in self._state.pollers
        )

    async def _call(self, call: Call, request: web.Request) -> dict[str, Any]:
        name, arguments = call.params.get("name"), call.params.get("arguments") or {}
        tool = tools().get(name) if isinstance(name, str) else None
        if tool is None or not isinstance(arguments, dict):
            self._calls.ended["unknown", "refused"] += 1
            said = f"there is no tool {str(name)[:100]!r}, or its arguments are no object"
            raise Fault(envelope.INVALID_PARAMS, said)
        if self._calls.under_way >= AT_ONCE:
            self._calls.ended[tool.name, "refused"] += 1
            return _answer(429, {"error": "Too many calls are under way; try again in a second."})
        self._calls.under_way += 1
        try:
            status, body = await self._done(tool, arguments, request)
        except Misfit as misfit:
            status, body = 400, {"error": str(misfit)}
        finally:
            self._calls.under_way -= 1
        outcome = "done" if status < 400 else "refused" if status < 500 else "failed"
        self._calls.ended[tool.name, outcome] += 1
        return _answer(status, body)

    async def _done(
        self, tool: Tool, arguments: Mapping[str, Any], request: web.Request
    ) -> tuple[int, Any]:
        """The status of HTTP and the JSON that the API would answer with."""
        if tool.change is None:
            return await self._looked(tool.address(arguments), request)
        wish = dict(arguments)
        cluster = wish.pop("cluster", None)
        if not isinstance(cluster, str | None):
            raise Misfit("cluster is a text")
        body = msgspec.json.encode(wish)
        return await self._actions.perform(tool.change.name, body, cluster, request[WHO])

    async def _looked(self, address: str, request: web.Request) -> tuple[int, Any]:
        """What a GET of `address` would bring the one who asks, from the same handler."""
        asked = request.clone(method="GET", rel_url=URL(address, encoded=True))
        asked[WHO] = request[WHO]
        try:
            found = await self._find(asked)
            # as aiohttp does for one from outside; there is no setter
            asked._match_info = cast(UrlMappingMatchInfo, found)
            answer = await found.handler(asked)
        except Exception as error:
            refusal = refusal_of(error)
            if refusal is None:
                log.exception("a tool failed address=%s", address)
                refusal = 500, "", "Something broke; it is in the dashboard's log."
            return refusal[0], {"error": refusal[2]}
        assert isinstance(answer, web.Response) and answer.text is not None
        if len(answer.text) > ANSWER_LETTERS_MAX:
            said = f"The answer has {len(answer.text)} letters, {ANSWER_LETTERS_MAX} are the most"
            return 413, {"error": f"{said}: ask for less (q, limit, rows, a shorter range)."}
        return answer.status, json.loads(answer.text)


def _answer(status: int, body: Any) -> dict[str, Any]:
    """A tool's result: the JSON as text, for models, and as it is, for programs."""
    text = body["error"] if status >= 400 else json.dumps(body, ensure_ascii=False)
    result = {"content": [{"type": "text", "text": text}], "isError": status >= 400}
    if status < 400:
        result["structuredContent"] = body if isinstance(body, dict) else {"rows": body}
    return result


def _described() -> dict[str, Any]:
    return {"capabilities": ABILITIES, "instructions": INSTRUCTIONS}


def _kept() -> dict[str, Any]:
    """How long an answer is good for, and that it is for who asked alone."""
    return {"ttlMs": LIST_GOOD_MS, "cacheScope": "private"}


async def _body(request: web.Request) -> bytes:
    """All of it, from the connection: a request that was read whole cannot be cloned."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            while piece := await request.content.read(BODY_BYTES_MAX + 1 - len(body)):
                body += piece
                if len(body) > BODY_BYTES_MAX:
                    raise web.HTTPRequestEntityTooLarge(BODY_BYTES_MAX, len(body))
    except TimeoutError as error:
        raise web.HTTPRequestTimeout(text="the body did not come") from error
    return bytes(body)
