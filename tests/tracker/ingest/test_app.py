"""The endpoint's contract, on a real broker: each status, each header, and what was stored."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.kafka_address import kafka_address, new_site
from tests.support.running_ingest import (
    RunningIngest,
    events_of,
    records_of,
    register,
    running_ingest,
)
from tracker.config import KafkaConfig
from tracker.ingest import role
from tracker.kafka.changes import Changes
from tracker.topics import DEADLETTER, METRICS

TOKEN = "a-token-for-tests"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with kafka_address(tmp_path_factory.mktemp("broker")) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="module")
def site(kafka: str) -> str:
    name = new_site()
    register(kafka, name)
    return name


@pytest.fixture(scope="module")
def measured_site(kafka: str) -> str:
    """Another one, for a test that must see its own values alone."""
    name = new_site()
    register(kafka, name)
    return name


@pytest_asyncio.fixture
async def ingest(kafka: str, site: str, tmp_path: Path) -> AsyncIterator[RunningIngest]:
    async with running_ingest(kafka, tmp_path, api_tokens=(TOKEN,)) as started:
        yield started


def page(site: str, **fields: Any) -> str:
    return json.dumps({"n": "pageview", "u": f"https://{site}/", "d": site, **fields})


async def stored(kafka: str, site: str, page_title: str) -> int:
    """How many events of this title the topic holds."""
    events = await asyncio.to_thread(events_of, kafka, site)
    return sum(event.title == page_title for event in events)


async def test_202_means_that_the_topic_holds_the_event(
    ingest: RunningIngest, kafka: str, site: str
) -> None:
    status, headers, body = await ingest.post("/api/event", page(site, title="one", p={"a": 1}))

    assert (status, body) == (202, "")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Retry-After" in headers["Access-Control-Expose-Headers"]
    assert headers["Cache-Control"] == "no-store"
    assert await stored(kafka, site, "one") == 1


async def test_many_at_once_are_all_stored(ingest: RunningIngest, kafka: str, site: str) -> None:
    answers = await asyncio.gather(
        *(ingest.post("/api/event", page(site, title="many")) for _ in range(200))
    )

    assert {status for status, _, _ in answers} == {202}
    assert await stored(kafka, site, "many") == 200


async def test_an_envelope_is_stored_whole(ingest: RunningIngest, kafka: str, site: str) -> None:
    events = [json.loads(page(site, title="batch", seq=number)) for number in range(20)]

    status, _, _ = await ingest.post("/api/event", json.dumps({"v": 1, "events": events}))

    assert status == 202
    assert await stored(kafka, site, "batch") == 20


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("{", 400, "format_violation"),
        ("", 400, "format_violation"),
        ("{}", 400, "schema_violation"),
        ('{"n":"pageview","u":"https://a.example/","d":"typo.example"}', 404, "unknown_site"),
        ("x" * 65_537, 413, "size_violation"),
        ('{"events":[' + ",".join(["{}"] * 51) + "]}", 413, "size_violation"),
    ],
    ids=["garbage", "empty", "no fields", "unknown site", "large", "many"],
)
async def test_a_mistake_is_named(
    ingest: RunningIngest, body: str, status: int, error: str
) -> None:
    answer, headers, text = await ingest.post("/api/event", body)

    assert (answer, json.loads(text)["error"]) == (status, error)
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Retry-After" not in headers


async def test_a_form_is_415(ingest: RunningIngest) -> None:
    status, _, text = await ingest.post(
        "/api/event", "a=b", Content_Type="application/x-www-form-urlencoded"
    )

    assert status == 415
    assert json.loads(text)["message"] == (
        "Content-Type 'application/x-www-form-urlencoded' is none of application/json,"
        " application/octet-stream, text/plain"
    )


async def test_a_wrong_method_is_405_and_an_unknown_path_404(ingest: RunningIngest) -> None:
    async with ingest.http.get(ingest.url + "/api/event") as wrong_method:
        allowed = wrong_method.headers["Allow"]
    async with ingest.http.get(ingest.url + "/admin") as wrong_path:
        pass

    assert (wrong_method.status, allowed) == (405, "POST, OPTIONS")
    assert wrong_path.status == 404


async def test_a_preflight_is_answered_for_a_day(ingest: RunningIngest) -> None:
    async with ingest.http.options(ingest.url + "/api/event") as answer:
        headers = answer.headers

    assert answer.status == 204
    assert headers["Access-Control-Max-Age"] == "86400"
    assert "Content-Type" in headers["Access-Control-Allow-Headers"]


async def test_a_refused_body_is_kept_with_its_reason(ingest: RunningIngest, kafka: str) -> None:
    body = '{"n": "broken on purpose"'

    await ingest.post("/api/event", body)
    async with asyncio.timeout(50):
        while body.encode() not in (letters := await _letters(kafka)):
            continue

    headers = letters[body.encode()]
    assert headers["dlq_reason"] == b"format_violation"
    assert headers["dlq_step"] == b"format"
    assert headers["dlq_timestamp"].isdigit()


async def _letters(kafka: str) -> dict[bytes, dict[str, bytes]]:
    records = await asyncio.to_thread(records_of, kafka, DEADLETTER)
    return {record.value or b"": dict(record.headers) for record in records}  # type: ignore[arg-type]


async def test_the_debug_header_shows_and_stores_nothing(
    ingest: RunningIngest, kafka: str, site: str
) -> None:
    status, _, text = await ingest.post(
        "/api/event", page(site, title="debug"), X_Debug_Request="true"
    )

    shown = json.loads(text)
    assert (status, shown["client_ip"]) == (200, "127.0.0.1")
    assert shown["events"][0]["browser"] == "Chrome"
    assert await stored(kafka, site, "debug") == 0


async def test_a_blocked_address_hears_202_and_why(kafka: str, site: str, tmp_path: Path) -> None:
    async with running_ingest(kafka, tmp_path, blocked_addresses=("127.0.0.1",)) as ingest:
        status, headers, _ = await ingest.post("/api/event", page(site, title="blocked"))

    assert (status, headers["X-Event-Dropped"]) == (202, "blocked_address")
    assert headers["X-Plausible-Dropped"] == "1"
    assert await stored(kafka, site, "blocked") == 0


async def test_the_pixel_is_an_image_and_a_page_view(
    ingest: RunningIngest, kafka: str, site: str
) -> None:
    url = f"{ingest.url}/px.gif?site={site}&url=https://{site}/mail&p.list=a"
    async with ingest.http.get(url, headers={"User-Agent": "Mozilla/5.0 Firefox/128.0"}) as answer:
        body = await answer.read()

    events = await asyncio.to_thread(events_of, kafka, site)
    assert (answer.status, answer.content_type, len(body)) == (200, "image/gif", 42)
    assert [event.props for event in events if event.pathname == "/mail"] == [{"list": "a"}]


async def test_a_server_sends_a_packed_batch_and_hears_of_each_mistake(
    ingest: RunningIngest, kafka: str, site: str
) -> None:
    lines = "\n".join([page(site, title="server"), "{}", page("typo.example"), page(site)])

    status, _, text = await ingest.post(
        "/api/events",
        gzip.compress(lines.encode()),
        Content_Encoding="gzip",
        Authorization=f"Bearer {TOKEN}",
    )

    assert status == 202
    assert json.loads(text) == {
        "accepted": 2,
        "rejected": [
            {"index": 1, "reason": "schema_violation"},
            {"index": 2, "reason": "unknown_site"},
        ],
    }
    assert await stored(kafka, site, "server") == 1


async def test_a_server_speaks_for_its_visitors(
    ingest: RunningIngest, kafka: str, site: str
) -> None:
    body = json.dumps([json.loads(page(site, title="spoken", ip="8.8.8.8"))])

    await ingest.post("/api/events", body, Authorization=f"Bearer {TOKEN}")

    events = await asyncio.to_thread(events_of, kafka, site)
    assert [event.country for event in events if event.title == "spoken"] == ["US"]


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", f"Basic {TOKEN}", "Bearer "])
async def test_without_the_token_nothing_is_taken(
    ingest: RunningIngest, authorization: str
) -> None:
    status, headers, _ = await ingest.post("/api/events", "[]", Authorization=authorization)

    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_a_bomb_is_413(ingest: RunningIngest) -> None:
    status, _, _ = await ingest.post(
        "/api/events",
        gzip.compress(b" " * 100_000_000),
        Content_Encoding="gzip",
        Authorization=f"Bearer {TOKEN}",
    )

    assert status == 413


async def test_too_many_requests_of_one_address_are_429(
    kafka: str, site: str, tmp_path: Path
) -> None:
    async with running_ingest(kafka, tmp_path, max_requests_per_second=1) as ingest:
        answers = [await ingest.post("/api/event", page(site)) for _ in range(4)]

    assert answers[0][0] == 202
    assert answers[-1][0] == 429
    assert answers[-1][1]["Retry-After"] == "5"


async def test_measured_values_go_to_their_own_topic(
    ingest: RunningIngest, kafka: str, measured_site: str
) -> None:
    vitals = {"lcp": {"value": 1830, "rating": "good"}, "cls": {"value": 0.02}}

    status, _, _ = await ingest.post(
        "/api/event", page(measured_site, n="web-vitals", vitals=vitals)
    )

    measured = await asyncio.to_thread(events_of, kafka, measured_site, METRICS)
    assert status == 202
    assert {event.metric_name: event.metric_value for event in measured} == {
        "lcp": 1830.0,
        "cls": 0.02,
    }
    assert len({event.event_id for event in measured}) == 2


async def test_202_means_that_measured_values_are_stored_too(
    ingest: RunningIngest, kafka: str, site: str
) -> None:
    changes = Changes(KafkaConfig(bootstrap_servers=kafka))
    event = page(site, n="web-vitals", vitals={"lcp": {"value": 1830}})
    statuses = []
    for bytes_max in ("1", None):  # the topic takes nothing, and then what it took before
        configs = {"max.message.bytes": bytes_max}
        await asyncio.to_thread(changes.set_configs, METRICS.name, configs)
        statuses.append((await ingest.post("/api/event", event))[0])

    assert statuses == [503, 202]


async def test_a_new_site_is_counted_at_once(ingest: RunningIngest, kafka: str) -> None:
    name = new_site()
    before, _, _ = await ingest.post("/api/event", page(name))
    await asyncio.to_thread(register, kafka, name)

    async with asyncio.timeout(50):
        while (await ingest.post("/api/event", page(name)))[0] != 202:
            continue

    assert before == 404


async def test_each_outcome_is_counted(ingest: RunningIngest, site: str) -> None:
    await ingest.post("/api/event", page(site))
    await ingest.post("/api/event", page(site), User_Agent="Googlebot/2.1")
    await ingest.post("/api/event", "{")

    text = await ingest.metrics()

    assert 'footfall_beacons_total{outcome="accepted",reason="stored"} 1.0' in text
    assert 'footfall_beacons_total{outcome="accepted",reason="bot"} 1.0' in text
    assert 'footfall_beacons_total{outcome="rejected",reason="format_violation"} 1.0' in text
    assert 'footfall_beacon_request_duration_seconds_count{outcome="accepted"} 2.0' in text
    assert 'footfall_event_e2e_latency_seconds_count{stage="log"} 2.0' in text
    assert "footfall_beacon_queue_capacity 20000.0" in text


async def test_alive_and_ready_are_told_apart(ingest: RunningIngest) -> None:
    async with ingest.http.get(ingest.url + "/api/health") as health:
        said = await health.json()
    async with ingest.http.get(ingest.url + "/readyz") as ready:
        pass

    assert (health.status, said["acks"]) == (200, "all")
    assert ready.status == 200


async def test_without_a_broker_every_event_is_503_and_comes_back_later(tmp_path: Path) -> None:
    nobody = "127.0.0.1:1"
    async with running_ingest(nobody, tmp_path, wait=False) as ingest:
        status, headers, _ = await ingest.post("/api/event", page("example.com"))
        async with ingest.http.get(ingest.url + "/readyz") as ready:
            pass
        async with ingest.http.get(ingest.url + "/api/health") as health:
            pass

    assert (status, headers["Retry-After"]) == (503, "5")
    assert (ready.status, health.status) == (503, 200)


async def read_to_end(reader: asyncio.StreamReader) -> None:
    """A connection may also end by a reset: for a byte that was sent after its end."""
    with suppress(ConnectionResetError):
        await reader.read()


async def test_a_client_that_does_not_finish_its_head_is_closed(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow loris: a byte now and then keeps no connection open."""
    monkeypatch.setattr(role, "KEEP_ALIVE_S", 0.3)
    async with running_ingest(kafka, tmp_path, wait=False) as ingest:
        port = int(ingest.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read_to_end(reader))
            for byte in b"POST /api/event HTTP/1.1\r\nX: " + b"x" * 1_000:
                writer.write(bytes([byte]))
                await asyncio.wait([reading], timeout=0.02)
                if reading.done():
                    break
            ended_by_itself = reading.done()
            writer.close()

        assert ended_by_itself
