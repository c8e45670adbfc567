"""Changes through the API: what is done, what is refused, and what is written down of it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.access.identity import Identity, Role
from dashboard.actions.audit import Audit, Entry
from dashboard.actions.catalogue import ACTIONS
from dashboard.state import State
from dashboard.web import Site
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import HOSTILE, hostile_cluster, made_state
from tracker.kafka_security import Acl
from tracker.topics import TopicPartition

Client = TestClient[web.Request, web.Application]

WISHES: dict[str, dict[str, Any]] = {
    "create-topic": {"topic": "new", "partitions": 2},
    "delete-topic": {"topic": "events", "confirm": "events"},
    "edit-config": {"topic": "events", "configs": {"retention.ms": "5"}, "confirm": "events"},
    "add-partitions": {"topic": "events", "total": 4, "confirm": "events"},
    "delete-records": {"topic": "events", "dry_run": False, "confirm": "events"},
    "reset-offsets": {
        "group": "stopped",
        "topic": "events",
        "to": "earliest",
        "dry_run": False,
        "confirm": "stopped",
    },
    "copy-topic": {"topic": "like-events", "source": "events"},
    "delete-offsets": {
        "group": "stopped",
        "topic": "events",
        "dry_run": False,
        "confirm": "stopped",
    },
    "edit-broker-config": {
        "broker": "1",
        "configs": {"log.retention.ms": "7"},
        "dry_run": False,
        "confirm": "1",
    },
    "delete-group": {"group": "stopped", "confirm": "stopped"},
    "produce-message": {"topic": "events", "key": "k", "value": "v"},
    "create-acls": {
        "principal": "User:ann",
        "resource": "TOPIC",
        "name": "events",
        "operations": ["READ"],
        "dry_run": False,
        "confirm": "User:ann",
    },
    "delete-acl": {
        "principal": "User:bob",
        "resource": "TOPIC",
        "name": "events",
        "pattern": "LITERAL",
        "operation": "WRITE",
        "permission": "ALLOW",
        "host": "*",
        "confirm": "User:bob",
    },
    "put-scram-user": {"user": "ann", "password": "correct horse"},
    "put-connector": {
        "connector": "files",
        "config": {"a": "b"},
        "dry_run": False,
        "confirm": "files",
    },
    **{f"{verb}-connector": {"connector": "files"} for verb in ("pause", "resume", "restart")},
    **{
        f"{verb}-connector": {"connector": "files", "confirm": "files"}
        for verb in ("stop", "delete")
    },
    "restart-task": {"connector": "files", "task": 0},
    "delete-scram-user": {"user": "bob", "mechanism": "SCRAM-SHA-256", "confirm": "bob"},
    "set-quota": {"user": "ann", "limits": {"producer_byte_rate": "1000"}, "dry_run": False},
}


class Asked:
    """A client that brings the CSRF token of its page."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.csrf = ""

    async def act(self, action: str, wish: Any, **headers: str) -> tuple[int, Any]:
        if not self.csrf:
            answer = await self.client.get("/api/v1/actions")
            self.csrf = (await answer.json())["csrf"]
        sent = {"X-CSRF-Token": self.csrf, **headers}
        answer = await self.client.post(f"/api/v1/actions/{action}", json=wish, headers=sent)
        return answer.status, await answer.json()


@pytest.fixture
def cluster() -> MadeCluster:
    return hostile_cluster()


@pytest.fixture
def settings() -> dict[str, object]:
    return {}


@pytest.fixture
def state(tmp_path: Path, cluster: MadeCluster, settings: dict[str, object]) -> State:
    return made_state(tmp_path, cluster, **settings)


@pytest.fixture
def application(state: State) -> web.Application:
    return Site(state).application()


@pytest.fixture
async def asked(application: web.Application, state: State) -> AsyncIterator[Asked]:
    async with TestClient(TestServer(application)) as client:
        await state.poller(None).look()
        yield Asked(client)


@pytest.mark.parametrize(
    "name", [action.name for action in ACTIONS if action.subject != "connector"]
)
async def test_every_action_changes_the_cluster_and_says_so(
    asked: Asked, cluster: MadeCluster, name: str
) -> None:
    status, body = await asked.act(name, WISHES[name])

    assert (status, body["changed"]) == (200, True)
    assert len(cluster.changes) == 1


