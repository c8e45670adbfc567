"""Whoever sees less gets nothing of the rest, by any route that there is, in whatever way."""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from aiohttp import ClientTimeout, web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.actions.catalogue import ACTIONS
from dashboard.actions.commands import COMMANDS
from dashboard.alerts.engine import Alert
from dashboard.config import RightsConfig
from dashboard.identity import Identity, Role
from dashboard.limited import seen
from dashboard.mcp.tools import tools
from dashboard.rights.gate import shows_page
from dashboard.rights.rules import rights
from dashboard.site_map import PAGES
from dashboard.state import State
from dashboard.web import Site
from tests.support.copies import keep_copies, made_copy
from tests.support.made_cluster import MadeCluster, MadePartition
from tests.support.made_dashboard import busy_cluster, made_state
from tracker.reports.crowds import Crowd
from tracker.topics import TopicPartition

pytestmark = pytest.mark.may_block

Client = TestClient[web.Request, web.Application]

TOPIC, GROUP = "topic-xyzzy", "group-xyzzy"
NEVER = "never-plugh"
CLOSED = ("/audit", "/pipeline", "/brokers/", "/metrics", "/security", "/schemas")
HIDDEN = "xyzzy"
NAMES = [action.name for action in ACTIONS] + [command.name for command in COMMANDS]


@pytest.fixture
def cluster() -> MadeCluster:
    """With a hidden topic, a hidden group, and a seen group that reads both kinds."""
    made = busy_cluster()
    made.add_topic(TOPIC, MadePartition(leader=-1, isr=()), MadePartition(end=1_000))
    places = [TopicPartition(TOPIC, 1), TopicPartition("events", 0)]
    made.add_group(GROUP, dict.fromkeys(places, 10), places)
    made.add_group("stopped", {**made.commits["stopped"], places[0]: 5})
    return made


@pytest.fixture
def rule() -> RightsConfig:
    return RightsConfig(
        who=("role:viewer", "role:editor"),
        topics="events|broken",
        groups="export|stopped",
        actions=("*",),
    )


@pytest.fixture
async def state(tmp_path: Path, cluster: MadeCluster, rule: RightsConfig) -> State:
    keep_copies(tmp_path, made_copy(1, "events", "broken"), made_copy(2, "events", TOPIC))
    state = made_state(tmp_path, cluster, sign_in="on", rights=rights({"some": rule}, NAMES))
    state.household.accounts.first_password()
    await state.poller(None).look()
    state.crowds.seen = [Crowd(f"site-{HIDDEN}", 9, None)]
    for labels in ({"topic": TOPIC}, {"consumergroup": GROUP}, {"topic": "events"}):
        found = {"kafka_cluster": "local", **labels}
        alert = Alert("Made", "warning", found, f"about {labels}", "", 1.0, 0, 0)
        state.alerts.engine.active[alert.key] = alert
        state.alerts.silences.add(labels, 2**45, "ann", "")
    return state


@pytest.fixture
async def application(state: State) -> web.Application:
    return Site(state).application()


@pytest.fixture
async def client(application: web.Application) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application)) as made:
        yield made


def bearer(state: State, scope: str) -> dict[str, str]:
    text = state.household.accounts.add_token(scope, (scope,), 0)
    return {"Authorization": f"Bearer {text}"}


def addresses(application: web.Application, name: str) -> Iterable[str]:
    """Every GET address there is: names filled in, all pages, tabs, lists, series and files."""
    for resource in application.router.resources():
        if not any(route.method == "GET" for route in resource):
            continue
        shape = resource.canonical
        if shape == "/{path}":
            yield from (
                page.path + (quote(name) if page.path[-1:] == "/" else "") for page in PAGES
            )
        elif shape not in ("/static/{name}", "/mcp"):
            yield shape.replace("{name}", quote(name))
    tabs = ("partitions", "consumers", "messages", "config")
    yield from (f"/topics/{quote(name)}?tab={tab}" for tab in tabs)
    series = [f"{kind}:{name}" for kind in ("topic.in", "group.lag", "group.seconds", "group.out")]
    yield "/api/v1/history?" + urlencode([("s", one) for one in [*series, "cluster.in"]])
    yield "/topics?q=y&internal=1&only=trouble"
    yield "/security?tab=users"
    yield f"/api/stream?page={quote('/groups/' + name)}"
    yield f"/api/stream?page={quote('/topics')}"
    yield "/api/stream?page=/audit"


