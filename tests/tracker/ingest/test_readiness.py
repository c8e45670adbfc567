"""Readiness tells the truth: what became of the last event counts, not only that one answers."""

import asyncio
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests.support.kafka_address import kafka_address, new_site
from tests.support.manual_clock import ManualClock
from tests.support.ports import free_port
from tests.support.running_broker import running_broker
from tests.support.running_ingest import RunningIngest, register, running_ingest
from tracker.config import KafkaConfig
from tracker.ingest import readiness, store_probe
from tracker.ingest.readiness import PROBE_EVERY_MS, REFUSAL_MS_MAX, SILENCE_MS_MAX, Readiness
from tracker.ingest.store_probe import StoreProbe
from tracker.kafka.changes import Changes
from tracker.kafka.producer import Producer
from tracker.sites import SiteReader
from tracker.topics import EVENTS, STORE_PROBE


def reached(clock: ManualClock) -> Readiness:
    """As it is once the broker's side was prepared."""
    config = KafkaConfig(bootstrap_servers="127.0.0.1:1")
    readiness = Readiness(config, SiteReader(config, client_id="test"), clock)
    readiness.prepared.set()
    return readiness


async def test_a_silent_broker_is_a_problem() -> None:
    clock = ManualClock()
    readiness = reached(clock)

    before = readiness.problem()
    clock.advance(SILENCE_MS_MAX + 1_000)

    assert before is None
    assert readiness.problem() == "the broker has not answered for 6 s"


async def test_a_refused_event_is_a_problem_until_one_is_stored() -> None:
    readiness = reached(ManualClock())

    readiness.not_stored("the disk is full")
    refused = readiness.problem()
    readiness.stored()

    assert refused == "an event could not be stored 0 s ago: the disk is full"
    assert readiness.problem() is None


async def test_a_refused_event_is_forgotten_so_that_the_next_one_may_try() -> None:
    """Nobody sends to an endpoint that is not ready, so nothing else would make it ready again."""
    clock = ManualClock()
    readiness = reached(clock)
    readiness.not_stored("the disk is full")

    clock.advance(REFUSAL_MS_MAX + 1)

    assert "the disk is full" not in (readiness.problem() or "")


async def test_a_refused_event_speaks_until_a_probe_is_stored_where_one_may_be_written() -> None:
    """A full disk stays full: that nobody sends events for a while is no sign of the opposite."""
    clock = ManualClock()
    readiness = reached(clock)
    readiness.probed = True
    readiness.not_stored("the disk is full")

    readiness.probe_stored()  # the reason may be the topic's own
    soon = readiness.problem()
    clock.advance(REFUSAL_MS_MAX + 1)
    readiness.heard()
    later, unsure = readiness.problem(), readiness.is_unsure()
    readiness.probe_stored()

    assert "the disk is full" in (soon or "") and "the disk is full" in (later or "")
    assert unsure and readiness.problem() is None


async def test_while_nobody_sends_a_probe_tells_whether_records_are_stored() -> None:
    clock = ManualClock()
    readiness = reached(clock)

    before = readiness.is_unsure()
    clock.advance(PROBE_EVERY_MS)
    readiness.heard()
    silent = readiness.is_unsure()
    readiness.probe_not_stored("no space left")
    refused = readiness.problem()
    readiness.stored()

    assert (before, silent) == (False, True)
    assert refused == "a probe record could not be stored: no space left"
    assert readiness.problem() is None and not readiness.is_unsure()


async def test_an_endpoint_that_nobody_sends_to_finds_out_that_nothing_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "PROBE_EVERY_MS", 0)
    monkeypatch.setattr(store_probe, "LOOK_S", 0.1)
    with kafka_address(tmp_path / "broker") as kafka:
        async with running_ingest(kafka, tmp_path / "ingest") as ingest:
            await _until_there(kafka, STORE_PROBE.name)
            await asyncio.to_thread(_bound, kafka, STORE_PROBE.name, "1")
            full = await _until_status(ingest, 503)
            await asyncio.to_thread(_bound, kafka, STORE_PROBE.name, "1048588")
            free = await _until_status(ingest, 200)

    assert "a probe record could not be stored" in full
    assert "could not be stored" not in free


async def test_a_probe_whose_topic_cannot_be_made_yet_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that is full when the endpoint starts has room later."""
    monkeypatch.setattr(store_probe, "MADE_WITHIN_S", 0.1)
    monkeypatch.setattr(store_probe, "PREPARE_AGAIN_S", 0.1)
    port = free_port()
    config, ready = KafkaConfig(bootstrap_servers=f"127.0.0.1:{port}"), reached(ManualClock())
    producer = Producer(config, client_id="test")
    async with asyncio.timeout(40), asyncio.TaskGroup() as tasks:
        probing = tasks.create_task(StoreProbe(config, producer, ready).run())
        while "not probed" not in caplog.text:
            await asyncio.sleep(0.05)
        async with running_broker(tmp_path / "broker", port=port):
            while not ready.probed:
                await asyncio.sleep(0.05)
            probing.cancel()
            await producer.close()

    assert ready.probed


async def test_an_endpoint_whose_broker_stores_nothing_is_not_ready(tmp_path: Path) -> None:
    """The broker answers all questions, as one with a full disk does, and refuses each event."""
    with kafka_address(tmp_path / "broker") as kafka:
        site = new_site()
        await asyncio.to_thread(register, kafka, site)
        async with running_ingest(kafka, tmp_path / "ingest") as ingest:
            await asyncio.to_thread(_bound, kafka, EVENTS.name, "1")
            refused, *_ = await ingest.post("/api/event", _page(site))
            unready, _ = await _readyz(ingest)
            counted = await ingest.metrics()
            await asyncio.to_thread(_bound, kafka, EVENTS.name, "1048588")
            stored, *_ = await ingest.post("/api/event", _page(site))
            ready, _ = await _readyz(ingest)

            assert (refused, unready) == (503, 503)
            assert "footfall_beacon_ready 0.0" in counted
            assert (stored, ready) == (202, 200)
            assert "footfall_beacon_ready 1.0" in await ingest.metrics()


def _page(site: str) -> str:
    return f'{{"n":"pageview","u":"https://{site}/","d":"{site}"}}'


async def _readyz(ingest: RunningIngest) -> tuple[int, str]:
    async with ingest.http.get(ingest.url + "/readyz") as answer:
        return answer.status, await answer.text()


async def _until_status(ingest: RunningIngest, status: int) -> str:
    """What is said with it."""
    async with asyncio.timeout(40):
        while (told := await _readyz(ingest))[0] != status:
            await asyncio.sleep(0.1)
    return told[1]


async def _until_there(kafka: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    async with asyncio.timeout(40):
        while topic not in (await asyncio.to_thread(admin.list_topics, timeout=10)).topics:
            await asyncio.sleep(0.1)


def _bound(kafka: str, topic: str, size_bytes: str) -> None:
    """Set the largest batch that a topic takes."""
    changes = Changes(KafkaConfig(bootstrap_servers=kafka))
    changes.set_configs(topic, {"max.message.bytes": size_bytes})
