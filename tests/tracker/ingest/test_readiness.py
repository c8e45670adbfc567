"""Readiness tells the truth: what became of the last event counts, not only that one answers."""

import asyncio
from pathlib import Path

from tests.support.kafka_address import kafka_address, new_site
from tests.support.manual_clock import ManualClock
from tests.support.running_ingest import RunningIngest, register, running_ingest
from tracker.config import KafkaConfig
from tracker.ingest.readiness import REFUSAL_MS_MAX, SILENCE_MS_MAX, Readiness
from tracker.kafka_changes import Changes
from tracker.sites import SiteReader
from tracker.topics import EVENTS


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


async def test_an_endpoint_whose_broker_stores_nothing_is_not_ready(tmp_path: Path) -> None:
    """The broker answers all questions, as one with a full disk does, and refuses each event."""
    with kafka_address(tmp_path / "broker") as kafka:
        site = new_site()
        await asyncio.to_thread(register, kafka, site)
        async with running_ingest(kafka, tmp_path / "ingest") as ingest:
            await asyncio.to_thread(_bound_events, kafka, "1")
            refused, *_ = await ingest.post("/api/event", _page(site))
            unready = await _readyz(ingest)
            counted = await ingest.metrics()
            await asyncio.to_thread(_bound_events, kafka, "1048588")
            stored, *_ = await ingest.post("/api/event", _page(site))
            ready = await _readyz(ingest)

            assert (refused, unready) == (503, 503)
            assert "footfall_beacon_ready 0.0" in counted
            assert (stored, ready) == (202, 200)
            assert "footfall_beacon_ready 1.0" in await ingest.metrics()


def _page(site: str) -> str:
    return f'{{"n":"pageview","u":"https://{site}/","d":"{site}"}}'


async def _readyz(ingest: RunningIngest) -> int:
    async with ingest.http.get(ingest.url + "/readyz") as answer:
        return answer.status


def _bound_events(kafka: str, size_bytes: str) -> None:
    """Set the largest batch that the topic of events takes."""
    changes = Changes(KafkaConfig(bootstrap_servers=kafka))
    changes.set_configs(EVENTS.name, {"max.message.bytes": size_bytes})