async def told(client: Client, address: str, headers: dict[str, str]) -> tuple[int, str]:
    """The answer; of a stream what comes at once."""
    timeout = ClientTimeout(total=30)
    async with client.get(address, headers=headers, timeout=timeout) as answer:
        if answer.content_type == "text/event-stream":
            text = ""
            while "data:" not in text and ": nothing new" not in text:
                part = await answer.content.readany()
                if not part:
                    break
                text += part.decode()
            return answer.status, text
        return answer.status, await answer.text()


async def test_no_route_tells_of_what_is_hidden(
    client: Client, application: web.Application, state: State
) -> None:
    """Of a hidden name is said what is said of one that never was."""
    viewer = bearer(state, "read")
    all_of = dict(zip(addresses(application, TOPIC), addresses(application, NEVER), strict=True))

    for hidden, never in all_of.items():
        status, text = await told(client, hidden, viewer)
        expected, _ = await told(client, never, viewer)

        assert status == expected < 500, hidden
        assert HIDDEN not in text.replace(TOPIC, "") or status < 400, hidden
        if status == 200:
            asked = "page=/groups/" in hidden or TOPIC in hidden
            assert asked or HIDDEN not in text, hidden


async def test_hidden_topics_and_groups_are_404_and_absent_from_lists(
    client: Client, state: State
) -> None:
    viewer = bearer(state, "read")

    for address in (f"/topics/{TOPIC}", f"/groups/{GROUP}", "/audit", "/security", "/connect"):
        assert (await told(client, address, viewer))[0] == 404, address
        assert (await told(client, f"/api/v1{address}", viewer))[0] == 404, address
    for address in ("/topics", "/groups", "/", "/alerts", "/cluster", "/groups/stopped"):
        status, text = await told(client, address, viewer)
        assert status == 200 and HIDDEN not in text, address
        assert "[rights.some]" in text, address  # it says that this is not all
        for closed in CLOSED:
            assert f'href="{closed}' not in text, (address, closed)


async def test_the_first_page_draws_topics_that_are_seen_until_their_sum_is_known(
    client: Client, state: State
) -> None:
    viewer = bearer(state, "read")
    _, before = await told(client, "/", viewer)
    state.poller(None).history.add("topic.in:events", state.clock.now_ms(), 3.0)
    _, after = await told(client, "/", viewer)

    assert "topic.in:events" in before and "cluster.in" not in before
    assert "cluster.in" in after and "topic.in:" not in after


async def test_the_walk_would_find_what_is_hidden(
    client: Client, application: web.Application, state: State
) -> None:
    """Administrators see it in many places, or the test above would prove nothing."""
    admin = bearer(state, "admin")

    found = [
        address
        for address in addresses(application, NEVER)
        if HIDDEN in (await told(client, address, admin))[1]
    ]

    assert len(found) > 10


async def test_sums_and_verdicts_are_of_what_is_seen(client: Client, state: State) -> None:
    viewer = bearer(state, "read")

    cluster = json.loads((await told(client, "/api/v1/cluster", viewer))[1])
    group = json.loads((await told(client, "/api/v1/groups/stopped", viewer))[1])
    health = json.loads((await told(client, "/api/v1/health", viewer))[1])

    assert (cluster["topics"], cluster["partitions"], cluster["groups"]) == (2, 4, 2)
    assert {part["topic"] for part in group["partitions"]} == {"events"}
    assert {one["name"] for one in health["health"]["problems"]} <= {"broken", "stopped", "export"}


async def test_agents_see_no_more_than_pages(client: Client, state: State) -> None:
    editor = bearer(state, "write")

    async def call(tool_name: str, **arguments: Any) -> dict[str, Any]:
        params = {"name": tool_name, "arguments": arguments}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        answer = await client.post("/mcp", json=body, headers=editor)
        found: dict[str, Any] = (await answer.json())["result"]
        return found

    for tool in tools().values():
        if tool.change is None:
            needed = {name: TOPIC for name in tool.schema["required"]}
            text = json.dumps(await call(tool.name, **needed))
            assert HIDDEN not in text.replace(TOPIC, ""), tool.name
            assert needed or HIDDEN not in text, tool.name
    listed = await client.post(
        "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=editor
    )
    names = {tool["name"] for tool in (await listed.json())["result"]["tools"]}
    assert "topics" in names and not names & {"audit", "acls", "connectors", "quotas"}
    assert "delete_topic" in names and not names & {"set_quota", "delete_connector", "end_silence"}
    assert not names & {"connector_offsets", "connect_worker"}
    assert (await call("topic", name=TOPIC))["isError"]
    assert not (await call("topic", name="events"))["isError"]
    assert (await call("delete_topic", topic=TOPIC, confirm=TOPIC))["isError"]


