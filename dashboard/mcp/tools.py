"""What an agent can do: one tool for each JSON answer of the API, and one for each action.

All of it comes from the OpenAPI document: what is added there is a tool by itself. Files, streams
and accounts are left out: an agent has no use for the first two, and must not make keys.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from dashboard.actions.catalogue import BY_NAME, Action
from dashboard.actions.commands import COMMANDS, Command
from dashboard.api.openapi import document
from dashboard.pages.page import PLAIN

BASE: Final = "/api/v1"
NOT_FOR_AGENTS: Final = frozenset(("/actions", "/openapi.json"))
ACCOUNTS: Final = frozenset(
    ("put-user", "delete-user", "create-token", "delete-token", "create-link", "delete-link")
)
LETTERS_MAX: Final = 2_000  # of one argument of what is read
ITEMS_MAX: Final = 20
POINTS: Final = 120  # of history, where an agent does not say how many: it reads each of them
_JSON: Final = "application/json"


class Misfit(Exception):
    """Arguments that are not those of the tool; the message is for the agent."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One of them; without `change` it only looks at `path`."""

    name: str
    description: str
    schema: Mapping[str, Any]
    path: str = ""
    change: Action | Command | None = None

    def told(self) -> dict[str, Any]:
        """As tools/list has it."""
        hints: dict[str, Any] = {"readOnlyHint": self.change is None, "openWorldHint": False}
        if self.change is not None:
            hints["destructiveHint"] = self.change.confirmed
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": dict(self.schema),
            "annotations": hints,
        }

    def address(self, arguments: Mapping[str, Any]) -> str:
        """Path and query that answer what is asked; raises Misfit."""
        known = self.schema["properties"]
        if "points" in known:
            arguments = {"points": POINTS, **arguments}
        for name in arguments:
            if name not in known:
                raise Misfit(f"There is no argument {name[:100]!r}; there are {', '.join(known)}.")
        for name in self.schema.get("required", ()):
            if name not in arguments:
                raise Misfit(f"The argument {name} is missing.")
        query = {name: _texts(name, value) for name, value in arguments.items()}
        path = self.path
        for name in [name for name in query if f"{{{name}}}" in path]:
            found = "".join(query[name])
            plain = found if PLAIN.fullmatch(found) else ""  # odd names go into the query alone
            if plain or not found:
                del query[name]
            path = path.replace(f"{{{name}}}", plain)
        return f"{BASE}{path}?{urlencode(query, doseq=True, errors='surrogatepass')}"


def _texts(name: str, value: Any) -> list[str]:
    """What stands for a value in a query."""
    values = value if isinstance(value, list) else [value]
    if len(values) > ITEMS_MAX or any(not isinstance(one, str | int | float) for one in values):
        raise Misfit(f"The argument {name} is a text, a number or at most {ITEMS_MAX} of them.")
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    if any(len(text) > LETTERS_MAX for text in texts):
        raise Misfit(f"The argument {name} has more than {LETTERS_MAX} letters.")
    return texts


@functools.cache
def tools() -> dict[str, Tool]:
    """All of them by name."""
    found = [
        _of_reading(path, body["get"]) if "get" in body else _of_change(path, body["post"])
        for path, body in document()["paths"].items()
        if _is_for_agents(path, body)
    ]
    found.sort(key=lambda tool: tool.change is not None)  # what looks comes first
    return {tool.name: tool for tool in found}


def _is_for_agents(path: str, body: Mapping[str, Any]) -> bool:
    if "post" in body:
        return path.removeprefix("/actions/") not in ACCOUNTS
    is_json = _JSON in body["get"]["responses"]["200"]["content"]
    return is_json and path not in NOT_FOR_AGENTS and not path.endswith(".json")


def _of_reading(path: str, told: Mapping[str, Any]) -> Tool:
    required = [one["name"] for one in told["parameters"] if one.get("required")]
    schema = _schema(_properties(told["parameters"]), required)
    if "points" in schema["properties"]:
        schema["properties"]["points"]["default"] = POINTS
    return Tool(name_of(path), told["summary"], schema, path)


def _properties(parameters: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Parameters of an address as those of a tool."""
    return {
        one["name"]: {**one["schema"]}
        | ({"description": one["description"]} if "description" in one else {})
        for one in parameters
    }


def _of_change(path: str, told: Mapping[str, Any]) -> Tool:
    change = _CHANGES[path.removeprefix("/actions/")]
    schema = told["requestBody"]["content"][_JSON]["schema"]
    properties = {**schema["properties"]}
    properties |= _properties(told["parameters"])
    meaning = " ".join(schema.get("description", "").split())
    about = [change.summary, meaning, f"Needs the role {change.role.word}."]
    if change.confirmed:
        dry = ", but for a dry run" if "dry_run" in properties else ""
        about.append(f"`confirm` repeats the {change.subject}{dry}.")
    text = " ".join(part for part in about if part)
    return Tool(
        change.name.replace("-", "_"),
        text,
        _schema(properties, schema.get("required", ())),
        change=change,
    )


def _schema(properties: Mapping[str, Any], required: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def name_of(path: str) -> str:
    """`/topics` is topics, `/topics/{name}` topic, `/topics/{name}/messages` topic_messages."""
    words: list[str] = []
    for part in path.strip("/").split("/"):
        if part.startswith("{"):
            words[-1] = words[-1].removesuffix("s")
        else:
            words.append(part.replace("-", "_"))
    return "_".join(words)


_CHANGES: Final[Mapping[str, Action | Command]] = {
    **BY_NAME,
    **{command.name: command for command in COMMANDS},
}
