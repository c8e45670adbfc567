"""The Model Context Protocol on the wire: one JSON-RPC 2.0 message in one HTTP request. Pure.

Two eras are served. Through 2025-11-25 a client begins with `initialize` and names what was agreed
in MCP-Protocol-Version. From 2026-07-28 on each request stands for itself: version and
capabilities in `_meta`, method and tool once more in headers, which must say the same, and
`server/discover` instead of the handshake. Neither needs anything to be remembered here.
Source: modelcontextprotocol.io/specification, 2025-06-18, 2025-11-25 and 2026-07-28.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

HANDSHAKE: Final = ("2025-06-18", "2025-11-25")
STANDALONE: Final = ("2026-07-28",)
VERSIONS: Final = (*HANDSHAKE, *STANDALONE)

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022
_STATUS: Final = {METHOD_NOT_FOUND: 404, INTERNAL_ERROR: 500}

META: Final = "io.modelcontextprotocol/"
_WRAPPED: Final = ("=?base64?", "?=")  # a header value that would not be one as it is
ID_LETTERS_MAX: Final = 200

Id = str | int | None


class Fault(Exception):
    """A message that cannot be served; answered as a JSON-RPC error."""

    def __init__(self, code: int, sentence: str, data: Any = None, id: Id = None) -> None:
        super().__init__(sentence)
        self.code, self.data, self.id = code, data, id

    @property
    def status(self) -> int:
        """Of HTTP."""
        return _STATUS.get(self.code, 400)

    def body(self) -> dict[str, Any]:
        error = {"code": self.code, "message": str(self)}
        if self.data is not None:
            error["data"] = self.data
        return {"jsonrpc": "2.0", "id": self.id, "error": error}


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `standalone`: of the era without a handshake."""

    id: Id
    method: str
    params: Mapping[str, Any]
    standalone: bool


def read(body: bytes, headers: Mapping[str, str]) -> Call | None:
    """The request in `body`; None for a notification, which asks for nothing. Raises Fault."""
    try:
        message: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Fault(PARSE_ERROR, "the body is no JSON") from error
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise Fault(INVALID_REQUEST, "the body must be one JSON-RPC 2.0 message")
    method, params = message.get("method"), message.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        raise Fault(INVALID_REQUEST, "a request has a method and an object of params")
    asked = headers.get("MCP-Protocol-Version")
    if "id" not in message:
        if asked is not None:
            _known(asked, None)
        return None
    id = message["id"]
    if isinstance(id, bool) or not isinstance(id, str | int) or len(str(id)) > ID_LETTERS_MAX:
        raise Fault(INVALID_REQUEST, "an id is a short text or a whole number")
    meta = params.get("_meta")
    told = meta.get(META + "protocolVersion") if isinstance(meta, dict) else None
    if method != "initialize" and (told is not None or asked not in (None, *HANDSHAKE)):
        _check_standalone(id, method, params, headers)
        return Call(id, method, params, standalone=True)
    return Call(id, method, params, standalone=False)


def _check_standalone(
    id: Id, method: str, params: Mapping[str, Any], headers: Mapping[str, str]
) -> None:
    """What 2026-07-28 wants of a request; the first thing that is not so is the Fault."""
    asked, meta = headers.get("MCP-Protocol-Version"), params.get("_meta")
    needed = (META + "protocolVersion", META + "clientCapabilities")
    missing = [key for key in needed if not isinstance(meta, dict) or key not in meta]
    if missing:
        if asked is not None:
            _known(asked, id)
        raise Fault(INVALID_PARAMS, f"params._meta lacks {', '.join(missing)}", id=id)
    assert isinstance(meta, dict)
    version = meta[needed[0]]
    same = [("MCP-Protocol-Version", version), ("Mcp-Method", method)]
    if method == "tools/call":
        same.append(("Mcp-Name", params.get("name")))
    for header, value in same:
        if unwrapped(headers.get(header)) != value:
            raise Fault(HEADER_MISMATCH, f"{header} does not say what the body says", id=id)
    _known(version, id)
    if version not in STANDALONE:
        raise Fault(INVALID_PARAMS, f"{version} begins with initialize", id=id)


def _known(version: str, id: Id) -> None:
    if version not in VERSIONS:
        data = {"supported": list(VERSIONS), "requested": version[:100]}
        raise Fault(UNSUPPORTED_VERSION, "this version is not served", data, id)


def unwrapped(value: str | None) -> str | None:
    """A header's text, out of the base64 that other letters travel in; None: none, or odd."""
    start, end = _WRAPPED
    if value is None or not (value.startswith(start) and value.endswith(end)):
        return value
    try:
        return base64.b64decode(value[len(start) : -len(end)], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def answered(call: Call, result: Mapping[str, Any], server: Mapping[str, str]) -> dict[str, Any]:
    """The whole answer. From 2026-07-28 on a result says that it is complete, and who made it."""
    body = dict(result)
    if call.standalone:
        body |= {"resultType": "complete", "_meta": {META + "serverInfo": dict(server)}}
    return {"jsonrpc": "2.0", "id": call.id, "result": body}


def agreed(asked: object) -> str:
    """The version that a handshake ends with: the one asked for, or the newest that has one."""
    return asked if isinstance(asked, str) and asked in HANDSHAKE else HANDSHAKE[-1]
