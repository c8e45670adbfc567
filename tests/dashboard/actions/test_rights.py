"""ACLs, quotas and SCRAM users changed through the API."""

import json
import logging
from typing import Any

import pytest

from tests.support.dashboard_actions import WISHES, Asked
from tests.support.made_cluster import MadeCluster
from tracker.kafka.security import Acl


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


@pytest.mark.parametrize("host", ["app.example.com", "10.0.0.0/8", "not a host"])
async def test_a_host_that_no_client_has_is_pointed_out(asked: Asked, host: str) -> None:
    """Kafka takes it, compares it with addresses, and a DENY of it never applies."""
    _, wrong = await asked.act("create-acls", WISHES["create-acls"] | {"host": host})
    _, right = await asked.act("create-acls", WISHES["create-acls"] | {"host": "10.0.0.7"})

    assert "no client comes from there" in wrong["rows"][0]["note"]
    assert right["rows"][0]["note"] == ""


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