@pytest.mark.parametrize(
    ("action", "wish", "status"),
    [
        ("delete-topic", {"topic": TOPIC, "confirm": TOPIC}, 403),
        ("delete-topic", {"topic": NEVER, "confirm": NEVER}, 403),
        ("copy-topic", {"topic": "events", "source": TOPIC}, 403),
        ("delete-group", {"group": GROUP, "confirm": GROUP}, 403),
        ("reset-offsets", {"group": "stopped", "topic": TOPIC, "to": "earliest"}, 403),
        ("reset-offsets", {"group": "stopped", "topic": "events", "to": "earliest"}, 200),
        ("produce-message", {"topic": TOPIC, "value": "x"}, 403),
        ("silence-alerts", {"labels": {"topic": TOPIC}, "minutes": 1}, 403),
        ("silence-alerts", {"labels": {"alertname": "Made"}, "minutes": 1}, 403),
        ("silence-alerts", {"labels": {"topic": "events"}, "minutes": 1}, 200),
        ("set-quota", {"user": "bob", "limits": {"request_percentage": 50}}, 403),
    ],
)
async def test_changes_reach_only_what_is_seen(
    client: Client, state: State, action: str, wish: dict[str, Any], status: int
) -> None:
    headers = bearer(state, "write")

    answer = await client.post(f"/api/v1/actions/{action}", json=wish, headers=headers)

    assert answer.status == status, await answer.text()


RULES = [  # and what /audit answers
    (RightsConfig(who=("everybody",), topics=".*", groups=".*"), 404),
    (RightsConfig(who=("everybody",), whole_clusters=True), 200),
    (RightsConfig(who=("everybody",), whole_clusters=True, clusters="loc.*"), 404),
    (RightsConfig(who=("user:somebody-else",), whole_clusters=True), 403),
]


@pytest.mark.parametrize(("rule", "status"), RULES)
async def test_a_refusal_leads_nowhere_that_is_refused_as_well(
    client: Client, state: State, rule: RightsConfig, status: int
) -> None:
    found, text = await told(client, "/topics/not-there", bearer(state, "read"))

    sees, whole = status != 403, status == 200
    assert found == (404 if sees else 403)
    assert ('href="/topics"' in text) == ('href="/"' in text.partition("<main")[2]) == sees
    for closed in ("/pipeline", "/security"):
        assert (f'href="{closed}"' in text) == (rule.whole_clusters and sees), closed
    assert ('href="/audit"' in text) == whole
    assert 'href="/metrics"' not in text


@pytest.mark.parametrize(("rule", "status"), RULES)
async def test_what_tells_of_all_clusters_needs_a_rule_that_says_so(
    client: Client, state: State, status: int
) -> None:
    found, _ = await told(client, "/audit", bearer(state, "read"))

    assert found == status


@pytest.mark.parametrize(
    "rule", [RightsConfig(who=("role:viewer",), topics="events", messages=False)]
)
async def test_messages_may_be_kept_from_those_who_see_a_topic(
    client: Client, state: State
) -> None:
    viewer = bearer(state, "read")

    page = await told(client, "/topics/events?tab=messages", viewer)
    found = [
        (await told(client, f"/api/v1/topics/events/{what}", viewer))[0]
        for what in ("messages", "messages.csv", "tail")
    ]

    assert page[0] == 200 and "may not look into messages" in page[1]
    assert found == [403, 403, 403]


@pytest.mark.parametrize(
    "rule",
    [
        RightsConfig(who=("role:viewer",), topics=".*", groups="export"),
        RightsConfig(who=("role:viewer",), topics=".*", groups=".*", clusters="loc.*"),
    ],
)
async def test_topics_that_name_all_groups_or_all_changes_keep_their_messages(
    client: Client, state: State, cluster: MadeCluster, rule: RightsConfig
) -> None:
    cluster.add_topic("footfall.audit", MadePartition(end=5))
    await state.poller(None).look()
    viewer = bearer(state, "read")

    groups = await told(client, "/api/v1/topics/__consumer_offsets/messages", viewer)
    changes = await told(client, "/api/v1/topics/footfall.audit/messages", viewer)

    assert (groups[0], changes[0]) == (200 if rule.groups == ".*" else 403, 403)


@pytest.mark.parametrize(
    ("labels", "status"),
    [
        ({"topic": "events", "kafka_cluster": "local"}, 200),
        ({"topic": "events", "kafka_cluster": "other"}, 403),
        ({"topic": "events"}, 403),  # would hold in every cluster
    ],
)
@pytest.mark.parametrize(
    "rule",
    [RightsConfig(who=("role:editor",), topics="events", clusters="local", actions=("*",))],
)
async def test_a_silence_reaches_no_cluster_that_is_hidden(
    client: Client, state: State, labels: dict[str, str], status: int
) -> None:
    wish, headers = {"labels": labels, "minutes": 1}, bearer(state, "write")

    answer = await client.post("/api/v1/actions/silence-alerts", json=wish, headers=headers)

    assert answer.status == status


