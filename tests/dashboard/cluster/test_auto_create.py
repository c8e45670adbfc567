"""Spec: who only looks makes no topic, also where brokers make each that is asked for by its name.

Exporters did (kafka_exporter#142, Burrow PR#359): a deleted topic came back with each look.
"""

import asyncio
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest

from tests.support.running_broker import broker_process
from tests.support.watching import Watching, watching
from tracker.config import KafkaConfig
from tracker.kafka.changes import Changes
from tracker.kafka.topics import ensure_topics
from tracker.topics import Topic

pytestmark = pytest.mark.may_block

GHOST = "nobody-made-me"
QUESTIONS = (
    *(f"/topics/{GHOST}{tab}" for tab in ("", "?tab=partitions", "?tab=messages", "?tab=config")),
    f"/topics/{GHOST}?tab=messages&from=end",
    f"/api/v1/topics/{GHOST}",
    f"/api/v1/topics/{GHOST}/messages?from=beginning",
    f"/api/v1/topics/{GHOST}/messages.json",
    f"/api/v1/topics/{GHOST}/partitions.csv",
    f"/api/v1/topics/{GHOST}/tail",
    f"/api/v1/history?series=topic.in:{GHOST}",
    "/groups/readers",
    "/transactions",
    "/metrics",
)
ACTIONS: dict[str, dict[str, Any]] = {
    "produce-message": {"value": "x"},
    "create-partitions": {"count": 3},
    "edit-config": {"settings": {"retention.ms": "1000"}},
    "delete-records": {"offsets": {"0": 1}},
    "delete-topic": {},
    "reset-offsets": {"group": "readers", "to": "earliest"},
}


def leave_commits_behind(kafka: KafkaConfig) -> None:
    """A group has commits in a topic that is deleted then."""
    ensure_topics(kafka, [Topic("deleted", partitions=2), Topic("events", partitions=1)])
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "readers"}
    )
    places = [confluent_kafka.TopicPartition(name, 0, 0) for name in ("deleted", "events")]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()
    Changes(kafka, "tests").delete_topic("deleted")


async def ask_everything(watch: Watching) -> list[int]:
    """Statuses of all pages and actions that can name a topic."""
    statuses = []
    for address in QUESTIONS:
        async with watch.client.get(address) as answer:
            statuses.append(answer.status)
    async with watch.client.get("/api/v1/actions") as answer:
        token = (await answer.json())["csrf"]
    for name, wish in ACTIONS.items():
        for dry_run in (True, False):
            body = {"topic": GHOST, "confirm": GHOST, "dry_run": dry_run, **wish}
            async with watch.client.post(
                f"/api/v1/actions/{name}", json=body, headers={"X-CSRF-Token": token}
            ) as answer:
                statuses.append(answer.status)
    return statuses


async def test_auto_create_no_look_and_no_question_makes_a_topic(tmp_path: Path) -> None:
    with broker_process(tmp_path / "broker", auto_create_topics_enable=True) as broker:
        kafka = KafkaConfig(bootstrap_servers=broker.bootstrap)
        await asyncio.to_thread(leave_commits_behind, kafka)
        async with watching({"local": kafka}, tmp_path / "dashboard") as watch:
            poller = await watch.seen("local")
            statuses = await ask_everything(watch)
            assert poller.snapshot is not None
            seen = poller.snapshot.sequence
            while poller.snapshot.sequence < seen + 3:
                await poller.wait_for(poller.version, 1.0)
            topics = set(poller.snapshot.topics)

    assert not topics & {GHOST, "deleted"}, topics
    assert "events" in topics
    assert not [status for status in statuses if status >= 500], statuses
