"""What a page of the dashboard asks for: a wish of every action, and who sends it."""

from typing import Any

from tests.support.made_dashboard import Client

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
    "reset-share-offsets": {
        "group": "queue",
        "topic": "events",
        "to": "earliest",
        "dry_run": False,
        "confirm": "queue",
    },
    "delete-share-offsets": {
        "group": "queue",
        "topic": "events",
        "dry_run": False,
        "confirm": "queue",
    },
    "copy-topic": {"topic": "like-events", "source": "events"},
    "copy-records": {
        "topic": "copied",
        "from_topic": "events",
        "dry_run": False,
        "confirm": "copied",
    },
    "stop-copy": {"topic": "copied"},
    "resend-record": {
        "topic": "events",
        "from_topic": "events",
        "from_partition": 0,
        "from_offset": 5,
    },
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
    "end-transaction": {
        "transactional_id": "shop-1",
        "dry_run": False,
        "confirm": "shop-1",
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
    "alter-connector-offsets": {
        "connector": "files",
        "offsets": [{"partition": {"kafka_partition": 0}, "offset": None}],
        "dry_run": False,
        "confirm": "files",
    },
    "reset-connector-offsets": {"connector": "files", "dry_run": False, "confirm": "files"},
    "set-connect-logger": {"logger": "root", "level": "INFO"},
    "delete-scram-user": {"user": "bob", "mechanism": "SCRAM-SHA-256", "confirm": "bob"},
    "set-quota": {"user": "ann", "limits": {"producer_byte_rate": "1000"}, "dry_run": False},
    **{
        name: {"subject": "events-value", "dry_run": False, "confirm": "events-value", **more}
        for name, more in (
            ("register-schema", {"schema": '"string"'}),
            ("set-subject-level", {"level": "FULL"}),
            ("set-subject-mode", {"mode": "READONLY"}),
            ("delete-schema-version", {"version": 1}),
            ("delete-subject", {}),
            ("erase-subject", {}),
        )
    },
    "set-registry-mode": {"mode": "READONLY", "dry_run": False, "confirm": "READONLY"},
    "set-registry-level": {"level": "FULL", "dry_run": False, "confirm": "FULL"},
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
