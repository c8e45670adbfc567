"""Subjects of a schema registry: shown, compared, changed only where they may be."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dashboard.pages.page import link
from dashboard.state import State
from dashboard.subjects import model
from dashboard.subjects.model import Version, difference, pretty, topic_of
from dashboard.web import Site
from tests.support.dashboard_actions import Asked
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import HOSTILE, Client, busy_cluster, made_state
from tests.support.subject_registry import SubjectRegistry, subject_registry
from tracker.kafka.admin import ClusterUnavailable

pytestmark = pytest.mark.may_block

ONE = '{"type":"record","name":"Event","fields":[{"name":"site","type":"string"}]}'
TWO = ONE.replace("]}", ',{"name":"amount","type":"int","default":0}]}')


@pytest.fixture
def registry() -> Iterator[SubjectRegistry]:
    with subject_registry() as running:
        running.put("events-value", ONE)
        running.put("events-value", TWO)
        reference = {"name": "Event", "subject": "events-value", "version": 2}
        running.put("visits", '{"type":"array","items":"Event"}', references=[reference])
        running.put("geo-key", 'syntax = "proto3";\nmessage A {}', schemaType="PROTOBUF")
        running.deleted.add("old-value")
        yield running


@pytest.fixture
def cluster() -> MadeCluster:
    return busy_cluster()


@pytest.fixture
def settings(registry: SubjectRegistry) -> dict[str, object]:
    return {"schema_registry_url": registry.url}


async def act(client: Client, action: str, wish: dict[str, Any]) -> tuple[int, Any]:
    return await Asked(client).act(action, wish)


async def told(client: Client, address: str) -> Any:
    answer = await client.get(f"/api/v1{address}")
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_subjects_tell_their_kind_newest_version_and_topic(client: Client) -> None:
    page = await (await client.get("/schemas")).text()
    listed = await told(client, "/subjects?deleted=1")
    narrowed = await told(client, "/subjects?q=EVENTS")

    assert "3 subjects, 1 deleted; a new version is checked as BACKWARD" in page
    assert "Protobuf" in page and '<a href="/topics/events">events</a>' in page
    assert listed["level"] == "BACKWARD"
    assert [(row["name"], row["topic"], row["deleted"]) for row in listed["subjects"]] == [
        ("events-value", "events", False),
        ("geo-key", "", False),
        ("old-value", "", True),
        ("visits", "", False),
    ]
    assert [row["name"] for row in narrowed["subjects"]] == ["events-value"]


async def test_many_subjects_are_paged_and_only_those_shown_are_asked_for(
    client: Client, registry: SubjectRegistry
) -> None:
    for number in range(150):
        registry.put(f"many-{number:03}", f'"string{number}"')

    page = await (await client.get("/schemas?page=2&q=many")).text()

    assert "page 2 of 2" in page and "many-149" in page and "many-099" not in page
    assert len([one for one in registry.asked if one.endswith("latest")]) == 50


async def test_a_subject_shows_its_schema_its_references_and_who_uses_it(client: Client) -> None:
    newest = await (await client.get("/schemas/events-value")).text()
    older = await told(client, "/subjects/events-value?version=1")
    visits = await (await client.get("/schemas/visits")).text()

    assert "&#34;name&#34;: &#34;amount&#34;" in newest and "Value of topic" in newest
    assert 'href="/schemas/visits?version=1"' in newest
    assert 'href="/schemas/events-value?version=2"' in visits
    assert older["versions"] == [1, 2] and older["level"] is None
    assert (older["shown"]["id"], older["shown"]["text"]) == (1, ONE)


async def test_two_versions_are_compared_from_the_older_to_the_newer(client: Client) -> None:
    for query in ("version=2&against=1", "version=1&against=2"):
        page = await (await client.get(f"/schemas/events-value?{query}")).text()

        assert "from version 1 to 2" in page
        assert (
            '<span data-sign="+"><b class="hidden">new </b>+       &#34;name&#34;: &#34;amount'
            in page
        )


async def test_what_is_not_there_is_told_so(client: Client) -> None:
    subject = await client.get("/schemas/none")
    version = await client.get("/schemas/events-value?version=7")

    assert subject.status == version.status == 404
    assert "no subject" in await subject.text() and "no version 7" in await version.text()


async def test_without_a_registry_the_page_says_how_to_name_one(tmp_path: Path) -> None:
    state = made_state(tmp_path, busy_cluster())
    await state.poller(None).look()
    async with TestClient(TestServer(Site(state).application())) as client:
        page = await (await client.get("/schemas")).text()
        missing = [await client.get(at) for at in ("/api/v1/subjects", "/schemas/x")]
        refused = await act(client, "delete-subject", {"subject": "x"})

    assert "schema_registry_url" in page and ">Schemas</a>" not in page
    assert [answer.status for answer in missing] == [404, 404]
    assert refused[0] == 409


async def test_a_schema_is_registered_only_if_it_fits(
    client: Client, registry: SubjectRegistry
) -> None:
    registry.misfit = "renamed"
    bad = {"subject": "events-value", "schema": ONE.replace("site", "renamed")}
    good = {"subject": "events-value", "schema": TWO.replace("amount", "sum")}
    real = {"dry_run": False, "confirm": "events-value"}

    tried = await act(client, "register-schema", bad)
    refused = await act(client, "register-schema", bad | real)
    fits = await act(client, "register-schema", good)
    unnamed = await act(client, "register-schema", good | {"dry_run": False})
    done = await act(client, "register-schema", good | real)
    again = await act(client, "register-schema", good | real)

    assert tried[0] == 200 and "may not be" in tried[1]["sentence"]
    assert tried[1]["rows"] == [{"reason": "renamed is in the way"}]
    assert refused[0] == 409 and "renamed is in the way" in refused[1]["error"]
    assert (fits[1]["changed"], unnamed[0], done[1]["changed"]) == (False, 409, True)
    assert list(registry.subjects["events-value"]) == [1, 2, 3]
    assert again[1]["sentence"] == "It is version 3 of events-value already."


async def test_references_name_subject_and_version(
    client: Client, registry: SubjectRegistry
) -> None:
    wish = {"subject": "a:b", "schema": '"Event"', "references": {"Event": "events-value:2"}}
    real = {"dry_run": False, "confirm": "a:b"}

    done = await act(client, "register-schema", wish | real)
    odd = [
        await act(client, "register-schema", wish | {"references": {"Event": place}})
        for place in ("events-value", "events-value:x", ":1", None)
    ]

    assert done[0] == 200
    assert registry.subjects["a:b"][1]["references"] == [
        {"name": "Event", "subject": "events-value", "version": 2}
    ]
    assert {status for status, _ in odd} == {409}


async def test_levels_are_set_and_taken_away(client: Client, registry: SubjectRegistry) -> None:
    wish = {"subject": "events-value", "level": "FULL"}
    real = {"dry_run": False, "confirm": "events-value"}

    tried = await act(client, "set-subject-level", wish)
    await act(client, "set-subject-level", wish | real)
    page = await told(client, "/subjects/events-value")
    await act(client, "set-subject-level", wish | real | {"level": None})
    every = await act(
        client, "set-registry-level", {"level": "NONE", "dry_run": False, "confirm": "NONE"}
    )
    odd = await act(client, "set-registry-level", {"level": "ANY"})

    assert tried[1]["rows"] == [
        {"subject": "events-value", "before": "the registry's", "after": "FULL"}
    ]
    assert page["level"] == "FULL" and registry.levels == {}
    assert every[0] == 200 and registry.level == "NONE" and odd[0] == 400


async def test_what_was_deleted_softly_is_deleted_for_good_after_a_dry_run(
    client: Client, registry: SubjectRegistry
) -> None:
    registry.deleted.add("events-key")
    wish = {"subject": "events-key"}
    real = {"dry_run": False, "confirm": "events-key"}

    page = await (await client.get("/schemas")).text()
    tried = await act(client, "erase-subject", wish)
    still = set(registry.deleted)
    unsure = await act(client, "erase-subject", {**wish, "dry_run": False})
    done = await act(client, "erase-subject", wish | real)
    again = await act(client, "erase-subject", wish | real)
    alive = await act(client, "erase-subject", {"subject": "events-value"})

    assert "Delete a subject for good" in page and "<option>events-key</option>" in page
    assert tried[1]["sentence"].startswith(
        "events-key would be deleted for good with 2 versions: no value"
    )
    assert "Topic events still has" in tried[1]["sentence"]
    assert (unsure[0], still) == (409, {"events-key", "old-value"})
    assert done == (200, {**done[1], "changed": True}) and registry.deleted == {"old-value"}
    assert again[0] == alive[0] == 409 and "softly first" in alive[1]["error"]


async def test_what_would_be_deleted_tells_who_uses_it(
    client: Client, registry: SubjectRegistry
) -> None:
    version = {"subject": "events-value", "version": 2}
    real = {"dry_run": False, "confirm": "events-value"}

    tried = await act(client, "delete-schema-version", version)
    whole = await act(client, "delete-subject", {"subject": "events-value"})
    await act(client, "delete-schema-version", version | real)
    kept = list(registry.subjects["events-value"])
    gone = await act(client, "delete-subject", {"subject": "events-value"} | real)

    assert tried[1]["rows"] == [{"version": 2, "used by": "visits 1"}]
    assert "Topic events is there" in whole[1]["sentence"]
    assert [row["used by"] for row in whole[1]["rows"]] == ["nothing that is known", "visits 1"]
    assert kept == [1] and gone[1]["changed"] and "events-value" in registry.deleted


async def test_a_read_only_dashboard_changes_no_schema(
    tmp_path: Path, registry: SubjectRegistry
) -> None:
    state = made_state(tmp_path, busy_cluster(), schema_registry_url=registry.url, readonly=True)
    await state.poller(None).look()
    async with TestClient(TestServer(Site(state).application())) as client:
        wish = {"subject": "events-value", "dry_run": False, "confirm": "events-value"}
        refused = await act(client, "delete-subject", wish)

    assert refused[0] == 403 and "events-value" in registry.subjects


async def test_names_of_any_kind_have_a_page(client: Client, registry: SubjectRegistry) -> None:
    for name in HOSTILE:
        registry.put(name, json.dumps({"doc": name}), references=[
            {"name": name, "subject": name, "version": 1}
        ])  # fmt: skip
    for name in HOSTILE:
        page = await client.get(link("schemas", name))

        assert page.status == 200, name
        assert "<script>document" not in await page.text()
    assert quote("../../etc/passwd", safe="").replace(".", "%2E") in "".join(registry.asked)


@pytest.mark.parametrize("raw", [b"", b"[", b"[]", b"{}", b'"x"', b"5", b"[[" * 100_000, b"\xff"])
async def test_a_registry_that_answers_nonsense_is_told_so(
    client: Client, registry: SubjectRegistry, raw: bytes
) -> None:
    registry.raw = raw

    pages = [await client.get(at) for at in ("/schemas", "/schemas/events-value")]
    changed = await act(client, "set-subject-level", {"subject": "x", "level": "FULL"})

    assert {page.status for page in pages} <= {200, 404}
    assert changed[0] in (200, 409, 503)


async def test_a_registry_that_is_away_is_told_so(tmp_path: Path) -> None:
    state = made_state(tmp_path, busy_cluster(), schema_registry_url="http://127.0.0.1:1")
    await state.poller(None).look()
    async with TestClient(TestServer(Site(state).application())) as client:
        page = await (await client.get("/schemas")).text()
        one = await (await client.get("/schemas/x")).text()
        api = await client.get("/api/v1/subjects")

    assert "Subjects cannot be shown:" in page and "no program listens at its address" in page
    assert "The subject cannot be shown:" in one
    assert api.status == 503


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        ("orders-value", ("orders", "value")),
        ("a-key-key", ("a-key", "key")),
        ("-value", None),
        ("orders", None),
        ("com.example.Order", None),
    ],
)
def test_a_subject_is_of_a_topic_by_its_name(subject: str, found: object) -> None:
    assert topic_of(subject) == found


def test_what_is_long_is_cut_and_not_compared() -> None:
    long = Version(1, 1, "AVRO", json.dumps(["x"] * 100_000))
    lines = [Version(n, n, "PROTOBUF", f"{n}\n" * 3_000) for n in (1, 2)]

    assert pretty(long).endswith("more letters") and len(pretty(long)) < 210_000
    assert difference(*lines) is None


@pytest.mark.parametrize("body", [None, [], 5, "x", {}, {"version": "1", "id": 1, "schema": "x"}])
def test_what_is_no_schema_is_refused(body: Any) -> None:
    with pytest.raises(ClusterUnavailable):
        model.version(body)


def test_references_that_are_odd_are_told_as_far_as_they_go() -> None:
    body = {"version": 1, "id": 2, "schema": "x", "references": [5, {"name": "a"}, {"version": {}}]}

    found = model.version(body)

    assert [(one.name, one.subject, one.version) for one in found.references] == [
        ("a", "", -1),
        ("", "", -1),
    ]


async def test_the_topic_of_a_subject_shows_where_its_schemas_are(
    tmp_path: Path, registry: SubjectRegistry
) -> None:
    state: State = made_state(tmp_path, busy_cluster(), schema_registry_url=registry.url)
    await state.poller(None).look()
    async with TestClient(TestServer(Site(state).application())) as client:
        page = await (await client.get("/topics/events?tab=config")).text()

    assert 'href="/schemas?q=events"' in page
