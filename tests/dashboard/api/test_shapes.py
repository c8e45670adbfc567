"""Answers of the API have the shape that its document says."""

import msgspec
import pytest

from dashboard.api.openapi import document
from dashboard.api.shapes import SHAPES
from dashboard.state import State
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client
from tracker.kafka.security import Acl

NAMES = {"/brokers/{name}": "1"}


@pytest.mark.parametrize("path", SHAPES)
async def test_an_answer_has_its_shape_and_nothing_else(
    client: Client, state: State, cluster: MadeCluster, path: str
) -> None:
    cluster.entries.add(Acl("User:ann", "TOPIC", "events", "LITERAL", "READ", "ALLOW"))
    cluster.limits[("user", "ann"),] = {"producer_byte_rate": 5.0}
    await state.poller(None).look()

    answer = await client.get("/api/v1" + path.format(name=NAMES.get(path, "events")))
    text = await answer.text()

    assert answer.status == 200
    assert msgspec.json.decode(text, type=SHAPES[path]) or path == "/scram-users"


@pytest.mark.parametrize("path", SHAPES)
def test_the_document_has_the_shape_without_references(path: str) -> None:
    told = document()["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]

    assert told["schema"]["type"] in ("object", "array")
    assert "$ref" not in str(told)
