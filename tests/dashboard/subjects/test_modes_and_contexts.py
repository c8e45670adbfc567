"""Modes, contexts and what was deleted softly in a schema registry."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from dashboard.actions.catalogue import BY_NAME
from dashboard.identity import Role
from dashboard.subjects.model import context_of
from tests.support.dashboard_actions import Asked
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client, busy_cluster
from tests.support.subject_registry import SubjectRegistry, subject_registry

pytestmark = pytest.mark.may_block

STAGED = ":.staging:events-value"


@pytest.fixture
def registry() -> Iterator[SubjectRegistry]:
    with subject_registry() as running:
        for number in range(3):
            running.put("events-value", f'"string{number}"')
        running.put(STAGED, '"long"')
        running.put(":.staging:other", '"int"')
        yield running


@pytest.fixture
def cluster() -> MadeCluster:
    return busy_cluster()


@pytest.fixture
def settings(registry: SubjectRegistry) -> dict[str, object]:
    return {"schema_registry_url": registry.url}


async def page(client: Client, address: str) -> str:
    answer = await client.get(address)
    text = await answer.text()
    assert answer.status == 200, text
    return text


async def told(client: Client, address: str) -> Any:
    answer = await client.get(f"/api/v1{address}")
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def act(client: Client, action: str, wish: dict[str, Any]) -> tuple[int, Any]:
    return await Asked(client).act(action, wish)


async def test_subjects_of_a_context_are_shown_with_their_topics_and_alone(client: Client) -> None:
    whole, staged = await page(client, "/schemas"), await page(client, "/schemas?context=.staging")
    listed = await told(client, "/subjects?context=.staging")
    of_default = await told(client, "/subjects?context=.")
    unknown = await told(client, "/subjects?context=.nowhere")

    assert '<option value=".staging">.staging</option>' in whole
    assert "3 subjects" in whole and "2 subjects" in staged
    assert (listed["contexts"], listed["mode"]) == ([".", ".staging"], "READWRITE")
    assert [(row["name"], row["context"], row["topic"]) for row in listed["subjects"]] == [
        (STAGED, ".staging", "events"),
        (":.staging:other", ".staging", ""),
    ]
    assert [row["name"] for row in of_default["subjects"]] == ["events-value"]
    assert len(unknown["subjects"]) == 3
    assert "&#34;long&#34;" in await page(client, f"/schemas/?name={quote(STAGED)}")


async def test_ids_are_looked_up_in_the_context_of_their_subject(
    client: Client, registry: SubjectRegistry
) -> None:
    reference = {"name": "E", "subject": STAGED, "version": 1}
    registry.put(":.staging:user", '"E"', references=[reference])

    await page(client, f"/schemas/?name={quote(STAGED)}")

    (looked,) = [one for one in registry.asked if "/schemas/ids/" in one]
    assert looked.endswith("versions?subject=%3A%2Estaging%3Aevents-value")


async def test_the_mode_of_a_subject_is_set_and_taken_away_after_a_dry_run(
    client: Client, registry: SubjectRegistry
) -> None:
    wish = {"subject": "events-value", "mode": "READONLY"}
    done = {"dry_run": False, "confirm": "events-value"}

    _, dry = await act(client, "set-subject-mode", wish)
    untouched = dict(registry.modes)
    status, _ = await act(client, "set-subject-mode", wish | done)
    shown, mode = await page(client, "/schemas/events-value"), dict(registry.modes)
    await act(client, "set-subject-mode", wish | done | {"mode": None})

    assert (
        "would be in the mode READONLY. Producers with a new schema would fail."
        in (dry["sentence"])
    )
    assert dry["rows"] == [
        {"subject": "events-value", "before": "the registry's", "after": "READONLY"}
    ]
    assert (untouched, status, mode, registry.modes) == ({}, 200, {"events-value": "READONLY"}, {})
    assert "<dt>Mode</dt><dd>READONLY</dd>" in shown


async def test_the_mode_of_the_registry_is_told_above_everything_when_it_takes_nothing(
    client: Client, registry: SubjectRegistry
) -> None:
    wish = {"mode": "READONLY", "dry_run": False, "confirm": "READONLY"}

    calm = await page(client, "/schemas")
    status, body = await act(client, "set-registry-mode", wish)

    assert (status, registry.mode) == (200, "READONLY")
    assert body["rows"] == [{"subjects": "all others", "before": "READWRITE", "after": "READONLY"}]
    assert "<b>READONLY.</b>" not in calm
    assert "<b>READONLY.</b> No schema can be registered" in await page(client, "/schemas")
    assert (await told(client, "/subjects"))["mode"] == "READONLY"


async def test_importing_where_there_are_schemas_must_be_forced(
    client: Client, registry: SubjectRegistry
) -> None:
    wish = {"mode": "IMPORT", "dry_run": False, "confirm": "IMPORT"}

    refused, said = await act(client, "set-registry-mode", wish)
    before = registry.mode
    forced, _ = await act(client, "set-registry-mode", wish | {"force": True})

    assert (refused, forced, before, registry.mode) == (409, 200, "READWRITE", "IMPORT")
    assert "Cannot import" in said["error"]


async def test_level_and_mode_of_a_context_are_its_own(
    client: Client, registry: SubjectRegistry
) -> None:
    common = {"context": ".staging", "dry_run": False}

    _, level = await act(
        client, "set-registry-level", common | {"level": "FULL", "confirm": "FULL"}
    )
    _, mode = await act(
        client, "set-registry-mode", common | {"mode": "READONLY", "confirm": "READONLY"}
    )
    shown = await page(client, "/schemas?context=.staging")

    assert (registry.levels, registry.modes) == (
        {":.staging:": "FULL"},
        {":.staging:": "READONLY"},
    )
    assert (registry.level, registry.mode) == ("BACKWARD", "READWRITE")
    assert level["sentence"].startswith("Of 2 subjects of .staging,")
    assert mode["rows"][0]["before"] == "the registry's READWRITE"
    assert "as FULL in .staging; .staging is in the mode READONLY" in shown


@pytest.mark.parametrize(
    "wish",
    [
        {"mode": "ANYTHING"},
        {"mode": "READONLY", "context": "staging"},
        {"mode": "READONLY", "context": ".a:b"},
    ],
)
async def test_modes_and_contexts_that_cannot_be_are_no_wish(
    client: Client, registry: SubjectRegistry, wish: dict[str, str]
) -> None:
    status, _ = await act(client, "set-registry-mode", wish)

    assert (status, registry.modes, registry.mode) == (400, {}, "READWRITE")


async def test_a_registry_without_modes_and_contexts_is_shown_without(
    client: Client, registry: SubjectRegistry
) -> None:
    registry.mode = None
    for name in (STAGED, ":.staging:other"):
        del registry.subjects[name]

    listed, shown = await told(client, "/subjects"), await page(client, "/schemas")
    subject = await page(client, "/schemas/events-value")
    status, said = await act(
        client, "set-registry-mode", {"mode": "READONLY", "dry_run": False, "confirm": "READONLY"}
    )

    assert (listed["mode"], listed["contexts"]) == (None, ["."])
    assert 'name="mode"' not in shown + subject and 'name="context"' not in shown
    assert (status, said["error"]) == (409, "this registry has no modes")


async def test_versions_that_were_deleted_softly_are_shown_on_wish(
    client: Client, registry: SubjectRegistry
) -> None:
    await act(
        client,
        "delete-schema-version",
        {"subject": "events-value", "version": 2, "dry_run": False, "confirm": "events-value"},
    )

    usual = await page(client, "/schemas/events-value")
    wished = await page(client, "/schemas/events-value?deleted=1&version=2")
    hidden = await client.get("/schemas/events-value?version=2")
    subject = await told(client, "/subjects/events-value?deleted=1&version=2")

    assert "1 deleted" in usual and "2, deleted" not in usual
    assert "2, deleted</option>" in wished and "&#34;string1&#34;" in wished
    assert "version 2, deleted: it still decodes values" in wished
    assert hidden.status == 404
    assert (subject["versions"], subject["deleted"]) == ([1, 3], [2])
    assert subject["shown"]["deleted"] is True


async def test_a_subject_that_was_deleted_softly_has_a_page(
    client: Client, registry: SubjectRegistry
) -> None:
    wish = {"subject": "events-value", "dry_run": False, "confirm": "events-value"}
    await act(client, "delete-subject", wish)

    listed = await page(client, "/schemas?deleted=1")
    shown = await page(client, "/schemas/events-value")

    assert '<a href="/schemas/events-value" data-row>' in listed
    assert "3, deleted</option>" in shown and "&#34;string2&#34;" in shown


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        ("orders-value", (".", "orders-value")),
        (":.:orders-value", (".", "orders-value")),
        (":.a:orders:x-value", (".a", "orders:x-value")),
        (":.a", (".", ":.a")),
        (":a:orders", (".", ":a:orders")),
        (":.a:", (".a", "")),
    ],
)
def test_a_subject_names_its_context(subject: str, found: tuple[str, str]) -> None:
    assert context_of(subject) == found


def test_modes_are_for_administrators() -> None:
    needed = {BY_NAME[name].role for name in ("set-subject-mode", "set-registry-mode")}

    assert needed == {Role.ADMIN}
