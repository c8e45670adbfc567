"""Schemas from a registry with Confluent's REST interface, which several others have as well.

Every call blocks, at most `TIMEOUT_S` for each document; call it from one thread, not the loop's.
What was fetched is kept, the least used schema goes first; schemas never change under their id. A
registry that does not answer is left alone for half a minute, and everything it was needed for says
so meanwhile.
"""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from tracker.clock import Clock

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 2.0
BYTES_MAX: Final = 2_097_152  # of one document
KEPT_MAX: Final = 500  # schemas
REFERENCES_MAX: Final = 100  # documents that one schema may pull in
REST_MS: Final = 30_000  # after a registry did not answer, or did not know an id


class NoSchema(Exception):
    """A schema that cannot be had; the message says why, and is shown."""


class RegistryAway(NoSchema):
    """The registry did not answer."""


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """Where the registry is, and who asks."""

    url: str
    username: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema and those it names, needed ones first."""

    id: int
    kind: str  # AVRO, PROTOBUF, JSON
    text: str
    references: tuple[tuple[str, str], ...]  # name it is imported by, text


class Registry:
    """One registry, remembered."""

    def __init__(self, access: RegistryAccess, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._kept: OrderedDict[int, Schema] = OrderedDict()
        self._refused: dict[int, tuple[float, str]] = {}
        self._rests_until_ms = 0.0
        self._trouble = ""

    def schema(self, schema_id: int) -> Schema:
        """The schema of that id; raises NoSchema."""
        if schema_id in self._kept:
            self._kept.move_to_end(schema_id)
            return self._kept[schema_id]
        now = self._clock.monotonic_ms()
        if now < self._rests_until_ms:
            raise RegistryAway(self._trouble)
        refused_ms, why = self._refused.get(schema_id, (-float(REST_MS), ""))
        if now - refused_ms < REST_MS:
            raise NoSchema(why)
        try:
            found = self._fetch(schema_id)
        except RegistryAway as away:
            self._rests_until_ms, self._trouble = now + REST_MS, str(away)
            raise
        except NoSchema as refusal:
            if len(self._refused) >= KEPT_MAX:
                self._refused.clear()
            self._refused[schema_id] = (now, str(refusal))
            raise
        self._kept[schema_id] = found
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return found

    def _fetch(self, schema_id: int) -> Schema:
        path = f"/schemas/ids/{schema_id}"
        body = self._get(path, f"schema {schema_id}")
        kind = str(body.get("schemaType", "AVRO"))
        if kind == "PROTOBUF":  # as a descriptor: no compiler is needed for it
            body = self._get(path + "?format=serialized", f"schema {schema_id}")
        found: dict[str, str] = {}
        self._follow(body, kind, found, set())
        return Schema(schema_id, kind, _text(body), tuple(found.items()))

    def _follow(
        self, body: Mapping[str, Any], kind: str, found: dict[str, str], seen: set[str]
    ) -> None:
        """Texts of everything `body` refers to into `found`, what they need before them."""
        for reference in _references(body):
            name = str(reference.get("name"))
            if name in seen:
                continue
            seen.add(name)
            if len(seen) > REFERENCES_MAX:
                raise NoSchema(f"the schema refers to more than {REFERENCES_MAX} others")
            subject = quote(str(reference.get("subject")), safe="")
            path = f"/subjects/{subject}/versions/{quote(str(reference.get('version')), safe='')}"
            serialized = "?format=serialized" if kind == "PROTOBUF" else ""
            needed = self._get(path + serialized, f"the schema {name}")
            self._follow(needed, kind, found, seen)
            found[name] = _text(needed)

    def _get(self, path: str, what: str) -> dict[str, Any]:
        url = self._access.url.rstrip("/") + path
        try:
            status, raw = asyncio.run(self._fetched(url))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            log.warning("schema registry does not answer url=%s reason=%r", url, error)
            raise RegistryAway("the schema registry does not answer") from error
        if status == 404:
            raise NoSchema(f"{what} is not in the registry")
        if status != 200:
            raise RegistryAway(f"the schema registry answered {status}")
        if len(raw) > BYTES_MAX:
            raise NoSchema(f"{what} is larger than {BYTES_MAX} bytes")
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise RegistryAway("the schema registry answered something else than JSON") from error
        if not isinstance(body, dict):
            raise RegistryAway("the schema registry answered something else than an object")
        return body

    async def _fetched(self, url: str) -> tuple[int, bytes]:
        """Status and body, at most a byte above BYTES_MAX; TimeoutError after TIMEOUT_S in all.

        Another server that it redirects to is not told who asks.
        """
        headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
        if self._access.username:
            headers["Authorization"] = aiohttp.encode_basic_auth(
                self._access.username, self._access.password
            )
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, headers=headers) as answer,
        ):
            body = bytearray()
            while piece := await answer.content.read(BYTES_MAX + 1 - len(body)):
                body += piece
            return answer.status, bytes(body)


def _references(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a schema refers to; NoSchema where that is no list of objects."""
    references = body.get("references") or []
    if not isinstance(references, list) or not all(isinstance(one, dict) for one in references):
        raise NoSchema("the registry's answer names its references in another way")
    return references


def _text(body: Mapping[str, Any]) -> str:
    text = body.get("schema")
    if not isinstance(text, str):
        raise NoSchema("the registry's answer holds no schema")
    return text
