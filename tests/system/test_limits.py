"""Many and large: connections, partitions, members; and clients that take for ever.

The short form shows that it works; the long one (HYPOTHESIS_PROFILE=exhaustive, `make crash`) has
the numbers that docs/limits.md names, and prints what they cost.
"""

import asyncio
import os
import struct
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.protocol.codec import encode_bytes
from broker.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from broker.protocol.messages.consumer_protocol import ConsumerProtocolSubscription
from broker.protocol.messages.find_coordinator import (
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.protocol.messages.join_group import (
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    JoinGroupResponse,
)
from broker.protocol.messages.metadata import MetadataRequest, MetadataResponse
from broker.protocol.messages.sync_group import (
    SyncGroupRequest,
    SyncGroupRequestAssignment,
    SyncGroupResponse,
)
from tests.fuzz.attack import Shape, Target
from tests.support.measured import connect, cost, target_of
from tests.support.raw_client import RawClient
from tests.support.topic_calls import batch_of, make_topic, read, write

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "exhaustive"
CONNECTIONS = 1_000 if LONG else 200
CHURN = 20_000 if LONG else 1_000
PARTITIONS = 10_000 if LONG else 100
MEMBERS = 100 if LONG else 20
TOPICS = 10

pytestmark = [pytest.mark.system, pytest.mark.may_block, pytest.mark.timeout(300)]


async def test_clients_that_take_for_ever_are_closed_and_counted(tmp_path: Path) -> None:
    """Slow loris: one byte now and then keeps no connection open without a whole request."""
    async with (
        target_of(tmp_path, connections_max_idle_ms=1_000) as target,
        await connect(target) as honest,
    ):
        slow = [await asyncio.open_connection("127.0.0.1", target.process.port) for _ in range(50)]
        open_ones = set(range(len(slow)))
        for byte in struct.pack(">i", 1_000) + bytes(200):
            for number in list(open_ones):
                reader, writer = slow[number]
                if reader.at_eof() or writer.is_closing():
                    open_ones.discard(number)
                    continue
                writer.write(bytes([byte]))
            await honest.ask(ApiVersionsRequest(), 0, ApiVersionsResponse)
            if not open_ones:
                break
            await asyncio.sleep(0.05)
        for _, writer in slow:
            writer.transport.abort()

        assert open_ones == set()
        assert target.counters()["footfall_kafka_connections_idle_closed_total"] == len(slow)


async def test_frames_of_impossible_size_close_at_once(tmp_path: Path) -> None:
    async with target_of(tmp_path) as target:
        for number, size in enumerate((-1, -(2**31), 104_857_601, 2**31 - 1), start=1):
            async with await connect(target) as client:
                client.send_bytes(struct.pack(">i", size) + bytes(100))

                assert await client.read_to_end() == b"", size
                assert target.counters()["footfall_kafka_protocol_errors_total"] == number, size


async def test_announced_bytes_that_never_come_cost_no_memory(tmp_path: Path) -> None:
    """A hundred frames of 100 MiB each are announced; what arrives of them is all that is kept."""
    async with target_of(tmp_path) as target, AsyncExitStack() as clients:
        before = target.shape()
        for _ in range(100):
            client = await clients.enter_async_context(await connect(target))
            client.send_bytes(struct.pack(">i", 104_857_600) + bytes(1000))
        honest = await clients.enter_async_context(await connect(target))
        await honest.ask(ApiVersionsRequest(), 0, ApiVersionsResponse)

        assert target.shape().resident_bytes - before.resident_bytes < 32 * 2**20


async def test_many_connections_are_served_and_leave_nothing_behind(tmp_path: Path) -> None:
    async with target_of(tmp_path) as target:
        before = target.shape()
        began_s = time.perf_counter()
        clients = [await connect(target) for _ in range(CONNECTIONS)]
        answers = await asyncio.gather(
            *(client.ask(ApiVersionsRequest(), 0, ApiVersionsResponse) for client in clients)
        )
        cost(f"{CONNECTIONS} connections, one request each", began_s, target)
        during = target.shape()
        for client in clients:
            client.close()
        deadline_s = time.monotonic() + 60
        while target.shape().sockets > before.sockets and time.monotonic() < deadline_s:
            await asyncio.sleep(0.05)

        assert {answer.error_code for answer in answers} == {ErrorCode.NONE}
        assert during.sockets - before.sockets == CONNECTIONS
        assert target.shape().sockets == before.sockets


async def test_connections_that_come_and_go_leave_nothing_behind(tmp_path: Path) -> None:
    """Some say good-bye, some are cut off in the middle of a frame, some ask and do not wait."""

    async def visit(target: Target, number: int) -> None:
        client = await connect(target)
        if number % 3 == 0:
            await client.ask(ApiVersionsRequest(), 0, ApiVersionsResponse)
        elif number % 3 == 1:
            client.send_bytes(struct.pack(">i", 50_000) + bytes(20_000))
        else:
            client.send(ApiVersionsRequest(), 0)
        if number % 2:
            client.close()
        else:
            client.abort()

    async def left(target: Target, sockets: int) -> Shape:
        """Its shape once all visitors are gone, or after a minute."""
        deadline_s = time.monotonic() + 60
        while (shape := target.shape()).sockets > sockets and time.monotonic() < deadline_s:
            await asyncio.sleep(0.05)
        return shape

    async with target_of(tmp_path) as target:
        idle = target.shape().sockets
        for number in range(CHURN // 4):  # what is kept for ever is kept now
            await visit(target, number)
        before, began_s = await left(target, idle), time.perf_counter()
        for number in range(CHURN):
            await visit(target, number)
        after = await left(target, idle)
        cost(f"{CHURN} connections came and went", began_s, target)

    assert after.sockets == before.sockets
    assert after.descriptors <= before.descriptors  # files that nobody wrote to are closed
    assert after.resident_bytes - before.resident_bytes < 4 * 2**20


async def test_many_partitions_are_made_described_and_there_again(tmp_path: Path) -> None:
    async with target_of(tmp_path) as target:
        cost("start, nothing in it", time.perf_counter(), target)
        async with await connect(target) as client:
            began_s = time.perf_counter()
            for number in range(TOPICS):
                await make_topic(client, f"many-{number}", PARTITIONS // TOPICS)
            cost(f"{PARTITIONS} partitions made", began_s, target)
            began_s = time.perf_counter()
            described = await client.ask(MetadataRequest(topics=None), 12, MetadataResponse)
            cost("all of them described", began_s, target)
            await write(client, "many-0", batch_of(b"first"))
        for way in (target.process.stop, target.process.kill):
            began_s = time.perf_counter()
            way()
            print(f"{way.__name__}: {time.perf_counter() - began_s:.3f} s")
            began_s = time.perf_counter()
            target.process.start()
            cost(f"start after {way.__name__}", began_s, target)
            assert target.shape().descriptors < PARTITIONS + 200
        async with await connect(target) as client:
            again = await client.ask(MetadataRequest(topics=None), 12, MetadataResponse)

            assert await read(client, "many-0") == [b"first"]
        parts = [part for topic in again.topics for part in topic.partitions]
        assert {part.error_code for part in parts} == {ErrorCode.NONE}
        assert len(parts) == sum(len(topic.partitions) for topic in described.topics) == PARTITIONS


async def test_a_group_of_many_members_comes_to_one_generation(tmp_path: Path) -> None:
    async with (
        target_of(tmp_path, group_initial_rebalance_delay_ms=1_000) as target,
        AsyncExitStack() as open_clients,
    ):
        clients = [
            await open_clients.enter_async_context(await connect(target)) for _ in range(MEMBERS)
        ]
        await clients[0].ask(FindCoordinatorRequest(key="crowd"), 3, FindCoordinatorResponse)
        began_s = time.perf_counter()
        joined = await asyncio.gather(*(_join(client) for client in clients))
        synced = await asyncio.gather(
            *(_sync(client, mine) for client, mine in zip(clients, joined, strict=True))
        )
        cost(f"{MEMBERS} members joined and synced, 1 s of it waiting", began_s, target)
        began_s = time.perf_counter()
        beats = await asyncio.gather(
            *(
                client.ask(
                    HeartbeatRequest("crowd", mine.generation_id, mine.member_id),
                    3,
                    HeartbeatResponse,
                )
                for client, mine in zip(clients, joined, strict=True)
            )
        )
        cost("a heartbeat of each", began_s, target)

        assert {mine.generation_id for mine in joined} == {joined[0].generation_id}
        assert len({mine.member_id for mine in joined}) == MEMBERS
        assert {answer.error_code for answer in synced} == {ErrorCode.NONE}
        assert {answer.error_code for answer in beats} == {ErrorCode.NONE}
        assert {bytes(answer.assignment) for answer in synced} == {
            mine.member_id.encode() for mine in joined
        }


async def _join(client: RawClient) -> JoinGroupResponse:
    metadata = struct.pack(">h", 0) + encode_bytes(ConsumerProtocolSubscription(["many"]), 0)
    request = JoinGroupRequest(
        group_id="crowd",
        session_timeout_ms=5_000,
        rebalance_timeout_ms=5_000,
        protocol_type="consumer",
        protocols=[JoinGroupRequestProtocol("range", metadata)],
    )
    asked: JoinGroupResponse = await client.ask(request, 7, JoinGroupResponse)
    assert asked.error_code == ErrorCode.MEMBER_ID_REQUIRED
    request.member_id = asked.member_id
    joined: JoinGroupResponse = await client.ask(request, 7, JoinGroupResponse)
    assert joined.error_code == ErrorCode.NONE
    return joined


async def _sync(client: RawClient, mine: JoinGroupResponse) -> SyncGroupResponse:
    shares = [
        SyncGroupRequestAssignment(member.member_id, member.member_id.encode())
        for member in mine.members
    ]
    request = SyncGroupRequest(
        group_id="crowd",
        generation_id=mine.generation_id,
        member_id=mine.member_id,
        protocol_type="consumer",
        protocol_name="range",
        assignments=shares,
    )
    answer: SyncGroupResponse = await client.ask(request, 5, SyncGroupResponse)
    return answer
