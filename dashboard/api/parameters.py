"""Whether the parameters of a GET fit what the OpenAPI document says of them.

What does not fit is refused with its value and its bounds: an answer to another question than was
asked would look like a right one. Parameters that are empty or unknown count as not given.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from dashboard.activity.period import FIRST_YEAR, LAST_YEAR, is_day
from dashboard.api.openapi import document

BASE: Final = "/api/v1"
SHOWN_LETTERS: Final = 40  # of a value, in a refusal


def _declared() -> dict[str, dict[str, dict[str, Any]]]:
    """Path -> name -> schema, of all that have more to say than that they are text."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for path, methods in document()["paths"].items():
        schemas = {
            one["name"]: one["schema"] for one in methods.get("get", {}).get("parameters", ())
        }
        found[BASE + path] = {
            name: schema
            for name, schema in schemas.items()
            if schema["type"] == "integer" or "enum" in schema or "format" in schema
        }
    return found


_DECLARED: Final = _declared()


def refuse_misfits(path: str, query: Mapping[str, str]) -> None:
    """`path` as the document has it, under BASE; raises 400 for the first value that cannot be."""
    for name, schema in _DECLARED.get(path, {}).items():
        value = query.get(name, "")
        if value and (wanted := _misfit(value, schema)):
            shown = value if len(value) <= SHOWN_LETTERS else value[:SHOWN_LETTERS] + "…"
            raise web.HTTPBadRequest(text=f"{name} must be {wanted}, not {shown!r}")


def _misfit(value: str, schema: Mapping[str, Any]) -> str:
    """What the value should have been; empty where it fits."""
    if "enum" in schema:
        return "" if value in schema["enum"] else "one of " + ", ".join(schema["enum"])
    if schema.get("format") == "date":
        return "" if is_day(value) else f"a day such as 2026-11-22, in {FIRST_YEAR} to {LAST_YEAR}"
    if "format" in schema:
        return "" if _is_time(value) else "a time such as 2026-11-22T14:02, or milliseconds"
    low, high = schema.get("minimum", 0), schema.get("maximum")
    is_number = value.isascii() and value.isdigit() and len(value) <= 19
    if is_number and low <= int(value) <= (int(value) if high is None else high):
        return ""
    return f"a whole number from {low} " + ("on" if high is None else f"to {high}")


def _is_time(value: str) -> bool:
    if value.isascii() and value.isdigit():
        return len(value) <= 19
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
