"""Agents at /mcp, by the official client over the wire: both eras, rights, bounds, counting."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from mcp.client import Client as McpClient
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from dashboard.access.guard import COOKIE
from dashboard.api.openapi import document
from dashboard.mcp import endpoint
from dashboard.mcp.tools import tools
from dashboard.state import State
from dashboard.web import Site, metrics_text
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import HOSTILE, hostile_cluster, made_state

pytestmark = pytest.mark.may_block

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def cluster() -> MadeCluster:
    return hostile_cluster()


@pytest.fixture
def settings() -> dict[str, object]:
    return {"sign_in": "on"}


@pytest.fixture
async def state(tmp_path: Path, cluster: MadeCluster, settings: dict[str, object]) -> State:
    state = made_state(tmp_path, cluster, **settings)
    state.household.accounts.first_password()
    await state.poller(None).look()
    return state


@pytest.fixture
async def client(state: State) -> AsyncIterator[Client]:
    async with TestClient(TestServer(Site(state).application())) as made:
        yield made


def token(state: State, *scopes: str) -> dict[str, str]:
    text = state.household.accounts.add_token("-".join(scopes), scopes, 0)
    return {"Authorization": f"Bearer {text}"}


def said(result: CallToolResult) -> str:
    """What a model reads."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def agent(client: Client, http: httpx2.AsyncClient, mode: Any = "auto") -> McpClient:
    url = str(client.make_url("/mcp"))
    return McpClient(streamable_http_client(url, http_client=http), mode=mode)


def asked(method: str, **params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
async def test_the_official_client_looks_at_everything_in_both_eras(
    client: Client, state: State, mode: str, version: str
) -> None:
    async with (
        httpx2.AsyncClient(headers=token(state, "read")) as http,
        agent(client, http, mode) as someone,
    ):
        told = {tool.name: tool for tool in (await someone.list_tools()).tools}
        health = await someone.call_tool("health", {})
        group = await someone.call_tool("group", {"name": "stopped"})
        topics = await someone.call_tool("topics", {"q": "EVEN", "limit": 1})
        series = await someone.call_tool("history", {"s": ["cluster.in"], "range": "5m"})
        agreed = someone.protocol_version

    assert agreed == version
    assert {"health", "clusters", "topic_messages", "activity", "alerts"} <= told.keys()
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in told.values())
    assert health.structured_content["health"]["problems"]
    assert group.structured_content["state"] == "stopped"
    assert [row["name"] for row in topics.structured_content["rows"]] == ["events"]
    assert series.structured_content["series"].keys() == {"cluster.in"}
    assert not any(one.is_error for one in (health, group, topics, series))


async def test_a_week_of_history_of_many_series_is_short_enough_to_be_read(
    client: Client, state: State
) -> None:
    poller, now_ms = state.poller(None), state.clock.now_ms()
    names = [f"topic.in:{number}" for number in range(20)]
    for name in names:
        for minute in range(0, 7 * 1440, 60):
            poller.history.add(name, now_ms - (7 * 1440 - minute) * 60_000, minute / 7)
    message = asked("tools/call", name="history", arguments={"s": names, "range": "7d"})

    answer = await client.post("/mcp", json=message, headers=token(state, "read"))

    text = await answer.text()
    result = json.loads(text)["result"]
    assert not result["isError"], result
    assert 100 < len(result["structuredContent"]["t"]) <= 121
    assert len(result["content"][0]["text"]) < 30_000


def test_numbers_are_told_to_be_numbers() -> None:
    properties = tools()["topic_messages"].schema["properties"]

    assert {properties[name]["type"] for name in ("partition", "offset", "rows")} == {"integer"}
    assert tools()["topics"].schema["properties"]["limit"]["type"] == "integer"
    assert tools()["history"].schema["properties"]["points"]["default"] == 120


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_group_of_any_name_is_told(client: Client, state: State, name: str) -> None:
    message = asked("tools/call", name="group", arguments={"name": name})

    answer = await client.post("/mcp", json=message, headers=token(state, "read"))

    result = (await answer.json())["result"]
    assert result["structuredContent"]["group_id"] == name
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


