"""The bundled broker tells when it appended a record, over HTTP, whatever producers stamped."""

import asyncio
import time
from pathlib import Path

import confluent_kafka
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dashboard.cluster.append_times import AppendTimes
from dashboard.cluster.lag import Appended
from tests.support.running_broker import running_broker
from tracker.topics import TopicPartition

EVENTS = TopicPartition("events", 0)


def write(bootstrap: str, stamp_ms: int) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap})
    producer.produce("events", b"x", partition=0, timestamp=stamp_ms)
    assert producer.flush(20) == 0


async def test_a_record_stamped_an_hour_ago_was_appended_just_now(tmp_path: Path) -> None:
    before_ms = time.time_ns() // 1_000_000
    async with running_broker(tmp_path, metrics_port=0) as broker:
        await asyncio.to_thread(write, broker.bootstrap, before_ms - 3_600_000)
        times = AppendTimes(f"http://127.0.0.1:{broker.metrics_port}/metrics")

        found = await times.told({(EVENTS, 0): 0, (TopicPartition("no", 3), 1): 1, (EVENTS, 9): 9})

    assert list(found) == [(EVENTS, 0)]
    assert before_ms <= found[EVENTS, 0].first_ms <= found[EVENTS, 0].last_ms
    assert found[EVENTS, 0].last_ms - found[EVENTS, 0].first_ms <= 100


@pytest.mark.parametrize(
    "body", ["", "{}", '{"times": []}', '{"times": 3}', '{"times": [["a", 1]]}', '{"times": [{}]}']
)
async def test_an_answer_that_is_none_is_no_fault(body: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=body)

    application = web.Application()
    application.router.add_post("/append-times", answer)
    async with TestServer(application) as server:
        assert await AppendTimes(str(server.make_url("/metrics"))).told({(EVENTS, 0): 0}) == {}


async def test_a_broker_that_is_not_there_is_no_fault() -> None:
    assert await AppendTimes("http://127.0.0.1:1/metrics").told({(EVENTS, 0): 0}) == {}


async def test_many_places_are_asked_in_several_questions() -> None:
    questions: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        places = (await request.json())["places"]
        questions.append(len(places))
        return web.json_response({"times": [[1, 2]] * len(places)})

    application = web.Application()
    application.router.add_post("/append-times", answer)
    async with TestServer(application) as server:
        wanted = {(EVENTS, offset): offset for offset in range(4_500)}
        found = await AppendTimes(str(server.make_url("/metrics"))).told(wanted)

    assert questions == [2_000, 2_000, 500]
    assert found[EVENTS, 4_499] == Appended(4_499, 1, 2)
