import asyncio
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from broker.errors import ErrorCode, KafkaError
from broker.server.metrics_http import MetricsServer, Told

GET = b"GET /metrics HTTP/1.1\r\nHost: broker\r\n\r\n"


class Health:
    problem = ""


def appended_between(topic: str, partition: int, offset: int) -> tuple[int, int] | None:
    return (offset, offset + partition) if topic == "events" else None


async def share_deliveries(group_id: str) -> list[tuple[str, int, tuple[int, ...]]]:
    if group_id == "elsewhere":
        raise KafkaError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, "it is being read")
    return [("events", 2, (3, 4, 5))] if group_id == "jobs" else []


TOLD = Told(appended_between, share_deliveries)


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
async def url(health: Health) -> AsyncIterator[str]:
    server = MetricsServer(lambda: iter((b"footfall_up ", b"1.0\n")), lambda: health.problem, TOLD)
    port = await server.start("127.0.0.1", 0)
    yield f"http://127.0.0.1:{port}"
    await server.stop()


async def test_metrics_are_served_as_prometheus_text(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert await response.text() == "footfall_up 1.0\n"


async def test_other_work_comes_between_the_pieces_of_a_scrape() -> None:
    loop = asyncio.get_running_loop()
    turns: list[int] = []

    def exposition() -> Iterator[bytes]:
        for number in range(3):
            assert len(turns) == number, "nobody had a turn since the piece before"
            loop.call_soon(turns.append, number)
            yield b"one_total 1.0\n"

    server = MetricsServer(exposition, lambda: "", TOLD)
    port = await server.start("127.0.0.1", 0)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as response,
    ):
        told = await response.read()
    await server.stop()

    assert (response.status, told) == (200, b"one_total 1.0\n" * 3)
    assert turns == [0, 1, 2]


async def test_health_tells_what_is_wrong(url: str, health: Health) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/health") as response:
            assert (response.status, await response.text()) == (200, "ok\n")

        health.problem = "log directory offline"
        async with session.get(f"{url}/health") as response:
            assert (response.status, await response.text()) == (503, "log directory offline\n")


async def test_append_times_are_answered_in_the_order_of_the_question(url: str) -> None:
    places = [["events", 2, 100], ["other", 0, 5], ["events", 0, 7]]
    question = {"places": places}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/append-times", json=question) as response,
    ):
        assert await response.json() == {"times": [[100, 102], None, [7, 7]]}


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"places": [["a", 0]]}', '{"places": [["a", 0, 1.5]]}',
             '{"places": [' + ",".join(['["a",0,0]'] * 2_001) + "]}", "[" * 100_000],
)  # fmt: skip
async def test_append_times_of_anything_else_are_refused(url: str, body: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/append-times", data=body) as response,
    ):
        assert response.status == 400


@pytest.mark.parametrize(
    ("kind", "body"), [("text/plain; charset=klingon", b"{}"), ("text/plain", b"\xff")]
)
async def test_append_times_asked_for_in_no_known_letters_are_refused(
    url: str, kind: str, body: bytes
) -> None:
    headers = {"Content-Type": kind}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/append-times", data=body, headers=headers) as response,
    ):
        assert response.status == 400


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("?group=jobs", 200, '{"partitions": [["events", 2, 3, 4, 5]]}'),
        ("?group=", 200, '{"partitions": []}'),
        ("?group=elsewhere", 503, "it is being read"),
        ("", 400, "name a group"),
    ],
)
async def test_what_became_of_the_records_of_a_share_group_is_told(
    url: str, query: str, status: int, text: str
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/share-deliveries{query}") as response,
    ):
        assert response.status == status
        assert text in await response.text()


async def test_other_paths_and_methods_are_refused(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/other") as response:
            assert response.status == 404
        async with session.post(f"{url}/metrics") as response:
            assert response.status == 405


@pytest.mark.parametrize("begun", [b"", b"GET /metrics HTTP/1.1\r\nX-Slow: ", GET + GET[:-1]])
async def test_a_client_that_does_not_finish_its_head_is_closed(begun: bytes) -> None:
    """Slow loris: what was answered before does not lengthen the time of what follows."""
    server = MetricsServer(lambda: iter(()), lambda: "", TOLD, keep_alive_s=0.2)
    port = await server.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(begun)

    async with asyncio.timeout(50):
        answered = await reader.read()
    writer.close()
    await server.stop()

    assert answered.count(b"HTTP/1.1 200") == begun.count(b"\r\n\r\n")