async def test_what_changes_something_needs_the_scope_of_its_action(
    client: Client, state: State, cluster: MadeCluster
) -> None:
    wish = {"topic": "broken", "confirm": "broken"}

    async with (
        httpx2.AsyncClient(headers=token(state, "read")) as http,
        agent(client, http) as looker,
    ):
        refused = await looker.call_tool("delete_topic", wish)
    async with (
        httpx2.AsyncClient(headers=token(state, "write")) as http,
        agent(client, http) as editor,
    ):
        offered = {tool.name for tool in (await editor.list_tools()).tools}
        unconfirmed = await editor.call_tool("delete_topic", {"topic": "broken", "confirm": ""})
        done = await editor.call_tool("delete_topic", wish)

    assert refused.is_error and "role editor" in said(refused)
    assert "delete_topic" in offered and "create_acls" not in offered  # that one is for admins
    assert unconfirmed.is_error and "confirm" in said(unconfirmed)
    assert not done.is_error and "broken" not in {place.topic for place in cluster.partitions}


async def test_a_dry_run_says_what_would_be_and_changes_nothing(
    client: Client, state: State, cluster: MadeCluster
) -> None:
    before = dict(cluster.commits["stopped"])
    wish = {"group": "stopped", "topic": "events", "to": "earliest"}

    async with (
        httpx2.AsyncClient(headers=token(state, "write")) as http,
        agent(client, http) as editor,
    ):
        found = await editor.call_tool("reset_offsets", wish)

    assert found.structured_content["rows"] and not found.structured_content["changed"]
    assert cluster.commits["stopped"] == before


async def test_without_a_token_nobody_gets_in_and_a_cookie_is_none(
    client: Client, state: State
) -> None:
    cookies = {COOKIE: state.guard.sessions.start("admin")}
    signed_in = await client.get("/api/v1/topics", cookies=cookies)
    answer = await client.post("/mcp", json=asked("tools/list"), cookies=cookies)
    page = await client.get("/mcp", allow_redirects=False)
    elsewhere = await client.get("/.well-known/oauth-protected-resource", allow_redirects=False)

    assert signed_in.status == 200
    assert (answer.status, page.status, elsewhere.status) == (401, 401, 404)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("settings", [{"sign_in": "off"}])
async def test_on_this_machine_an_agent_may_look_without_a_token_and_no_more(
    client: Client,
) -> None:
    wish = {"topic": "broken", "confirm": "broken"}

    listed = await client.post("/mcp", json=asked("tools/list"))
    act = await client.post("/mcp", json=asked("tools/call", name="delete_topic", arguments=wish))

    names = {tool["name"] for tool in (await listed.json())["result"]["tools"]}
    assert "health" in names and "delete_topic" not in names
    assert (await act.json())["result"]["isError"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Accept": "text/html"}, 406),
        ({"MCP-Protocol-Version": "1999-01-01"}, 400),
        ({"MCP-Protocol-Version": "2025-06-18"}, 200),
    ],
)
async def test_other_origins_kinds_and_versions_are_refused(
    client: Client, state: State, headers: dict[str, str], status: int
) -> None:
    sent = {"Content-Type": "application/json", **token(state, "read"), **headers}

    answer = await client.post("/mcp", data=json.dumps(asked("ping")), headers=sent)

    assert answer.status == status
    assert answer.content_type == "application/json"


