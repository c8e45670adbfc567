import asyncio
import logging
import struct
import time

import pytest

from broker.durations import Part
from broker.protocol.messages.fetch import FetchRequest
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.protocol.messages.list_groups import ListGroupsRequest
from broker.protocol.messages.metadata import MetadataRequest
from broker.protocol.messages.produce import ProduceRequest, ProduceResponse
from broker.server.connection import HELD_BYTES_MAX, PIPELINED_MAX
from tests.broker.server.conftest import ToyServer
from tests.support.raw_client import RawClient, request_frame


def produce(name: str, acks: int = -1) -> ProduceRequest:
    return ProduceRequest(transactional_id=name, acks=acks)


async def produced(client: RawClient, correlation_id: int) -> str:
    response = await client.receive(ProduceResponse, 9, correlation_id)
    name: str = response.responses[0].name
    return name


async def test_a_request_is_answered(server: ToyServer) -> None:
    async with await server.connect() as client:
        response = await client.ask(HeartbeatRequest(group_id="g"), 3, HeartbeatResponse)

        assert response.error_code == 0


async def test_a_request_that_arrives_byte_by_byte_is_answered(server: ToyServer) -> None:
    async with await server.connect() as client:
        for byte in request_frame(HeartbeatRequest(group_id="g"), 3, 1):
            client.send_bytes(bytes([byte]))
            await asyncio.sleep(0)

        assert await client.receive(HeartbeatResponse, 3, 1)


async def test_requests_sent_together_are_answered_in_order(server: ToyServer) -> None:
    async with await server.connect() as client:
        ids = [client.send(HeartbeatRequest(group_id=f"g{n}"), n % 4) for n in range(200)]

        for n, correlation_id in enumerate(ids):
            await client.receive(HeartbeatResponse, n % 4, correlation_id)

        assert server.toys.started == [f"g{n}" for n in range(200)]


async def test_thousands_of_requests_in_one_piece_are_answered(server: ToyServer) -> None:
    count = 5000
    frames = [request_frame(HeartbeatRequest(), 0, n, None) for n in range(count)]
    async with await server.connect() as client:
        client.send_bytes(b"".join(frames))

        for n in range(count):
            await client.receive(HeartbeatResponse, 0, n)

        assert len(server.toys.finished) == count


async def test_a_bug_after_the_first_wait_costs_one_connection_too(
    server: ToyServer, caplog: pytest.LogCaptureFixture
) -> None:
    gate = server.toys.gate("fetch 404")
    async with await server.connect() as client:
        client.send(FetchRequest(max_wait_ms=404), 12)  # there is no answer for it: KeyError
        await server.toys.until_started(1)

        gate.set()

        assert await client.read_to_end() == b""
        assert "KeyError: 404" in caplog.text
        assert server.metrics.connection_failures == 1


async def test_a_request_waits_until_the_one_before_it_is_answered(server: ToyServer) -> None:
    first = server.toys.gate("first")
    async with await server.connect() as client:
        ids = [client.send(HeartbeatRequest(group_id=name), 3) for name in ("first", "second")]
        await server.toys.until_started(1)
        async with await server.connect() as other:
            await other.ask(HeartbeatRequest(group_id="other"), 3, HeartbeatResponse)

        assert server.toys.started == ["first", "other"]

        first.set()
        for correlation_id in ids:
            await client.receive(HeartbeatResponse, 3, correlation_id)


async def test_produce_requests_start_together_and_are_answered_in_order(
    server: ToyServer,
) -> None:
    gates = [server.toys.gate(name) for name in ("a", "b", "c")]
    async with await server.connect() as client:
        ids = [client.send(produce(name), 9) for name in ("a", "b", "c")]
        await server.toys.until_started(3)

        for gate in reversed(gates):
            gate.set()
            await asyncio.sleep(0)

        assert server.toys.started == ["a", "b", "c"]
        assert [await produced(client, one) for one in ids] == ["a", "b", "c"]


