"""Connectors of a worker: told, changed, and never with a secret."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dashboard.connect import client as connect_client
from dashboard.connect.client import ConnectClient, connect_desk
from dashboard.connect.model import HIDDEN, first_line, shown, worker
from dashboard.rest import RestAccess
from dashboard.web import Site
from footfall.settings import SettingsError
from tests.support.connect_worker import REBALANCE, TRACE, ConnectWorker, connect_worker
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import HOSTILE, Client, busy_cluster, made_state
from tracker.clock import SystemClock
from tracker.kafka.admin import ClusterUnavailable

pytestmark = pytest.mark.may_block

SECRET = "correct horse"


@pytest.fixture
def made() -> Iterator[ConnectWorker]:
    with connect_worker() as running:
        running.add("files", "RUNNING", "FAILED", database_password=SECRET, topics="events")
        running.add("idle", state="PAUSED")
        yield running


@pytest.fixture
def cluster() -> MadeCluster:
    return busy_cluster()


@pytest.fixture
def settings(made: ConnectWorker) -> dict[str, object]:
    return {"connect_urls": (made.url,)}


async def act(client: Client, action: str, wish: dict[str, Any]) -> tuple[int, Any]:
    csrf = (await (await client.get("/api/v1/actions")).json())["csrf"]
    headers = {"X-CSRF-Token": csrf}
    answer = await client.post(f"/api/v1/actions/{action}", json=wish, headers=headers)
    return answer.status, await answer.json()


async def test_connectors_tasks_and_the_cause_of_a_failure_are_shown(client: Client) -> None:
    listing = await (await client.get("/connect")).text()
    page = await (await client.get("/connect/files")).text()

    for text in (listing, page):
        assert "1 of 2 tasks failed: java.io.IOException: disk is full" in text
    assert "Connect 4.2.0, 2 connectors" in listing and "Paused, 0 of 0 tasks run" in listing
    assert "Tolerance exceeded" in page


async def test_a_secret_is_in_no_page_no_answer_no_preview_and_no_audit(
    client: Client, made: ConnectWorker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wish = {"connector": "files", "config": {"database.password": SECRET + "2", "tasks.max": "2"}}

    texts = [await (await client.get(at)).text() for at in ("/connect", "/connect/files")]
    texts.append(await (await client.get("/api/v1/connectors")).text())
    _, preview = await act(client, "put-connector", wish)
    _, done = await act(client, "put-connector", wish | {"dry_run": False, "confirm": "files"})

    assert SECRET not in "".join(texts) + json.dumps([preview, done]) + caplog.text
    assert made.configs["files"]["database.password"] == SECRET + "2"
    assert made.configs["files"]["topics"] == "events"
    assert {row["setting"]: row["after"] for row in done["rows"]} == {
        "database.password": HIDDEN,
        "tasks.max": "2",
    }


@pytest.mark.parametrize(
    ("action", "wish", "asked"),
    [
        ("pause-connector", {}, "PUT files pause"),
        ("resume-connector", {}, "PUT files resume"),
        ("stop-connector", {"confirm": "files"}, "PUT files stop"),
        ("restart-connector", {}, "POST files restart includeTasks=true&onlyFailed=true"),
        ("restart-task", {"task": 1}, "POST files 1/restart"),
        ("delete-connector", {"confirm": "files"}, "DELETE files"),
    ],
)
async def test_a_connector_is_steered(
    client: Client, made: ConnectWorker, action: str, wish: dict[str, Any], asked: str
) -> None:
    status, body = await act(client, action, {"connector": "files"} | wish)

    assert (status, body["changed"]) == (200, True)
    assert made.asked == [asked]


async def test_a_change_waits_while_workers_share_out_their_connectors(
    client: Client, made: ConnectWorker
) -> None:
    made.rebalances = 1

    status, body = await act(client, "pause-connector", {"connector": "files"})

    assert (status, body["changed"], made.states["files"]) == (200, True, "PAUSED")


async def test_a_rebalance_that_does_not_end_is_told(
    client: Client, made: ConnectWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect_client, "REBALANCE_S", 0.0)
    made.rebalances = 1_000

    status, body = await act(client, "pause-connector", {"connector": "files"})

    assert (status, body) == (409, {"error": REBALANCE})


async def test_what_the_worker_refuses_is_told_in_its_words(client: Client) -> None:
    wish = {"connector": "new", "config": {"connector.class": "no.Such"}, "dry_run": False}

    refused = await act(client, "put-connector", wish | {"confirm": "new"})
    missing = await act(client, "put-connector", {"connector": "new", "config": {"a": "b"}})
    unknown = await act(client, "pause-connector", {"connector": "none"})
    elsewhere = await act(client, "pause-connector", {"connector": "files", "worker": 7})

    words = "Failed to find any class that implements Connector and which name matches no.Such"
    assert refused == (409, {"error": words})
    assert missing == (409, {"error": "connector.class is missing"})
    assert (unknown[0], elsewhere[0]) == (409, 409)


@pytest.mark.parametrize(
    "words",
    [
        "cannot reach jdbc:postgresql://ann:opensesame@db/x",
        "Could not connect: user=ann&password=opensesame",
        "Invalid value opensesame for configuration database.password: it is too short",
        "Invalid value open opensesame for configuration api.key",
    ],
)
async def test_log_ins_in_a_refusal_are_in_no_answer_and_no_audit(
    client: Client, caplog: pytest.LogCaptureFixture, words: str
) -> None:
    caplog.set_level(logging.DEBUG)
    config = {"connector.class": "x.Y", "refused": words}
    wish = {"connector": "new", "config": config, "dry_run": False, "confirm": "new"}

    status, body = await act(client, "put-connector", wish)

    assert status == 409 and HIDDEN in body["error"]
    assert "opensesame" not in body["error"] + caplog.text
    assert f"failed: {body['error']}" in caplog.text


async def test_connectors_of_any_name_have_their_page(client: Client, made: ConnectWorker) -> None:
    for name in HOSTILE:
        made.add(name, "RUNNING", note=name)

    listing = await (await client.get("/connect")).text()

    assert "<script>document" not in listing
    for name in HOSTILE:
        answer = await client.get("/connect/", params={"name": name})
        assert answer.status == 200 and "<script>document" not in await answer.text()


async def test_a_connector_whose_name_is_a_path_is_asked_for_by_that_name(
    made: ConnectWorker,
) -> None:
    for name in ("..", "a/b?c=d#e", "%2e%2e"):
        made.add(name, "RUNNING")
        ConnectClient(RestAccess(made.url)).steer(name, "pause")

        assert made.states[name] == "PAUSED"


async def test_a_worker_that_is_away_is_told_beside_those_that_answer(
    tmp_path: Path, made: ConnectWorker
) -> None:
    urls = (made.url, "http://127.0.0.1:1")
    state = made_state(tmp_path, busy_cluster(), connect_urls=urls)
    async with TestClient(TestServer(Site(state).application())) as client:
        page = await (await client.get("/connect")).text()
        away = await (await client.get("/connect/files?worker=1")).text()
        told = await (await client.get("/api/v1/connectors")).json()

    assert "The worker does not list its connectors: no program listens" in page and "idle" in page
    assert "cannot be shown" in away
    assert [bool(one["trouble"]) for one in told] == [False, True]


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("database.password", True),
        ("sasl.jaas.config", True),
        ("aws.secret.access.key", True),
        ("ssl.key.password", True),
        ("basic.auth.user.info", True),
        ("api_key", True),
        ("key.converter", False),
        ("key.converter.schemas.enable", False),
        ("value.converter.basic.auth.user.info", True),
        ("transforms.k.type", False),
        ("pk.mode", False),
        ("topics", False),
        ("monkey", False),
    ],
)
def test_what_a_name_calls_a_secret_is_hidden(name: str, hidden: bool) -> None:
    assert (shown(name, "value") == HIDDEN) == hidden


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("https://u:p@db:5432/x", "https://hidden@db:5432/x"),
        ("mongodb://u:p@ss@db/x", "mongodb://hidden@db/x"),
        (
            "jdbc:postgresql://db/x?user=u&password=p@ss&ssl=on",
            "jdbc:postgresql://db/x?user=u&password=hidden&ssl=on",
        ),
        (
            "jdbc:sqlserver://db;Password=p;encrypt=true",
            "jdbc:sqlserver://db;Password=hidden;encrypt=true",
        ),
        (
            'Login required username="u" password="p q";',
            'Login required username="u" password=hidden;',
        ),
        ("a,b=c", "a,b=c"),
    ],
)
def test_a_log_in_within_a_value_is_hidden(value: str, seen: str) -> None:
    assert shown("connection.url", value) == seen


def test_a_log_in_within_a_trace_is_hidden() -> None:
    trace = "SQLException: no answer of jdbc:mysql://db/x?user=u&password=correct"
    status = {"connector": {"state": "FAILED", "trace": trace}, "tasks": [{"trace": trace}]}

    found = worker({}, {"db": {"status": status}}).connectors[0]

    assert "correct" not in repr(found) and "no answer of jdbc:mysql://db/x" in found.sentence


def test_the_root_of_a_trace_is_its_sentence() -> None:
    assert first_line(TRACE) == "java.io.IOException: disk is full"
    assert first_line("") == "it does not say why"


@pytest.mark.parametrize("body", [[], None, "x", 5])
def test_what_is_no_worker_is_told_so(body: Any) -> None:
    with pytest.raises(ClusterUnavailable, match="no Kafka Connect worker"):
        worker({}, body)


@pytest.mark.parametrize("url", ["ftp://x", "x:8083", "http://u:p@x:8083"])
def test_an_address_that_is_none_stops_the_start(url: str) -> None:
    with pytest.raises(SettingsError):
        connect_desk((url,), "", "", SystemClock())


@pytest.mark.parametrize("odd", [5, "x", {"a": 1}, None])
def test_tasks_that_are_no_list_are_none(odd: Any) -> None:
    assert worker({}, {"db": {"status": {"tasks": odd}}}).connectors[0].tasks == ()
