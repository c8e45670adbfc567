"""Transactions as coordinators and leaders of a running broker tell them."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import confluent_kafka
import pytest

from tracker.config import KafkaConfig
from tracker.kafka.admin import LATEST, LATEST_STABLE, Admin, ClusterUnavailable
from tracker.kafka.topics import ensure_topics
from tracker.kafka.transactions import Transaction, Transactions
from tracker.topics import Topic, TopicPartition

T = TypeVar("T")

SECONDS = 60.0
PLACE = TopicPartition("paid", 1)

pytestmark = pytest.mark.may_block


def begun(config: KafkaConfig, name: str) -> confluent_kafka.Producer:
    """A producer that has written a record in a transaction it leaves open."""
    options = {"bootstrap.servers": config.bootstrap_servers, "transactional.id": name}
    producer = confluent_kafka.Producer(options)
    producer.init_transactions(SECONDS)
    producer.begin_transaction()
    producer.produce(PLACE.topic, b"1", partition=PLACE.partition)
    assert producer.flush(SECONDS) == 0
    return producer


async def until(ask: Callable[[], T], fits: Callable[[T], bool]) -> T:
    async with asyncio.timeout(SECONDS):
        while not fits(found := await asyncio.to_thread(ask)):
            await asyncio.sleep(0.05)
    return found


async def test_an_open_transaction_is_told_by_its_coordinator_and_its_partition(
    config: KafkaConfig,
) -> None:
    await asyncio.to_thread(ensure_topics, config, [Topic("paid", partitions=2)])
    seen, before_ms = Transactions(config), time.time_ns() // 1_000_000
    held = await asyncio.to_thread(begun, config, "shop-1")
    done = await asyncio.to_thread(begun, config, "done-1")
    await asyncio.to_thread(done.commit_transaction, SECONDS)

    rows = await until(
        lambda: seen.transactions(SECONDS),
        lambda rows: len(rows) == 2 and rows[1].state == "CompleteCommit",
    )
    holders = await asyncio.to_thread(seen.holders, [PLACE, TopicPartition("paid", 0)], SECONDS)
    await asyncio.to_thread(held.abort_transaction, SECONDS)
    gone = await until(lambda: seen.holders([PLACE], SECONDS), lambda found: not found)
    await asyncio.to_thread(seen.close)

    first, second = rows
    assert (first.transactional_id, first.state, first.is_open) == ("shop-1", "Ongoing", True)
    assert first.places == (PLACE,) and first.timeout_ms == 60_000
    assert first.started_ms is not None and -5_000 < first.started_ms - before_ms < 60_000
    assert (second.transactional_id, second.is_open) == ("done-1", False)
    assert [(one.place, one.start) for one in holders] == [(PLACE, 0)]
    assert (holders[0].producer_id, holders[0].epoch) == (first.producer_id, first.epoch)
    assert gone == ()


async def test_ending_a_transaction_lets_readers_on_and_fences_its_producer(
    config: KafkaConfig,
) -> None:
    await asyncio.to_thread(ensure_topics, config, [Topic("paid", partitions=2)])
    seen, admin = Transactions(config), Admin(config)
    held = await asyncio.to_thread(begun, config, "shop-1")
    stuck = await asyncio.to_thread(admin.offsets, [PLACE], LATEST_STABLE, SECONDS)

    await asyncio.to_thread(seen.end_transaction, "shop-1")
    free = await until(
        lambda: admin.offsets([PLACE], LATEST_STABLE, SECONDS), lambda found: found != stuck
    )
    with pytest.raises(confluent_kafka.KafkaException) as fenced:
        await asyncio.to_thread(held.commit_transaction, SECONDS)
    (row,) = await asyncio.to_thread(seen.transactions, SECONDS)
    ends = await asyncio.to_thread(admin.offsets, [PLACE], LATEST, SECONDS)
    await asyncio.to_thread(seen.close)

    assert stuck == {PLACE: 0} and free == ends == {PLACE: 2}  # the record and its marker
    assert fenced.value.args[0].fatal()
    assert not row.is_open


async def test_without_transactions_nothing_is_told(config: KafkaConfig) -> None:
    seen = Transactions(config)

    rows: tuple[Transaction, ...] = await asyncio.to_thread(seen.transactions, SECONDS)
    holders = await asyncio.to_thread(seen.holders, [], SECONDS)
    await asyncio.to_thread(seen.close)

    assert (rows, holders) == ((), ())


async def test_a_cluster_that_is_away_is_told() -> None:
    seen = Transactions(KafkaConfig(bootstrap_servers="127.0.0.1:1"))

    with pytest.raises(ClusterUnavailable):
        await asyncio.to_thread(seen.transactions, 1.0)
    await asyncio.to_thread(seen.close)
