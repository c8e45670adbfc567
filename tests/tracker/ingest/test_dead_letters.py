"""Refused bodies are kept, but not more of them than would fill the disk."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from prometheus_client import CollectorRegistry

from tests.support.manual_clock import ManualClock
from tracker.config import KafkaConfig
from tracker.ingest.dead_letters import LETTERS_PER_SECOND, DeadLetters
from tracker.ingest.outcome import DEAD_LETTERED, Refused
from tracker.kafka.producer import Producer
from tracker.metrics import IngestMetrics

REFUSED = Refused(min(DEAD_LETTERED), "no")


@pytest_asyncio.fixture
async def producer() -> AsyncIterator[Producer]:
    """To nobody: what it takes stays in flight."""
    made = Producer(KafkaConfig(bootstrap_servers="127.0.0.1:1"), client_id="test")
    yield made
    await made.close()


async def test_of_a_flood_so_many_a_second_are_kept_and_the_others_counted(
    producer: Producer,
) -> None:
    registry, clock = CollectorRegistry(), ManualClock()
    letters = DeadLetters(producer, IngestMetrics(registry), clock)

    for _ in range(LETTERS_PER_SECOND + 5):
        letters.keep(b"flood", REFUSED)
    first = producer.in_flight
    clock.advance(500)
    for _ in range(LETTERS_PER_SECOND):
        letters.keep(b"flood", REFUSED)

    skipped = registry.get_sample_value("footfall_dead_letters_total", {"outcome": "skipped"})
    assert (first, producer.in_flight) == (LETTERS_PER_SECOND, LETTERS_PER_SECOND * 3 // 2)
    assert skipped == 5 + LETTERS_PER_SECOND // 2


async def test_what_became_of_a_letter_is_counted(producer: Producer) -> None:
    registry = CollectorRegistry()
    letters = DeadLetters(producer, IngestMetrics(registry), ManualClock())
    loop = asyncio.get_running_loop()
    stored, refused, gone = (loop.create_future() for _ in range(3))
    stored.set_result(None)
    refused.set_exception(RuntimeError("no broker"))
    gone.cancel()

    for one in (stored, stored, refused, gone):
        letters._settled(one)

    counts = [
        registry.get_sample_value("footfall_dead_letters_total", {"outcome": word})
        for word in ("stored", "failed")
    ]
    assert counts == [2, 2]
