"""Offsets, plugins, loggers and mistakes in settings, as a worker tells them."""

from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.connect.details import errors, loggers, offsets, plugin_list, said
from tests.support.connect_worker import ConnectWorker, connect_worker
from tests.support.dashboard_actions import Asked
from tests.support.made_dashboard import Client
from tracker.kafka.admin import ClusterUnavailable

pytestmark = pytest.mark.may_block

PLACE = {"kafka_topic": "events", "kafka_partition": 0}
AT = {"partition": PLACE, "offset": {"kafka_offset": 7}}
REAL = {"connector": "files", "dry_run": False, "confirm": "files"}


@pytest.fixture
def made() -> Iterator[ConnectWorker]:
    with connect_worker() as running:
        running.add("files", "RUNNING")
        running.offsets["files"] = [AT]
        yield running


@pytest.fixture
def settings(made: ConnectWorker) -> dict[str, object]:
    return {"connect_urls": (made.url,)}


@pytest.fixture
def asked(client: Client) -> Asked:
    return Asked(client)


async def test_offsets_are_shown_and_changed_only_while_it_is_stopped(
    client: Client, asked: Asked, made: ConnectWorker
) -> None:
    wish = {"connector": "files", "offsets": [{"partition": PLACE, "offset": {"kafka_offset": 3}}]}

    page = await (await client.get("/connect/files")).text()
    tried = await asked.act("alter-connector-offsets", wish)
    refused = await asked.act("alter-connector-offsets", wish | REAL)
    made.states["files"] = "STOPPED"
    done = await asked.act("alter-connector-offsets", wish | REAL)
    after = await (await client.get("/connect/files")).text()

    assert "{&#34;kafka_offset&#34;: 7}" in page and "{&#34;kafka_offset&#34;: 3}" in after
    assert tried[1]["sentence"] == "1 offset of files would change. It is RUNNING: stop it first."
    assert tried[1]["rows"][0] | {"partition": ""} == {
        "partition": "",
        "before": '{"kafka_offset": 7}',
        "after": '{"kafka_offset": 3}',
    }
    assert refused[0] == 409 and "STOPPED" in refused[1]["error"]
    assert done[0] == 200 and made.offsets["files"] == wish["offsets"]


async def test_all_offsets_are_forgotten_after_a_dry_run(asked: Asked, made: ConnectWorker) -> None:
    made.states["files"] = "STOPPED"

    tried = await asked.act("reset-connector-offsets", {"connector": "files"})
    unnamed = await asked.act("reset-connector-offsets", {"connector": "files", "dry_run": False})
    done = await asked.act("reset-connector-offsets", REAL)

    assert tried[1]["sentence"] == "files would forget 1 offset, and begin anew."
    assert (unnamed[0], done[1]["changed"]) == (409, True) and made.offsets["files"] == []


@pytest.mark.parametrize("odd", ["x", [], [{"partition": {}}], [{"partition": {}, "offset": 1}]])
async def test_offsets_that_are_none_are_refused(asked: Asked, odd: object) -> None:
    status, _ = await asked.act("alter-connector-offsets", {"connector": "files", "offsets": odd})

    assert status == 400


async def test_a_worker_tells_its_plugins_and_loggers(
    client: Client, asked: Asked, made: ConnectWorker
) -> None:
    page = await (await client.get("/connect-workers/0")).text()
    wish = {"logger": "org.apache.kafka", "level": "TRACE"}
    done = await asked.act("set-connect-logger", wish)
    narrowed = await (await client.get("/connect-workers/0?q=apache")).text()
    missing = [
        await client.get(f"/connect-workers/{name}") for name in ("1", "x", "²", "9" * 5_000)
    ]

    assert "x.JsonConverter" in page and "converter" in page and "a.b" in page
    assert done[0] == 200 and made.loggers["org.apache.kafka"] == "TRACE"
    assert "org.apache.kafka" in narrowed and "a.b" not in narrowed
    assert {answer.status for answer in missing} == {404}


async def test_offsets_plugins_and_loggers_are_json_as_well(
    client: Client, asked: Asked, made: ConnectWorker
) -> None:
    made.offsets["odd/name"] = []
    made.add("odd/name", "RUNNING")

    offsets = await client.get("/api/v1/connectors/files/offsets")
    odd = await client.get("/api/v1/connectors//offsets?name=odd/name")
    worker = await client.get("/api/v1/connect-workers/0?q=A.b")

    assert await offsets.json() == {
        "connector": "files",
        "state": "RUNNING",
        "offsets": [AT],
        "total": 1,
    }
    assert (await odd.json())["connector"] == "odd/name"
    assert await worker.json() == {
        "worker": made.url,
        "plugins": [
            {"name": "x.JsonConverter", "kind": "converter", "version": "4.2.0"},
            {"name": "x.FileSink", "kind": "sink", "version": "4.2.0"},
        ],
        "loggers": {"a.b": "DEBUG"},
    }


@pytest.mark.parametrize(
    "address",
    (
        *("connectors/none/offsets", "connectors/files/offsets?worker=1"),
        *("connect-workers/1", "connect-workers/x", "connect-workers/"),
    ),
)
async def test_what_no_worker_has_is_404_in_json(client: Client, address: str) -> None:
    answer = await client.get(f"/api/v1/{address}")

    assert answer.status == 404
    assert "There is no" in (await answer.json())["error"]


async def test_a_worker_that_is_too_old_for_offsets_is_a_refusal(
    client: Client, made: ConnectWorker
) -> None:
    """Before KIP-875 it knows no such address."""
    await client.get("/api/v1/connectors")  # what it has is known from now on
    del made.configs["files"]

    answer = await client.get("/api/v1/connectors/files/offsets")

    assert answer.status == 409


async def test_a_dry_run_asks_the_plugin_what_is_wrong(asked: Asked, made: ConnectWorker) -> None:
    wish = {"connector": "files", "config": {"tasks.max": "x"}}
    right = await asked.act("put-connector", wish)
    made.mistakes = {
        "tasks.max": "Invalid value x for configuration tasks.max: Not a number",
        "db.password": "Invalid value correct for configuration db.password: too short",
    }

    _, wrong = await asked.act("put-connector", wish)

    assert "finds its settings right" in right[1]["sentence"]
    assert wrong["sentence"] == "files would be refused: 2 settings wrong."
    assert {row["setting"]: row["wrong"] for row in wrong["rows"]}["tasks.max"].endswith("a number")
    assert "correct" not in str(wrong)


@pytest.mark.parametrize("body", [None, [], 5, "x", {"offsets": 5}])
def test_what_are_no_offsets_is_told_so(body: Any) -> None:
    with pytest.raises(ClusterUnavailable, match="something else than offsets"):
        offsets(body)


@pytest.mark.parametrize("odd", [None, 5, "x", [5], {"configs": [5, {"value": 5}]}, {"a": 5}])
def test_odd_answers_are_taken_as_far_as_they_go(odd: Any) -> None:
    assert (loggers(odd), errors(odd), said(odd)) == ((), {}, "")
    assert offsets({"offsets": [odd, {"partition": {}, "offset": odd}]}).total == 2
    if not isinstance(odd, list):
        with pytest.raises(ClusterUnavailable):
            plugin_list(odd)