@pytest.mark.parametrize("name", [action.name for action in ACTIONS if action.confirmed])
async def test_without_the_name_typed_once_more_nothing_is_done(
    asked: Asked, cluster: MadeCluster, name: str
) -> None:
    for confirm in ("", "Events", "stopped "):
        status, body = await asked.act(name, WISHES[name] | {"confirm": confirm})

        assert status == 409 and "confirm" in body["error"]
    assert cluster.changes == []


@pytest.mark.parametrize("settings", [{"readonly": True}])
@pytest.mark.parametrize("name", [action.name for action in ACTIONS])
async def test_read_only_is_enforced_on_the_server(
    asked: Asked, cluster: MadeCluster, name: str
) -> None:
    status, body = await asked.act(name, WISHES[name])

    assert status == 403 and "read-only" in body["error"]
    assert cluster.changes == []


@pytest.mark.parametrize("settings", [{"messages": False}])
async def test_messages_off_takes_producing_with_it(asked: Asked, cluster: MadeCluster) -> None:
    produced, _ = await asked.act("produce-message", WISHES["produce-message"])
    created, _ = await asked.act("create-topic", WISHES["create-topic"])

    assert (produced, created) == (403, 200)
    assert [change[0] for change in cluster.changes] == ["create"]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-CSRF-Token": "guessed"},
        {"X-CSRF-Token": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_request_that_another_site_sent_changes_nothing(
    asked: Asked, cluster: MadeCluster, headers: dict[str, str]
) -> None:
    status, _ = await asked.act("create-topic", WISHES["create-topic"], **headers)

    assert status == 403
    assert cluster.changes == []


async def test_a_form_of_another_site_cannot_be_a_wish(asked: Asked, cluster: MadeCluster) -> None:
    await asked.act("create-topic", {})  # learns the token
    headers = {"X-CSRF-Token": asked.csrf, "Content-Type": "text/plain"}

    answer = await asked.client.post(
        "/api/v1/actions/create-topic", data=b'{"topic":"new"}', headers=headers
    )

    assert answer.status == 415
    assert cluster.changes == []


@pytest.mark.parametrize(
    ("name", "wish"),
    [
        ("create-topic", {}),
        ("create-topic", []),
        ("create-topic", {"topic": "x", "partitons": 3}),
        ("create-topic", {"topic": "x", "partitions": 10**9}),
        ("delete-records", {"topic": "events", "before": -1}),
        ("reset-offsets", {"group": "stopped", "topic": "events", "to": "nowhere"}),
        ("produce-message", {"topic": "events", "key": 5}),
    ],
)
async def test_a_body_that_does_not_fit_is_told_and_not_guessed(
    asked: Asked, cluster: MadeCluster, name: str, wish: Any
) -> None:
    status, body = await asked.act(name, wish)

    assert status == 400 and body["error"]
    assert cluster.changes == []


async def test_a_reset_runs_dry_unless_told_otherwise(asked: Asked, cluster: MadeCluster) -> None:
    wish = {"group": "stopped", "topic": "events", "to": "shift", "offset": 25}

    status, body = await asked.act("reset-offsets", wish)

    assert (status, body["changed"], cluster.changes) == (200, False, [])
    assert body["rows"][0] == {"partition": 0, "before": 10, "after": 35, "lag": 965}


@pytest.mark.parametrize(
    ("wish", "offsets"),
    [
        ({"to": "earliest"}, [0, 0, 0]),
        ({"to": "latest"}, [1000, 1001, 1002]),
        ({"to": "offset", "offset": 10**6}, [1000, 1001, 1002]),
        ({"to": "offset", "offset": -5}, [0, 0, 0]),
        ({"to": "shift", "offset": -100}, [0, 0, 0]),
        ({"to": "time", "time_ms": 1}, [0, 0, 0]),
        ({"to": "time", "time_ms": 2**45}, [1000, 1001, 1002]),
    ],
)
async def test_a_reset_stays_inside_the_log(
    asked: Asked, cluster: MadeCluster, wish: dict[str, Any], offsets: list[int]
) -> None:
    whole = {"group": "stopped", "topic": "events", "dry_run": False, "confirm": "stopped"}

    status, _ = await asked.act("reset-offsets", whole | wish)

    assert status == 200
    assert list(cluster.commits["stopped"].values()) == offsets


async def test_a_group_with_members_is_not_reset_but_may_be_asked_about(
    asked: Asked, cluster: MadeCluster
) -> None:
    wish = {"group": "export", "topic": "events", "to": "latest"}

    dry, told = await asked.act("reset-offsets", wish)
    real, refused = await asked.act("reset-offsets", wish | {"dry_run": False, "confirm": "export"})

    assert dry == 200 and "stop them first" in told["sentence"]
    assert real == 409 and "1 member" in refused["error"]
    assert cluster.changes == []


async def test_records_are_deleted_below_an_offset_and_never_beyond_the_end(
    asked: Asked, cluster: MadeCluster
) -> None:
    wish = {"topic": "events", "partition": 1, "before": 10**9}

    _, dry = await asked.act("delete-records", wish)
    await asked.act("delete-records", wish | {"dry_run": False, "confirm": "events"})

    assert dry["rows"] == [{"partition": 1, "before": 0, "after": 1001, "records": 1001}]
    assert cluster.changes == [("delete records", {TopicPartition("events", 1): 1001})]


async def test_what_the_cluster_cannot_do_is_refused_in_words(asked: Asked) -> None:
    missing, _ = await asked.act("produce-message", {"topic": "typo", "value": "v"})
    there, _ = await asked.act("create-topic", {"topic": "events"})
    fewer, _ = await asked.act(
        "add-partitions", {"topic": "events", "total": 3, "confirm": "events"}
    )
    offline, told = await asked.act("delete-records", {"topic": "broken"})
    own, _ = await asked.act(
        "delete-topic", {"topic": "__consumer_offsets", "confirm": "__consumer_offsets"}
    )

    assert (missing, there, fewer, offline, own) == (409,) * 5
    assert "offline" in told["error"] or "not known" in told["error"]


async def test_a_cluster_that_is_away_answers_503(asked: Asked, cluster: MadeCluster) -> None:
    cluster.away = True

    status, body = await asked.act("create-topic", WISHES["create-topic"])

    assert status == 503 and "made to be away" in body["error"]


async def test_what_was_done_and_refused_stands_in_the_audit_log(
    asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dashboard.audit")

    await asked.act("produce-message", {"topic": "events", "value": "my secret"})
    await asked.act("delete-topic", {"topic": "events"} | {"confirm": "no"})
    for name in HOSTILE:
        await asked.act("delete-group", {"group": name, "confirm": name})

    lines = [record.getMessage().removeprefix("audit ") for record in caplog.records]
    entries = [json.loads(line) for line in lines]
    assert [(e["who"], e["action"], e["outcome"]) for e in entries[:2]] == [
        ("local", "produce-message", "done"),
        ("local", "delete-topic", "refused: not confirmed"),
    ]
    assert "secret" not in lines[0]
    assert [e["subject"] for e in entries[2:]] == list(HOSTILE)
    assert not any("\n" in line for line in lines)


async def test_pages_show_forms_that_the_style_sheet_hides_where_nothing_may_change(
    asked: Asked,
) -> None:
    page = await (await asked.client.get("/topics/events?tab=config")).text()

    assert 'data-can="edit messages admin"' in page
    assert 'data-action="delete-topic"' in page


async def test_audit_entries_reach_their_topic_in_order(state: State) -> None:
    stored: list[bytes] = []
    audit = Audit(state.clock, lambda key, value: stored.append(key))
    for name in ("a", "b"):
        audit.note(Entry(Identity("local", Role.ADMIN), "delete-topic", "local", name, "done"))

    async with asyncio.timeout(50), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(audit.run())
        while len(stored) < 2:
            await asyncio.sleep(0.01)
        running.cancel()

    assert stored == [b"a", b"b"]


async def test_a_dry_run_of_an_acl_says_what_it_means_and_touches(
    asked: Asked, cluster: MadeCluster
) -> None:
    cluster.entries.add(Acl("User:*", "TOPIC", "ev", "PREFIXED", "READ", "DENY"))
    wish = WISHES["create-acls"] | {"operations": ["read", "WRITE"], "dry_run": True}

    status, body = await asked.act("create-acls", wish)

    assert (status, body["changed"], cluster.changes) == (200, False, [])
    assert [row["touches"] for row in body["rows"]] == ["events", "events"]
    assert body["rows"][0]["note"].startswith("denied all the same")
    assert body["rows"][1]["note"] == ""


@pytest.mark.parametrize(
    "change",
    [
        {"operations": ["FLY"]},
        {"operations": ["CREATE_TOKENS"]},
        {"principal": "ann"},
        {"principal": "User:"},
        {"name": ""},
    ],
)
async def test_an_acl_that_means_nothing_is_refused(
    asked: Asked, cluster: MadeCluster, change: dict[str, Any]
) -> None:
    wish = WISHES["create-acls"] | change

    status, _ = await asked.act("create-acls", wish | {"confirm": wish["principal"]})

    assert (status, cluster.changes) == (409, [])


@pytest.mark.parametrize(
    "wish",
    [
        {"limits": {"producer_byte_rate": 5}},
        {"user": "ann", "limits": {"no_such_rate": 5}},
        {"user": "ann", "limits": {"connection_creation_rate": 5}},
        {"user": "ann", "ip": "10.0.0.1", "limits": {"connection_creation_rate": 5}},
        {"user": "ann", "limits": {"producer_byte_rate": "many"}},
        {"user": "ann", "limits": {"producer_byte_rate": -1}},
        {"user": "ann", "limits": {"producer_byte_rate": "nan"}},
    ],
)
async def test_a_quota_that_means_nothing_is_refused(
    asked: Asked, cluster: MadeCluster, wish: dict[str, Any]
) -> None:
    status, _ = await asked.act("set-quota", wish | {"dry_run": False})

    assert (status, cluster.changes) == (409, [])


async def test_a_quota_of_the_default_shows_before_and_after(
    asked: Asked, cluster: MadeCluster
) -> None:
    wish = {"client_id": "<default>", "limits": {"producer_byte_rate": None}, "dry_run": False}

    _, body = await asked.act("set-quota", wish)

    assert body["rows"] == [{"limit": "producer_byte_rate", "before": 1_048_576.0, "after": "none"}]
    assert cluster.limits[(("client-id", None),)] == {}


async def test_a_password_of_scram_is_in_no_log_and_no_answer(
    asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    _, body = await asked.act("put-scram-user", WISHES["put-scram-user"])

    assert "correct horse" not in caplog.text + json.dumps(body)
    assert '"user":"ann"' in caplog.text


async def test_a_topic_like_another_has_its_partitions_and_what_was_set(
    asked: Asked, cluster: MadeCluster
) -> None:
    _, body = await asked.act("copy-topic", WISHES["copy-topic"])

    made = [place for place in cluster.partitions if place.topic == "like-events"]
    assert len(made) == 3
    assert {row["setting"]: row["value"] for row in body["rows"]} == {
        "cleanup.policy": "delete",
        "retention.ms": "86400000",
    }


async def test_offsets_are_deleted_only_after_a_dry_run_showed_them(
    asked: Asked, cluster: MadeCluster
) -> None:
    wish = {"group": "stopped", "topic": "events"}

    _, preview = await asked.act("delete-offsets", wish)
    nothing = await asked.act("delete-offsets", wish | {"topic": "broken"})

    assert cluster.changes == [] and len(preview["rows"]) == 3
    assert preview["rows"][0] == {"partition": 0, "before": 10, "after": None}
    assert nothing[0] == 409


async def test_a_brokers_settings_are_checked_by_it_before_they_change(
    asked: Asked, cluster: MadeCluster
) -> None:
    wish = WISHES["edit-broker-config"] | {"dry_run": True}

    _, body = await asked.act("edit-broker-config", wish)
    everywhere = await asked.act(
        "edit-broker-config",
        wish | {"broker": "default", "dry_run": False, "confirm": "default"},
    )
    unknown = await asked.act("edit-broker-config", wish | {"broker": "7"})

    assert "validate" in cluster.asked
    assert body["rows"] == [{"setting": "log.retention.ms", "before": "5", "after": "7"}]
    assert everywhere[0] == 200 and unknown[0] == 409
    assert cluster.changes == [("broker configs", "", {"log.retention.ms": "7"})]


async def test_a_brokers_secret_is_in_no_preview_no_answer_and_no_audit(
    asked: Asked, cluster: MadeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = {"ssl.keystore.password": "correct horse", "log.retention.ms": "7"}
    wish = WISHES["edit-broker-config"] | {"configs": secret}

    _, preview = await asked.act("edit-broker-config", wish | {"dry_run": True})
    _, done = await asked.act("edit-broker-config", wish)

    assert cluster.changes == [("broker configs", "1", secret)]
    assert "correct horse" not in json.dumps([preview, done]) + caplog.text
    assert '"log.retention.ms":"7"' in caplog.text