async def test_readiness_names_no_cluster_where_rules_say_who_sees_which(client: Client) -> None:
    assert await (await client.get("/readyz")).json() == {"status": "ready"}


async def test_history_of_a_group_that_reads_hidden_topics_counts_them_and_is_not_told(
    client: Client, state: State
) -> None:
    viewer, admin = bearer(state, "read"), bearer(state, "admin")
    await state.poller(None).look()
    address = "/api/v1/history?range=5m&s=group.lag:stopped&s=group.lag:export"

    some = json.loads((await told(client, address, viewer))[1])["series"]
    whole = json.loads((await told(client, address, admin))[1])["series"]

    assert any(whole["group.lag:stopped"]) and any(some["group.lag:export"])
    assert not any(some["group.lag:stopped"])


async def test_an_alert_on_a_group_that_reads_hidden_topics_counts_them_and_is_not_told(
    client: Client, state: State
) -> None:
    for labels in (
        {"consumergroup": "stopped"},
        {"consumergroup": "stopped", "topic": "events"},
        {"consumergroup": "export"},
        {"consumergroup": "long-gone"},
    ):
        found = {"kafka_cluster": "local", **labels}
        alert = Alert("Behind", "warning", found, "is 5 min behind", "", 1.0, 0, 0)
        state.alerts.engine.active[alert.key] = alert
        state.alerts.engine.history.append(replace(alert, ended_at_ms=1))

    some = json.loads((await told(client, "/api/v1/alerts", bearer(state, "read")))[1])

    for what in ("firing", "history"):
        shown = [one["labels"] for one in some[what] if one["name"] == "Behind"]
        assert {(one["consumergroup"], one.get("topic")) for one in shown} == {
            ("stopped", "events"),
            ("export", None),
        }, what


@pytest.mark.parametrize("cluster_name", ["local", "other"])
async def test_the_pipeline_is_that_of_the_first_cluster_whichever_is_asked_for(
    client: Client, state: State, cluster_name: str
) -> None:
    rule = RightsConfig(who=("everybody",), clusters=cluster_name, whole_clusters=True)
    sight = rights({"one": rule}, ()).of(Identity("ann", Role.VIEWER))

    assert shows_page(sight, "/pipeline", "other", state.own_cluster) is (cluster_name == "local")


async def test_settings_tell_no_inner_address_to_who_sees_less(
    client: Client, state: State
) -> None:
    viewer, admin = bearer(state, "read"), bearer(state, "admin")

    some = (await told(client, "/settings", viewer))[1]
    whole = (await told(client, "/settings", admin))[1]

    assert state.config.alert_email_from in whole and state.config.alert_email_from not in some
    assert "role_metrics" in whole and "role_metrics" not in some
    assert "lag_target_s" in some


async def test_what_arrives_is_the_sum_of_the_topics_that_are_seen(
    client: Client, state: State
) -> None:
    now_ms, history = state.clock.now_ms(), state.poller(None).history
    for topic, rate in (("events", 3.0), ("broken", 4.0), (TOPIC, 1_000.0)):
        history.add(f"topic.in:{topic}", now_ms, rate)
    history.add("cluster.in", now_ms, 1_007.0)
    address = "/api/v1/history?range=1h&s=cluster.in&s=cluster.lag_seconds"

    some = json.loads((await told(client, address, bearer(state, "read")))[1])["series"]
    whole = json.loads((await told(client, address, bearer(state, "admin")))[1])["series"]

    assert {rate for rate in some["cluster.in"] if rate is not None} == {7.0}
    assert {rate for rate in whole["cluster.in"] if rate is not None} == {1_007.0}
    assert not any(some["cluster.lag_seconds"])


async def test_of_more_topics_than_are_added_up_no_sum_is_told(
    client: Client, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "SUMMED_MAX", 1)
    state.poller(None).history.add("topic.in:events", state.clock.now_ms(), 3.0)
    address = "/api/v1/history?range=1h&s=cluster.in"

    told_of = json.loads((await told(client, address, bearer(state, "read")))[1])["series"]

    assert not any(told_of["cluster.in"])


async def test_metrics_are_not_for_those_who_see_less(client: Client, state: State) -> None:
    viewer, scraper = bearer(state, "read"), bearer(state, "metrics")

    assert (await told(client, "/metrics", viewer))[0] == 401
    assert HIDDEN in (await told(client, "/metrics", scraper))[1]
