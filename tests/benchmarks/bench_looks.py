"""Looks: processor time of one look with the real clients at a real broker, large.

A bundled broker of its own process has 2,000 topics with 10,000 partitions, each with a few
records, and 500 groups that committed to ten partitions each: looked at without members, and then
with four members each, half of the groups classic and half of KIP-848. The looking process is this
one; its time is what the kernel says of all its threads, librdkafka's included.
"""

import asyncio
import gc
import tempfile
import time
from pathlib import Path
from statistics import median

import confluent_kafka
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from dashboard import app
from dashboard.__main__ import GARBAGE_ALLOCATIONS
from dashboard.cluster.poller import Poller
from dashboard.config import DashboardConfig
from dashboard.identity import Identity, Role
from dashboard.render import Reader, Renderer
from dashboard.site_map import resolve
from dashboard.state import State
from tests.benchmarks import group_fill
from tests.benchmarks.plan import Plan
from tests.benchmarks.table import Row
from tests.support.running_broker import broker_process
from tracker.config import KafkaConfig

TITLE = "Looks with the real clients (2,000 topics, 10,000 partitions, 500 groups)"
TOPICS, PARTITIONS, GROUPS = 2_000, 5, 500
TOPICS_READ = 2  # by each group
LOOKS = 5
LOOK_S_MAX = 0.5
PAGE_MS_MAX = 100.0
PAGES = ("/groups", "/groups/group-7", "/groups/group-8", "/topics/topic-28")
BATCH = 200
WAIT_S = 60.0


def fill(bootstrap: str) -> None:
    """Topics, records and commits."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for begin in range(0, TOPICS, BATCH):
        made = [NewTopic(f"topic-{n}", PARTITIONS, 1) for n in range(begin, begin + BATCH)]
        for future in admin.create_topics(made, request_timeout=WAIT_S).values():
            future.result(WAIT_S)
    options = {"bootstrap.servers": bootstrap, "linger.ms": 500, "acks": 1}
    producer = confluent_kafka.Producer(options)
    for topic in range(TOPICS):
        for index in range(PARTITIONS):
            producer.produce(f"topic-{topic}", b"x", partition=index)
        producer.poll(0)
    assert producer.flush(WAIT_S) == 0
    for number in range(GROUPS):
        commit(admin, number)


def commit(admin: AdminClient, number: int) -> None:
    """One group, behind by one record in each partition; four in five are caught up."""
    at = 0 if number % 5 == 0 else 1
    read = [
        confluent_kafka.TopicPartition(f"topic-{number * 4 + topic}", index, at)
        for topic in range(TOPICS_READ)
        for index in range(PARTITIONS)
    ]
    wish = confluent_kafka.ConsumerGroupTopicPartitions(f"group-{number}", read)
    for future in admin.alter_consumer_group_offsets([wish]).values():
        future.result(WAIT_S)


async def looked(poller: Poller) -> list[float]:
    """Seconds of processor time of each look, the first one left out: it learns everything."""
    spent = []
    for _ in range(LOOKS + 1):
        began = time.process_time()
        await poller.look()
        spent.append(time.process_time() - began)
        assert poller.snapshot is not None, poller.connection.error
        assert len(poller.snapshot.groups) == GROUPS
    return spent


def reads() -> dict[str, list[str]]:
    """What each group reads."""
    return {
        f"group-{number}": [f"topic-{number * 4 + topic}" for topic in range(TOPICS_READ)]
        for number in range(GROUPS)
    }


async def shown(state: State) -> dict[str, float]:
    """Milliseconds of processor time of pages about groups."""
    renderer, reader, found = Renderer(), Reader(Identity("ann", Role.ADMIN), ""), {}
    for path in PAGES:
        page, visit = resolve(state, path, {})
        spent = []
        for _ in range(LOOKS):
            began = time.process_time()
            renderer.whole(page, visit, await page.values(visit), reader)
            spent.append(time.process_time() - began)
        found[path] = median(spent) * 1000
    return found


def rows(plan: Plan) -> list[Row]:
    with (
        tempfile.TemporaryDirectory() as folder,
        broker_process(
            Path(folder) / "broker", metrics_port=-1, log_flush="os", **group_fill.STAYING
        ) as broker,
    ):
        fill(broker.bootstrap)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_ALLOCATIONS)  # as the dashboard does
        config = DashboardConfig(probe="off", poll_timeout_s=60.0, role_metrics=())
        kafka = {"local": KafkaConfig(bootstrap_servers=broker.bootstrap)}
        state = app.build(config, kafka, Path(folder) / "dashboard")
        first, *spent = asyncio.run(looked(state.poller(None)))
        asyncio.run(group_fill.fill((broker.host, broker.port), reads(), PARTITIONS))
        again, *peopled = asyncio.run(looked(state.poller(None)))
        snapshot = state.poller(None).snapshot
        assert snapshot is not None
        assert {len(group.members) for group in snapshot.groups.values()} == {group_fill.MEMBERS}
        pages = asyncio.run(shown(state))
    return [
        Row("the first look: processor time", first * 1000, "ms"),
        Row(
            "each further look: processor time",
            median(spent) * 1000,
            "ms",
            median(spent) / LOOK_S_MAX,
            "half a second",
        ),
        Row("the first look at 2,000 members", again * 1000, "ms"),
        Row(
            "each further look, with 2,000 members: processor time",
            median(peopled) * 1000,
            "ms",
            median(peopled) / LOOK_S_MAX,
            "half a second",
        ),
        *(
            Row(f"page {path}: processor time", ms, "ms", ms / PAGE_MS_MAX, "100 ms")
            for path, ms in pages.items()
        ),
    ]
