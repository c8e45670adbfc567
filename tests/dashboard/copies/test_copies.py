"""Copies that are begun through the dashboard, between two running brokers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest

from dashboard.config import ClusterConfig
from tests.support.copies import slow_copies
from tests.support.dashboard_actions import Asked
from tests.support.kafka_address import kafka_address, new_site
from tests.support.watching import Watching, watching
from tracker.config import KafkaConfig
from tracker.kafka.admin import EARLIEST, LATEST, Admin
from tracker.kafka.copy import BATCH_RECORDS
from tracker.kafka.reader import RecordReader
from tracker.kafka.topics import create_topic
from tracker.topics import TopicPartition

pytestmark = pytest.mark.may_block

SECONDS = 40.0


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaConfig]:
    with kafka_address(tmp_path_factory.mktemp("here")) as bootstrap:
        yield KafkaConfig(bootstrap_servers=bootstrap)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaConfig]:
    with kafka_address(tmp_path_factory.mktemp("there")) as bootstrap:
        yield KafkaConfig(bootstrap_servers=bootstrap)


@pytest.fixture
def name(here: KafkaConfig) -> str:
    made = f"orders-{new_site()}"
    create_topic(here, made, 2, {"retention.ms": "-1"})
    return made


@pytest.fixture
async def watch(here: KafkaConfig, there: KafkaConfig, tmp_path: Path) -> AsyncIterator[Watching]:
    """The second cluster is `far`; the same as one that nobody may change is `kept`."""
    far = ClusterConfig(bootstrap_servers=there.bootstrap_servers)
    kept = ClusterConfig(bootstrap_servers=there.bootstrap_servers, readonly=True)
    async with watching({"local": here, "far": far, "kept": kept}, tmp_path) as made:
        async with asyncio.timeout(SECONDS):
            for cluster in ("local", "far", "kept"):
                await made.seen(cluster)
        yield made


@pytest.fixture
def asked(watch: Watching) -> Asked:
    return Asked(watch.client)


def write(kafka: KafkaConfig, topic: str, number: int) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for one in range(number):
        producer.produce(topic, b"%d" % one, b"k%d" % one, one % 2)
    assert producer.flush(SECONDS) == 0


def ends(kafka: KafkaConfig, topic: str) -> list[int]:
    places = [TopicPartition(topic, index) for index in range(2)]
    found = Admin(kafka).offsets(places, LATEST, 10.0)
    return [found[place] for place in places]


def of(source: str, target: str, **more: object) -> dict[str, object]:
    wish = {"topic": target, "from_topic": source, "from_cluster": "local"}
    return wish | {"dry_run": False, "confirm": target} | more


async def copy_when(asked: Asked, topic: str, fits: Callable[[Any], bool]) -> Any:
    """The newest copy into the topic, once it is so."""
    async with asyncio.timeout(SECONDS):
        while True:
            answer = await asked.client.get("/api/v1/copies")
            found = [one for one in await answer.json() if one["topic"] == topic]
            if found and fits(found[0]):
                return found[0]
            await asyncio.sleep(0.05)


def ended(copy: Any) -> bool:
    return bool(copy["state"] != "running")


async def test_a_dry_run_tells_what_would_come_and_makes_nothing(
    asked: Asked, here: KafkaConfig, there: KafkaConfig, name: str
) -> None:
    write(here, name, 30)

    wish = of(name, name, dry_run=True, confirm="")
    status, told = await asked.act("copy-records?cluster=far", wish)

    assert (status, told["changed"]) == (200, False)
    assert f"30 records at most of {name} in local" in told["sentence"]
    assert (
        f"to {name} in far, which would be made with 2 partitions and 1 setting"
        in (told["sentence"])
    )
    assert told["rows"][1] == {
        "partition": 1,
        "from offset": 0,
        "to offset": 15,
        "records at most": 15,
    }
    assert name not in Admin(there).metadata(10.0).topics
    assert await (await asked.client.get("/api/v1/copies")).json() == []


async def test_records_come_into_another_cluster_and_it_is_told_and_written_down(
    asked: Asked,
    here: KafkaConfig,
    there: KafkaConfig,
    name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "dashboard.audit")
    write(here, name, 30)

    status, _ = await asked.act("copy-records?cluster=far", of(name, name))
    copy = await copy_when(asked, name, ended)
    _, again = await asked.act("copy-records?cluster=far", of(name, name, dry_run=True))
    page = await (await asked.client.get("/copies")).text()

    assert (status, copy["state"], copy["records"], copy["left"]) == (200, "done", 30, 0)
    assert ends(there, name) == ends(here, name) == [15, 15]
    assert Admin(there).topic_configs([name], 10.0)[name]["retention.ms"].value == "-1"
    assert "0 records at most" in again["sentence"] and "earlier copy stopped" in again["sentence"]
    assert f'href="/topics/{name}?cluster=far"' in page and "DONE" in page
    written = [one.getMessage() for one in caplog.records if '"copy-records"' in one.getMessage()]
    outcomes = [text.partition('"outcome":"')[2].partition('"')[0] for text in written]
    assert outcomes == ["done", "ended: 30 records (130 B)", "dry run"]
    assert all('"cluster":"far"' in text for text in written)


async def test_a_copy_that_is_stopped_goes_on_and_only_two_run_at_once(
    asked: Asked, here: KafkaConfig, there: KafkaConfig, name: str
) -> None:
    write(here, name, 3 * BATCH_RECORDS)

    with slow_copies(there):
        for target in (name, f"{name}-2"):
            await asked.act("copy-records?cluster=far", of(name, target))
            await copy_when(asked, target, lambda one: one["records"] > 0)
        same, said = await asked.act("copy-records?cluster=far", of(name, name))
        third, more = await asked.act("copy-records?cluster=far", of(name, f"{name}-3"))
        under_way = await (await asked.client.get("/copies")).text()
        stops = [
            await asked.act("stop-copy?cluster=far", {"topic": target})
            for target in (name, f"{name}-2")
        ]
        cut = await copy_when(asked, name, ended)
        await copy_when(asked, f"{name}-2", ended)
    nothing, _ = await asked.act("stop-copy?cluster=far", {"topic": name})
    await asked.act("copy-records?cluster=far", of(name, name))
    rest = await copy_when(asked, name, lambda one: one["number"] > cut["number"] and ended(one))

    assert (same, third, nothing, [status for status, _ in stops]) == (409, 409, 409, [200, 200])
    assert "is being copied into" in said["error"] and "2 copies are running" in more["error"]
    assert "RUNNING" in under_way and 'data-action="stop-copy"' in under_way
    assert (cut["state"], rest["state"]) == ("stopped", "done")
    assert 0 < cut["records"] < 3 * BATCH_RECORDS
    assert 3 * BATCH_RECORDS <= sum(ends(there, name)) <= 4 * BATCH_RECORDS
    assert sum(Admin(there).offsets([TopicPartition(name, 0)], EARLIEST, 10.0).values()) == 0


async def test_what_the_target_does_not_take_ends_a_copy_with_the_reason(
    asked: Asked, here: KafkaConfig, there: KafkaConfig, name: str
) -> None:
    write(here, name, 30)
    create_topic(there, name, 2, {"max.message.bytes": "20"})

    await asked.act("copy-records?cluster=far", of(name, name))
    copy = await copy_when(asked, name, ended)
    page = await (await asked.client.get("/copies")).text()

    assert copy["state"] == "failed" and "does not take the records" in copy["trouble"]
    assert "FAILED" in page and "does not take the records" in page


async def test_a_copy_that_cannot_be_is_refused_before_anything_is_made(
    asked: Asked, here: KafkaConfig, there: KafkaConfig, name: str
) -> None:
    narrow = f"{name}-narrow"
    create_topic(there, narrow, 1, {})
    for wish, why in (
        (of("gone", name, from_cluster="far"), "does not exist in cluster far"),
        (of(name, narrow), "1 partitions in cluster far, 2 are needed"),
        (of(name, "__consumer_offsets"), "left alone"),
        (of(name, name, from_cluster="nowhere"), "no cluster nowhere"),
        (of(narrow, narrow, from_cluster="far"), "onto itself"),
    ):
        status, body = await asked.act("copy-records?cluster=far", wish)
        assert (status, why in body["error"]) == (409, True), body

    assert name not in Admin(there).metadata(10.0).topics


async def test_one_record_is_sent_once_more_byte_for_byte(
    asked: Asked, watch: Watching, here: KafkaConfig, there: KafkaConfig, name: str
) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": here.bootstrap_servers})
    headers: list[tuple[str, str | bytes | None]] = [("why", b"\xff\x00"), ("none", None)]
    producer.produce(name, b"before", partition=1)
    producer.produce(name, b"\xfe\x00", b"\x80key", 1, headers=headers)
    assert producer.flush(SECONDS) == 0
    create_topic(there, name, 1, {})
    async with asyncio.timeout(SECONDS):
        while name not in watch.state.pollers["far"].snapshot.topics:  # type: ignore[union-attr]
            await asyncio.sleep(0.05)
    wish = {"topic": name, "from_topic": name, "from_cluster": "local", "from_partition": 1}

    status, told = await asked.act("resend-record?cluster=far", wish | {"from_offset": 1})
    gone, said = await asked.act("resend-record?cluster=far", wish | {"from_offset": 7})
    typo, _ = await asked.act("resend-record?cluster=far", wish | {"from_offset": 1, "topic": "x"})
    kept, _ = await asked.act("resend-record?cluster=kept", wish | {"from_offset": 1})

    place = TopicPartition(name, 0)
    reader = RecordReader(there)
    found = (await asyncio.to_thread(reader.first, {place: 0}, SECONDS))[place]
    reader.close()
    assert (status, told["rows"]) == (200, [{"partition": 0, "offset": 0}])
    assert found is not None
    assert (found.key, found.value, found.headers) == (b"\x80key", b"\xfe\x00", tuple(headers))
    assert (gone, typo, kept) == (409, 409, 403)
    assert said["error"] == f"there is no record in {name}-1 at offset 7"


async def test_a_read_only_cluster_is_read_from_and_never_written_to(
    asked: Asked, watch: Watching, there: KafkaConfig, name: str
) -> None:
    create_topic(there, name, 2, {})

    into, told = await asked.act("copy-records?cluster=kept", of(name, name))
    made, _ = await asked.act("create-topic?cluster=kept", {"topic": f"{name}-made"})
    out, _ = await asked.act("copy-records", of(name, f"{name}-2", from_cluster="kept"))
    answer = await asked.client.get("/api/v1/actions?cluster=kept")
    allowed = {key: one["allowed"] for key, one in (await answer.json())["actions"].items()}
    async with asyncio.timeout(SECONDS):
        while name not in watch.state.pollers["kept"].snapshot.topics:  # type: ignore[union-attr]
            await asyncio.sleep(0.05)
    page = await watch.page(f"/topics/{name}?tab=config&cluster=kept")

    assert (into, made, out) == (403, 403, 200)
    assert told["error"] == "This cluster is read-only (readonly in [clusters.kept])."
    assert not allowed["delete-topic"] and allowed["silence-alerts"]
    assert 'data-can="copies"' in page
    assert (await watch.page("/settings")).count("read-only</small>") == 1
    assert "<select data-cluster><option>local</option><option>far</option></select>" in page