async def test_another_request_waits_for_all_produce_requests_before_it(
    server: ToyServer,
) -> None:
    gate = server.toys.gate("slow")
    async with await server.connect() as client:
        first = client.send(produce("slow"), 9)
        second = client.send(HeartbeatRequest(group_id="g"), 3)
        third = client.send(produce("after"), 9)
        await server.toys.until_started(1)
        async with await server.connect() as other:
            await other.ask(HeartbeatRequest(group_id="other"), 3, HeartbeatResponse)

        assert server.toys.started == ["slow", "other"]

        gate.set()
        assert await produced(client, first) == "slow"
        await client.receive(HeartbeatResponse, 3, second)
        assert await produced(client, third) == "after"


async def test_produce_with_acks_0_has_no_answer_and_holds_up_nobody(server: ToyServer) -> None:
    async with await server.connect() as client:
        client.send(produce("silent", acks=0), 9)
        answered = client.send(produce("loud"), 9)

        assert await produced(client, answered) == "loud"
        assert server.toys.started == ["silent", "loud"]


async def test_refused_produce_with_acks_0_closes_the_connection(server: ToyServer) -> None:
    async with await server.connect() as client:
        client.send(produce("refused", acks=0), 9)

        assert await client.read_to_end() == b""
        assert server.metrics.connection_failures == 0


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(request_frame(MetadataRequest(), 9, 1), id="api that is not served"),
        pytest.param(request_frame(HeartbeatRequest(), 4, 1), id="version that is not served"),
        pytest.param(struct.pack(">ihhih", 10, 9999, 0, 1, -1), id="unknown api key"),
        pytest.param(struct.pack(">ihhihi", 14, 12, 3, 1, -1, 7), id="message cut short"),
        pytest.param(struct.pack(">i", 3) + b"abc", id="header cut short"),
        pytest.param(struct.pack(">i", 0), id="empty frame"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS handshake"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="HTTP request"),
        pytest.param(b"\xff" * 100, id="negative size"),
    ],
)
async def test_what_is_not_the_protocol_costs_its_connection_only(
    server: ToyServer, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with await server.connect() as client, await server.connect() as other:
        client.send_bytes(data)

        assert await client.read_to_end() == b""
        assert server.metrics.protocol_errors == 1
        assert "connection closed peer=/127.0.0.1 reason=" in caplog.text
        assert await other.ask(HeartbeatRequest(), 3, HeartbeatResponse)


async def test_a_frame_too_large_is_refused_naming_size_and_bound(
    server: ToyServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with await server.connect() as client:
        client.send_bytes(struct.pack(">i", 10_000_001))

        assert await client.read_to_end() == b""
        assert "frame of 10000001 bytes is outside 0 to 10000000" in caplog.text


async def test_answers_before_a_broken_frame_are_sent(server: ToyServer) -> None:
    gate = server.toys.gate("slow")
    async with await server.connect() as client:
        correlation_id = client.send(produce("slow"), 9)
        client.send_bytes(struct.pack(">ihhih", 10, 9999, 0, 2, -1))
        await server.toys.until_started(1)

        gate.set()

        assert await produced(client, correlation_id) == "slow"
        assert await client.read_to_end() == b""


async def test_a_bug_in_a_handler_costs_one_connection_and_is_logged(
    server: ToyServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with await server.connect() as client, await server.connect() as other:
        client.send(ListGroupsRequest(), 0)

        assert await client.read_to_end() == b""
        assert server.metrics.connection_failures == 1
        assert "request failed api=list_groups version=0 client_id=raw" in caplog.text
        assert "a bug in a handler" in caplog.text
        assert await other.ask(HeartbeatRequest(), 3, HeartbeatResponse)


async def test_a_client_that_leaves_ends_its_waiting_fetch(server: ToyServer) -> None:
    server.toys.gate("fetch 1")
    client = await server.connect()
    client.send(FetchRequest(max_wait_ms=1), 12)
    await server.toys.until_started(1)

    client.abort()
    await server.until_connections(0)
    await asyncio.sleep(0)

    assert server.toys.cancelled == ["fetch 1"]


async def test_a_client_that_leaves_does_not_cut_a_change_in_half(server: ToyServer) -> None:
    """A topic was made without its partitions when the client hung up at the wrong moment."""
    gate = server.toys.gate("a change")
    client = await server.connect()
    client.send(HeartbeatRequest(group_id="a change"), 3)
    await server.toys.until_started(1)

    client.abort()
    await server.until_connections(0)
    gate.set()
    while server.connections.have_work:
        await asyncio.sleep(0)

    assert server.toys.cancelled == []
    assert server.toys.finished == ["a change"]
    assert server.connections.held_bytes == 0


async def test_bytes_after_the_message_are_ignored(server: ToyServer) -> None:
    """librdkafka 2.16 asks for all topics with three bytes too many; Apache Kafka answers."""
    frame = request_frame(HeartbeatRequest(group_id="g"), 3, 1) + b"abc"
    async with await server.connect() as client:
        client.send_bytes(struct.pack(">i", len(frame) - 4) + frame[4:])

        assert await client.receive(HeartbeatResponse, 3, 1)


async def test_at_most_so_many_produce_requests_are_in_work(server: ToyServer) -> None:
    gate = server.toys.gate("p")
    async with await server.connect() as client:
        ids = [client.send(produce("p"), 9) for _ in range(PIPELINED_MAX + 10)]
        await server.toys.until_started(PIPELINED_MAX)
        for _ in range(10):
            await asyncio.sleep(0)

        assert len(server.toys.started) == PIPELINED_MAX

        gate.set()
        assert {await produced(client, one) for one in ids} == {"p"}


async def test_requests_that_wait_for_their_turn_take_bounded_memory(server: ToyServer) -> None:
    gate = server.toys.gate("slow")
    large = HeartbeatRequest(group_id="g", member_id="m" * 30_000)
    count = 5 * HELD_BYTES_MAX // 30_000
    async with await server.connect() as client:
        first = client.send(HeartbeatRequest(group_id="slow"), 3)
        ids = [client.send(large, 3) for _ in range(count)]
        for _ in range(2000):
            await asyncio.sleep(0)

        assert server.connections.held_bytes < HELD_BYTES_MAX + 1_000_000

        gate.set()
        for correlation_id in (first, *ids):
            await client.receive(HeartbeatResponse, 3, correlation_id)
        assert server.connections.held_bytes == 0


async def test_requests_are_counted_and_timed(server: ToyServer) -> None:
    async with await server.connect() as client:
        for _ in range(3):
            await client.ask(HeartbeatRequest(), 3, HeartbeatResponse)

    text = server.metrics.exposition().decode()
    assert 'kafka_network_requestmetrics_requests_total{request="Heartbeat"} 3.0' in text
    assert 'footfall_kafka_request_duration_seconds_count{api="Heartbeat"} 3.0' in text


async def test_a_wait_counts_as_remote_and_an_answer_behind_another_as_queued(
    server: ToyServer,
) -> None:
    gate = server.toys.gate("slow")
    async with await server.connect() as client:
        slow, quick = client.send(produce("slow"), 9), client.send(produce("quick"), 9)
        await server.toys.until_started(2)
        began_s = time.monotonic()
        while time.monotonic() < began_s + 0.02:
            await asyncio.sleep(0)
        gate.set()
        await produced(client, slow)
        await produced(client, quick)

    longest = {
        part: dict(server.metrics.request("Produce").quantiles(part))[0.999] for part in Part
    }
    assert longest[Part.REMOTE] >= 0.02  # of the one
    assert longest[Part.RESPONSE_QUEUE] >= 0.02  # of the other
    assert (
        max(longest[Part.REQUEST_QUEUE], longest[Part.LOCAL], longest[Part.RESPONSE_SEND])
        < (longest[Part.TOTAL])
    )


async def test_answers_that_get_ready_together_leave_together(server: ToyServer) -> None:
    gate = server.toys.gate("p0")
    server.toys.gates |= {f"p{n}": gate for n in range(1, 20)}
    async with await server.connect() as client:
        ids = [client.send(produce(f"p{n}"), 9) for n in range(20)]
        await server.toys.until_started(20)
        gate.set()

        assert [await produced(client, one) for one in ids] == [f"p{n}" for n in range(20)]
