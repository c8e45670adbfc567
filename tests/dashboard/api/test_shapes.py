"""The OpenAPI document says what every answer looks like; conftest holds all answers against it."""

from typing import Any

import pytest
from aiohttp import web

from dashboard.api.openapi import document
from dashboard.api.shapes.answers import SHAPES
from dashboard.api.shapes.schema import schema_of_answer
from dashboard.cluster.model import Topic
from dashboard.state import State
from tests.support.api_document import misfits
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client
from tracker.kafka.security import Acl

NAMES = {"/brokers/{name}": "1", "/groups/{name}": "export"}
QUERIES = {"/history": "?s=cluster.in&s=group.lag:export&range=5m"}
NOT_THERE = ("/activity", "/subjects", "/connectors/", "/connect-workers/")
"""No site has been seen, no registry and no Connect worker is named."""


def operations() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", told)
        for path, methods in document()["paths"].items()
        for method, told in methods.items()
    ]


@pytest.mark.parametrize("path", SHAPES)
async def test_an_answer_is_as_the_document_says(
    client: Client, state: State, cluster: MadeCluster, path: str
) -> None:
    cluster.entries.add(Acl("User:ann", "TOPIC", "events", "LITERAL", "READ", "ALLOW"))
    cluster.limits[("user", "ann"),] = {"producer_byte_rate": 5.0}
    await state.poller(None).look()

    address = path.format(name=NAMES.get(path, "events")) + QUERIES.get(path, "")
    answer = await client.get("/api/v1" + address)

    assert answer.status == (404 if path.startswith(NOT_THERE) else 200)
    assert list(await answer.json()) or path in ("/scram-users", "/copies", "/sites", "/connectors")


@pytest.mark.parametrize(("operation", "told"), operations())
def test_every_answer_and_every_body_has_a_shape(operation: str, told: dict[str, Any]) -> None:
    good = told["responses"]["200"]["content"]
    bodies = [content["schema"] for content in good.values()]
    bodies += [one["schema"] for one in told.get("requestBody", {}).get("content", {}).values()]

    assert bodies and all("type" in schema or "anyOf" in schema for schema in bodies)
    assert "$ref" not in str(bodies)
    assert {"400", "401", "403", "404", "503"} <= told["responses"].keys()


def test_refusals_are_of_one_shape() -> None:
    for told in document()["components"]["responses"].values():
        schema = told["content"]["application/json"]["schema"]

        assert schema["properties"] == {"error": {"type": "string"}}


def test_a_shape_has_every_field_of_its_type_and_none_beside_them() -> None:
    shape = schema_of_answer(Topic)
    partitions = shape["properties"]["partitions"]["items"]

    assert shape["required"] == list(shape["properties"]) and "configs" in shape["required"]
    assert (shape["additionalProperties"], partitions["additionalProperties"]) == (False, False)


def test_an_answer_that_is_otherwise_is_noticed() -> None:
    told = document()["paths"]["/sites"]["get"]["responses"]
    rows = web.json_response([{"site": "a", "page_views": "1", "first_day_ms": 1}])

    (first, second) = sorted(misfits("/sites", told, rows))

    assert "'1' is not of type 'integer'" in first
    assert "'last_day_ms' is a required property" in second
    assert misfits("/sites", told, web.json_response({"error": "gone"}, status=410))
    assert misfits("/sites", told, web.Response(text="[]"))
    assert not misfits("/sites", told, web.json_response([]))
