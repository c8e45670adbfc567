"""Which partition of an internal topic keeps a group, a transactional id, a share partition.

Partitions were looked up by asking Apache Kafka 4.2 (`kafka-log-dirs`). Old data directories of
this broker hold half of the names elsewhere: they are found there, and stay until they are gone.
"""

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from broker.coordinator.group import shards as group_shards
from broker.coordinator.group.offset_messages import OffsetCommit, OffsetFetch, OffsetToCommit
from broker.coordinator.group.offsets import TopicPartition
from broker.coordinator.share import store as share_store
from broker.coordinator.share.records import ShareKey
from broker.coordinator.transaction import shards as transaction_shards
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Services
from broker.metadata.records import OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTIONS_TOPIC
from broker.protocol.primitives import partitions_of_name
from tests.support.memory_files import MemoryFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.share_calls import GROUP
from tests.support.share_state_calls import initialize, read_state, stateful, write_state
from tests.support.topic_calls import make_topic
from tests.support.transaction_calls import Transactor

NAME = "lagger"  # its hash is below zero
HOME, FORMER = 0, 48
"""Of 50 partitions: where Kafka keeps that name, and where this broker did."""

FIFTY: dict[str, Any] = {
    "offsets_topic_num_partitions": 50,
    "transaction_state_log_num_partitions": 50,
}
THREE: dict[str, Any] = {"share_coordinator_state_topic_num_partitions": 3}


def as_before(name: str, partitions: int) -> tuple[int, int]:
    former = partitions_of_name(name, partitions)[1]
    return former, former


@pytest.fixture
def of_before(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Brokers count as they once did, until what this gives is called."""
    for module in (group_shards, transaction_shards, share_store):
        monkeypatch.setattr(module, "partitions_of_name", as_before)
    return monkeypatch.undo


async def commit(services: Services, offset: int, producer: tuple[int, int] | None = None) -> None:
    """Of pages-0, in the transaction of a producer (id, epoch) or in none."""
    one = OffsetToCommit("pages", 0, offset, -1, "")
    wish = OffsetCommit(NAME, -1, "", None, (one,), producer=producer)
    await services.groups.commit_offsets(wish)


async def committed(services: Services) -> list[int]:
    return [one.offset for one in await services.groups.fetch_offsets(OffsetFetch(NAME, None))]


def used(services: Services, topic: str) -> list[int]:
    """The partitions that anything was written to."""
    partitions = range(len(services.cluster.image.topics[topic].partitions))
    return [n for n in partitions if services.partitions.get(topic, n).log_end_offset]


async def ready(services: Services, group_id: str = NAME) -> None:
    """The coordinators have read what old partitions hold."""
    while True:
        try:
            services.groups.coordinator_partition(group_id)
        except KafkaError as refusal:
            assert refusal.code is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
            await asyncio.sleep(0)
        else:
            return


async def test_names_live_where_apache_kafka_keeps_them(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path, files=MemoryFiles(), **FIFTY) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        services = broker.services
        await make_topic(client, "pages")
        await services.cluster.ensure_internal_topic(OFFSETS_TOPIC)
        await ready(services)
        await Transactor(services, NAME, version=2).begin_life()
        await commit(services, 5)

        assert used(services, OFFSETS_TOPIC) == [HOME]
        assert used(services, TRANSACTIONS_TOPIC) == [HOME]
        assert await committed(services) == [5]


async def test_a_group_of_an_old_directory_keeps_its_offsets_until_it_is_deleted(
    tmp_path: Path, of_before: Callable[[], None]
) -> None:
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files, **FIFTY) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await broker.services.cluster.ensure_internal_topic(OFFSETS_TOPIC)
        await ready(broker.services)
        await commit(broker.services, 5)
    of_before()

    async with running_broker(tmp_path, files=files, **FIFTY) as broker:
        services = broker.services
        await ready(services)
        found = await committed(services)
        await commit(services, 6)
        stays = used(services, OFFSETS_TOPIC)
        await services.groups.delete_group(NAME)
        await commit(services, 7)

        assert (found, stays) == ([5], [FORMER])
        assert used(services, OFFSETS_TOPIC) == [HOME, FORMER]
        assert await committed(services) == [7]


async def test_what_a_transaction_of_an_old_directory_may_still_commit_is_looked_for_there(
    tmp_path: Path, of_before: Callable[[], None]
) -> None:
    files = MemoryFiles()
    pages = TopicPartition("pages", 0)
    async with (
        running_broker(tmp_path, files=files, **FIFTY) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        services = broker.services
        await make_topic(client, "pages")
        await services.cluster.ensure_internal_topic(OFFSETS_TOPIC)
        await ready(services)
        producer = await Transactor(services, NAME, version=0).begin_life()
        await services.transactions.add_partitions(
            NAME, producer, frozenset({(OFFSETS_TOPIC, FORMER)})
        )
        await commit(services, 5, (producer.id, producer.epoch))
    of_before()

    async with running_broker(tmp_path, files=files, **FIFTY) as broker:
        await ready(broker.services)
        wanted = OffsetFetch(NAME, (pages,), require_stable=True)

        (found,) = await broker.services.groups.fetch_offsets(wanted)

        assert found.error is ErrorCode.UNSTABLE_OFFSET_COMMIT


async def test_a_transactional_id_of_an_old_directory_is_fenced_as_before(
    tmp_path: Path, of_before: Callable[[], None]
) -> None:
    files = MemoryFiles()
    async with running_broker(tmp_path, files=files, **FIFTY) as broker:
        first = await Transactor(broker.services, NAME, version=2).begin_life()
    of_before()

    async with running_broker(tmp_path, files=files, **FIFTY) as broker:
        second = await Transactor(broker.services, NAME, version=2).begin_life()

        assert (second.id, second.epoch) == (first.id, first.epoch + 1)
        assert used(broker.services, TRANSACTIONS_TOPIC) == [FORMER]


async def test_a_share_partition_of_an_old_directory_goes_on_where_it_was(
    tmp_path: Path, of_before: Callable[[], None]
) -> None:
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files, **THREE) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await stateful(client)
        for number in count():  # ids are random: until one has another home now
            topic_id = (await make_topic(client, f"jobs-{number}")).topic_id
            home, former = partitions_of_name(str(ShareKey(GROUP, topic_id, 0)), 3)
            if home != former:
                break
        await initialize(client, topic_id, 0, 8)
    of_before()

    async with (
        running_broker(tmp_path, files=files, **THREE) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        found = await read_state(client, topic_id)
        await write_state(client, topic_id, start=9)
        told = await read_state(client, topic_id)

        assert (found.start_offset, told.start_offset) == (8, 9)
        assert used(broker.services, SHARE_STATE_TOPIC) == [former]
