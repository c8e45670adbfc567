"""Answers of the JSON API, from the dashboard's own types."""

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec
from aiohttp import web


def plain(value: Any) -> Any:
    """Dataclasses, structs and named tuples as objects; keys of mappings as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def answer(value: Any) -> web.Response:
    """`value` as plain makes it."""
    body = json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False)
    return web.Response(body=body.encode("utf-8", "replace"), content_type="application/json")
