"""Changes through the API: what is done, what is refused, and what is written down of it."""

import asyncio
import json
import logging
from typing import Any

import pytest

from dashboard.actions.audit import Audit, Entry
from dashboard.actions.catalogue import ACTIONS
from dashboard.actions.commands import COMMANDS
from dashboard.actions.desk import READ_ONLY
from dashboard.actions.perform import PROTECTED
from dashboard.identity import Identity, Role
from dashboard.state import State
from tests.support.dashboard_actions import WISHES, Asked
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import HOSTILE
from tracker.topics import TopicPartition

ELSEWHERE = tuple(f"dashboard.actions.{room}" for room in ("connect", "copies", "schemas", "share"))
"""What changes something else has tests of its own."""


@pytest.mark.parametrize(
    "name", [action.name for action in ACTIONS if action.run.__module__ not in ELSEWHERE]
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


COMMAND_WISHES: dict[str, dict[str, Any]] = {
    "put-user": {"user": "ann", "role": "viewer", "password": "a long enough password"},
    "delete-user": {"user": "ann", "confirm": "ann"},
    "create-token": {"token": "scraper", "scopes": ["metrics"]},
    "delete-token": {"token": "scraper", "confirm": "scraper"},
    "create-link": {"link": "team", "site": "example.org"},
    "delete-link": {"link": "team", "confirm": "team"},
    "silence-alerts": {"labels": {"alertname": "DiskFull"}, "minutes": 5},
    "end-silence": {"silence": "1"},
    "send-letter": {},
    "test-alerts": {},
}


@pytest.mark.parametrize("settings", [{"readonly": True}])
@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
async def test_read_only_is_of_the_dashboard_itself_as_well(asked: Asked, name: str) -> None:
    status, body = await asked.act(name, COMMAND_WISHES[name])

    assert status == 403 and body["error"] == READ_ONLY


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


@pytest.mark.parametrize("query", ["dry_run=true", "cluster=local&topic=events"])
async def test_what_belongs_into_the_body_is_not_lost_in_the_address(
    asked: Asked, cluster: MadeCluster, query: str
) -> None:
    """A dry run that is asked for there would be none."""
    status, body = await asked.act(f"delete-topic?{query}", WISHES["delete-topic"])

    assert status == 400 and "belongs into the body" in body["error"]
    assert cluster.changes == []


async def test_a_reset_to_a_time_that_a_partition_does_not_tell_moves_nothing(
    asked: Asked, cluster: MadeCluster
) -> None:
    cluster.timeless.add(TopicPartition("events", 1))
    wish = WISHES["reset-offsets"] | {"to": "time", "time_ms": 5}

    status, body = await asked.act("reset-offsets", wish)

    assert status == 409 and "events-1 does not report an offset for that time" in body["error"]
    assert cluster.changes == []


async def test_offsets_are_those_of_now_and_not_of_the_last_look(
    asked: Asked, cluster: MadeCluster
) -> None:
    """Right after records were deleted, a reset would have gone on from before them."""
    for place, part in cluster.partitions.items():
        if place.topic == "events":
            part.start, part.end = 7, 90
    earliest = WISHES["reset-offsets"] | {"to": "earliest", "dry_run": True}

    _, reset = await asked.act("reset-offsets", earliest)
    _, deleted = await asked.act("delete-records", {"topic": "events", "dry_run": True})

    assert {(row["after"], row["lag"]) for row in reset["rows"]} == {(7, 83)}
    assert {(row["before"], row["after"]) for row in deleted["rows"]} == {(7, 90)}


async def test_settings_that_were_changed_are_shown_at_the_next_look(
    asked: Asked, cluster: MadeCluster, state: State
) -> None:
    await asked.act("edit-config", WISHES["edit-config"])
    _, again = await asked.act("edit-config", WISHES["edit-config"])
    assert [row["before"] for row in again["rows"] if row["setting"] == "retention.ms"] == ["5"]
    await state.poller(None).look()

    answer = await asked.client.get("/api/v1/topics/events")
    assert (await answer.json())["configs"]["retention.ms"]["value"] == "5"


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
    its_own = {"topic": "__consumer_offsets"}
    sure = its_own | {"confirm": "__consumer_offsets"}
    own = [
        await asked.act("delete-topic", sure),
        await asked.act("delete-records", sure | {"dry_run": False}),
        await asked.act("produce-message", its_own | {"value": "v"}),
        await asked.act("add-partitions", sure | {"total": 100}),
    ]

    assert (missing, there, fewer, offline) == (409,) * 4
    assert [status for status, _ in own] == [409] * 4
    assert all("it is left alone" in answer["error"] for _, answer in own)
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

    assert 'data-can="edit messages admin copies"' in page
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


@pytest.mark.parametrize("topic", PROTECTED)
async def test_the_cluster_s_own_topics_are_left_alone(
    asked: Asked, cluster: MadeCluster, topic: str
) -> None:
    cluster.add_topic(topic)
    for name in ("delete-topic", "add-partitions", "delete-records", "produce-message"):
        confirmed = {"confirm": topic} if "confirm" in WISHES[name] else {}
        status, body = await asked.act(name, WISHES[name] | {"topic": topic} | confirmed)

        assert (status, "the cluster's own" in body["error"]) == (409, True), (name, body)
    assert cluster.changes == []
