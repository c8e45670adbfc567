"""What becomes of a batch whose events do not all end alike."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry, generate_latest

from tests.support.kafka_address import kafka_address, new_site
from tests.support.running_ingest import events_of, records_of, register, running_ingest
from tests.support.tracked import a_hit, a_visit
from tracker.clock import SystemClock
from tracker.config import KafkaConfig
from tracker.ingest.collector import Collector
from tracker.ingest.dead_letters import DeadLetters
from tracker.ingest.hit import Batch
from tracker.ingest.outcome import Reason, Refused
from tracker.ingest.pipeline import Parts, Pipeline
from tracker.ingest.salts import DAY_MS, Salts
from tracker.ingest.steps.addresses import Addresses, Networks
from tracker.ingest.steps.known_sites import KnownSites
from tracker.kafka.producer import Producer
from tracker.metrics import IngestMetrics
from tracker.sites import Site
from tracker.topics import DEADLETTER

NOON_MS = 20_000 * DAY_MS + DAY_MS // 2


@pytest_asyncio.fixture
async def producer() -> AsyncIterator[Producer]:
    """To nobody: what it takes stays in flight."""
    made = Producer(KafkaConfig(bootstrap_servers="127.0.0.1:1"), client_id="test")
    yield made
    await made.close()


def collector(
    producer: Producer, folder: Path, registry: CollectorRegistry | None = None
) -> Collector:
    """Knows example.com; whether there are more sites it has not read yet."""
    metrics = IngestMetrics(registry or CollectorRegistry())
    known = KnownSites({"example.com": Site("example.com", 0)})
    addresses = Addresses(Networks(()), honour_gpc=False)
    parts = Parts(known, addresses, Salts(folder), "node")
    letters = DeadLetters(producer, metrics, SystemClock())
    return Collector(Pipeline(parts), producer, letters, metrics)


def batch_of(*sites: str, **fields: Any) -> Batch:
    hits = [a_hit(site=site, url=f"https://{site}/") for site in sites]
    return Batch(hits, list(range(len(hits))), **fields)


@pytest.mark.may_block
async def test_while_one_event_cannot_be_judged_nothing_of_its_batch_is_taken(
    producer: Producer, tmp_path: Path
) -> None:
    """The sender repeats all of it: 202 with one event refused would lose that one."""
    batch = batch_of("example.com", "not-read-yet.example", "example.com")

    with pytest.raises(Refused, match="the list of sites is not read yet") as refusal:
        await collector(producer, tmp_path).collect(batch, a_visit())

    assert refusal.value.reason is Reason.NOT_STORED
    assert producer.in_flight == 0


@pytest.mark.may_block
async def test_a_disk_that_keeps_no_salt_is_not_the_senders_mistake(
    producer: Producer, tmp_path: Path
) -> None:
    """400 would end the event: nobody sends it again."""
    refusing = collector(producer, tmp_path)
    (tmp_path / "salts.json").mkdir()

    with pytest.raises(Refused, match="the salt of the day cannot be kept") as refusal:
        await refusing.collect(batch_of("example.com"), a_visit(received_at_ms=NOON_MS))

    assert refusal.value.reason is Reason.NOT_STORED
    assert producer.in_flight == 0


async def test_a_batch_is_stored_with_the_clock_of_its_sender_and_its_mistakes_are_kept(
    tmp_path: Path,
) -> None:
    site = new_site()
    with kafka_address(tmp_path / "broker") as kafka:
        await asyncio.to_thread(register, kafka, site)
        async with running_ingest(kafka, tmp_path / "ingest") as ingest:
            page = {"n": "pageview", "u": f"https://{site}/", "d": site, "p": {"list": [1]}}
            body = json.dumps({"v": 1, "sent_at": 1, "events": [page, {**page, "d": "typo.no"}]})
            status, _, _ = await ingest.post("/api/event", body)
            told = await ingest.metrics()
        events = await asyncio.to_thread(events_of, kafka, site)
        letters = await asyncio.to_thread(records_of, kafka, DEADLETTER)

    (event,) = events
    (letter,) = letters
    assert status == 202
    assert event.clock_skew_ms == event.received_at - 1
    assert b"typo.no" in (letter.value or b"")
    assert "footfall_beacon_props_dropped_total 2.0" in told


@pytest.mark.may_block
async def test_a_fault_of_ours_costs_one_event_which_is_counted_and_kept(
    producer: Producer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tracker.ingest.steps.location.apply", broken)
    registry = CollectorRegistry()

    with pytest.raises(Refused) as refusal:
        await collector(producer, tmp_path, registry).collect(batch_of("example.com"), a_visit())

    told = generate_latest(registry).decode()
    assert refusal.value.reason is Reason.ENRICHMENT_FAILURE
    assert 'outcome="rejected",reason="enrichment_failure"} 1.0' in told
    assert producer.in_flight == 1  # its dead letter
