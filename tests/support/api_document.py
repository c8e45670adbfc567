"""Holds answers of the JSON API against its OpenAPI document."""

from functools import cache
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
from aiohttp import web

from dashboard.api.openapi import document

BASE = "/api/v1"


class Misfits:
    """Collects what an application answers otherwise than its document says."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def watch(self, app: web.Application) -> None:
        app.on_response_prepare.append(self._look)

    async def _look(self, request: web.Request, response: web.StreamResponse) -> None:
        resource = request.match_info.route.resource
        path = resource.canonical.removeprefix(BASE) if resource is not None else ""
        if path == "/actions/{action}":
            path = f"/actions/{request.match_info['action']}"
        told = document()["paths"].get(path, {}).get(request.method.lower())
        if told is None or (resource is not None and not resource.canonical.startswith(BASE)):
            return
        self.found += misfits(path, told["responses"], response)


def misfits(path: str, told: dict[str, Any], response: web.StreamResponse) -> list[str]:
    """What is wrong with one answer."""
    at = f"{path} {response.status}"
    described = told.get(str(response.status))
    if described is None:
        return [f"{at} is not in the document"]
    if "$ref" in described:
        described = document()["components"]["responses"][described["$ref"].rpartition("/")[2]]
    if response.content_type not in described["content"]:
        return [f"{at} is {response.content_type}, not {list(described['content'])}"]
    if response.content_type != "application/json" or not isinstance(response, web.Response):
        return []
    assert isinstance(response.body, bytes)
    schema = described["content"][response.content_type]["schema"]
    errors = _validator(msgspec.json.encode(schema)).iter_errors(msgspec.json.decode(response.body))
    return [f"{at} {list(one.absolute_path)}: {one.message[:300]}" for one in errors][:3]


@cache
def _validator(schema: bytes) -> Any:
    return jsonschema.Draft202012Validator(msgspec.json.decode(schema))
