"""Subjects of a schema registry for those who see some topics: those of these topics alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dashboard.config import RightsConfig
from dashboard.rights.rules import rights
from dashboard.state import State
from dashboard.web import Site
from tests.support.made_dashboard import busy_cluster, made_state
from tests.support.subject_registry import SubjectRegistry, subject_registry

pytestmark = pytest.mark.may_block

ACTIONS = ("register-schema", "set-subject-level", "delete-subject")
TEXT = '{"type":"record","name":"Event","fields":[]}'
TAKES = {"Event": "xyzzy-value:1"}


@pytest.fixture
def registry() -> Iterator[SubjectRegistry]:
    """events-value takes from a subject of a hidden topic, and both from and to its own."""
    with subject_registry() as running:
        running.put("xyzzy-value", TEXT)
        running.put("com.xyzzy.Record", '"string"')
        taken = [
            {"name": "X", "subject": "xyzzy-value", "version": 1},
            {"name": "K", "subject": "events-key", "version": 1},
        ]
        running.put("events-key", '"long"')
        running.put("events-value", '"int"', references=taken)
        used = [{"name": "E", "subject": "events-value", "version": 1}]
        running.put("xyzzy-key", '"bytes"', references=used)
        running.deleted |= {"events-old-value", "xyzzy-old-value"}
        yield running


@pytest.fixture
async def state(tmp_path: Path, registry: SubjectRegistry) -> State:
    rule = RightsConfig(who=("role:editor",), topics="events.*", actions=("*",))
    state = made_state(
        tmp_path,
        busy_cluster(),
        sign_in="on",
        rights=rights({"some": rule}, ACTIONS),
        schema_registry_url=registry.url,
    )
    state.household.accounts.first_password()
    await state.poller(None).look()
    return state


async def asked(state: State, address: str, wish: dict[str, Any] | None = None) -> tuple[int, str]:
    accounts = state.household.accounts
    token = accounts.add_token(f"t{len(accounts.tokens())}", ("write",), 0)
    headers = {"Authorization": f"Bearer {token}"}
    async with TestClient(TestServer(Site(state).application())) as client:
        method = "GET" if wish is None else "POST"
        answer = await client.request(method, address, headers=headers, json=wish)
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    "address",
    ["/schemas?deleted=1", "/api/v1/subjects?deleted=1", "/schemas/events-value", "/topics/events"],
)
async def test_subjects_of_topics_that_are_seen_are_shown_and_nothing_else(
    state: State, registry: SubjectRegistry, address: str
) -> None:
    status, text = await asked(state, address)

    assert status == 200
    assert "events" in text and "xyzzy" not in text and registry.url not in text


@pytest.mark.parametrize("name", ["xyzzy-value", "com.xyzzy.Record", "never-value", "never"])
async def test_a_hidden_subject_is_not_there(state: State, name: str) -> None:
    page, json = (
        await asked(state, f"/schemas/{name}"),
        await asked(state, f"/api/v1/subjects/{name}"),
    )

    assert (page[0], json[0]) == (404, 404)
    assert f"There is no subject '{name}' in the registry." in json[1]


@pytest.mark.parametrize(
    ("action", "wish", "status"),
    [
        ("register-schema", {"subject": "events-value", "schema": TEXT}, 200),
        ("register-schema", {"subject": "xyzzy-value", "schema": TEXT}, 403),
        ("register-schema", {"subject": "com.acme.Record", "schema": TEXT}, 403),
        (
            "register-schema",
            {"subject": "events-value", "schema": TEXT, "references": TAKES},
            403,
        ),
        ("set-subject-level", {"subject": "events-key", "level": "FULL"}, 200),
        ("set-subject-level", {"subject": "xyzzy-key", "level": "FULL"}, 403),
        ("delete-subject", {"subject": "events-value"}, 403),  # it would name who uses it
    ],
)
async def test_schemas_are_changed_for_topics_that_are_seen(
    state: State, action: str, wish: dict[str, Any], status: int
) -> None:
    found, text = await asked(state, f"/api/v1/actions/{action}", wish)

    assert found == status, text
    assert "xyzzy" not in text