@pytest.mark.parametrize("settings", [{"sign_in": "off"}])
async def test_a_host_name_that_is_not_ours_is_refused(client: Client) -> None:
    answer = await client.post("/mcp", json=asked("ping"), headers={"Host": "evil.example"})

    assert answer.status == 421


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * (endpoint.BODY_BYTES_MAX + 1), 413),
        (b"[" * 100_000, 400),
        (b"\xff", 400),
        (b"[]", 400),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', 400),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', 400),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', 400),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', 400),
        (b'{"jsonrpc":"2.0","method":"notifications/initialized"}', 202),
    ],
)
async def test_odd_and_oversized_messages_are_answered_by_what_is_wrong(
    client: Client, state: State, body: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json", **token(state, "read")}

    answer = await client.post("/mcp", data=body, headers=headers)

    assert answer.status == status


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("topic", {}, "name is missing"),
        ("topic", {"name": "events", "nope": 1}, "no argument 'nope'"),
        ("topic", {"name": {"a": 1}}, "is a text"),
        ("topic", {"name": "x" * 3_000}, "more than 2000 letters"),
        ("topic", {"name": "not there"}, "no topic"),
        ("history", {"s": ["cluster.in"] * 21}, "at most 20"),
        ("health", {"cluster": "nowhere"}, "no cluster"),
        ("create_topic", {"topic": 5}, "Expected `str`"),
        ("create_topic", {"topic": "x", "cluster": 5}, "cluster is a text"),
    ],
)
async def test_wrong_arguments_are_told_to_the_agent_in_a_sentence(
    client: Client, state: State, name: str, arguments: object, why: str
) -> None:
    message = asked("tools/call", name=name, arguments=arguments)

    answer = await client.post("/mcp", json=message, headers=token(state, "write"))

    result = (await answer.json())["result"]
    assert result["isError"] and why in result["content"][0]["text"]


async def test_an_answer_that_is_too_long_says_how_to_ask_for_less(
    client: Client, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "ANSWER_LETTERS_MAX", 100)

    message = asked("tools/call", name="topic", arguments={"name": "events"})
    answer = await client.post("/mcp", json=message, headers=token(state, "read"))

    result = (await answer.json())["result"]
    assert result["isError"] and "ask for less" in result["content"][0]["text"]


@pytest.mark.parametrize("settings", [{"sign_in": "on", "messages": False}])
async def test_the_switch_for_messages_holds_for_agents(client: Client, state: State) -> None:
    message = asked("tools/call", name="topic_messages", arguments={"name": "events"})

    answer = await client.post("/mcp", json=message, headers=token(state, "read"))

    result = (await answer.json())["result"]
    assert result["isError"] and "switched off" in result["content"][0]["text"]


@pytest.mark.parametrize("settings", [{"sign_in": "on", "mcp": False}])
async def test_switched_off_there_is_nothing(client: Client, state: State) -> None:
    answer = await client.post("/mcp", json=asked("ping"), headers=token(state, "read"))

    assert answer.status == 404


async def test_calls_are_counted_by_tool_and_outcome(client: Client, state: State) -> None:
    headers = token(state, "read")
    for name in ("health", "health", "delete_topic", "<script>"):
        await client.post("/mcp", json=asked("tools/call", name=name), headers=headers)

    text = metrics_text(state)

    assert 'footfall_mcp_calls_total{tool="health",outcome="done"} 2' in text
    assert 'footfall_mcp_calls_total{tool="delete_topic",outcome="refused"} 1' in text
    assert 'footfall_mcp_calls_total{tool="unknown",outcome="refused"} 1' in text
    assert 'tool="<script>' not in text


async def test_calls_beyond_the_bound_are_asked_to_come_again(client: Client, state: State) -> None:
    state.agent_calls.under_way = endpoint.AT_ONCE

    message = asked("tools/call", name="health")
    answer = await client.post("/mcp", json=message, headers=token(state, "read"))

    assert (await answer.json())["result"]["isError"]


def test_descriptions_are_one_line_and_speak_of_dry_runs_only_where_there_are() -> None:
    for tool in tools().values():
        assert "\n" not in tool.description, tool.name
        assert "dry run" not in tool.description or "dry_run" in tool.schema["properties"]


def test_every_json_answer_and_every_action_is_a_tool_but_accounts() -> None:
    paths = document()["paths"]
    json_reads = {
        path
        for path, body in paths.items()
        if "application/json"
        in body.get("get", {}).get("responses", {"200": {"content": ""}})["200"]["content"]
        and not path.endswith(".json")
    }
    actions = {path.removeprefix("/actions/") for path in paths if path.startswith("/actions/")}

    all_tools = tools().values()

    assert {tool.path for tool in all_tools if tool.change is None} == json_reads - {"/actions"}
    changed = {tool.change.name for tool in all_tools if tool.change is not None}
    assert actions - changed == {
        *("put-user", "delete-user", "create-token", "delete-token"),
        *("create-link", "delete-link"),
    }
    assert all(len(tool.name) <= 64 and tool.name.isidentifier() for tool in all_tools)
