"""What acks=1 was told is there for questions that come before it is on disk."""

import asyncio
import os
import threading
from collections.abc import Callable

import pytest

from broker.errors import ErrorCode
from broker.partition import catching_up
from broker.protocol.messages import delete_records, list_offsets
from tests.support.raw_client import TIMEOUT_S, RawClient
from tests.support.topic_calls import batch_of, make_topic, write

HELD_S = 0.05
LONGEST_S = 20


@pytest.fixture
def hold_syncs(monkeypatch: pytest.MonkeyPatch) -> Callable[[], threading.Event]:
    """From the call on no sync ends before the event is set."""
    gate = threading.Event()
    sync = os.fdatasync

    def held(descriptor: int) -> None:
        gate.wait(LONGEST_S)
        sync(descriptor)

    def begin() -> threading.Event:
        monkeypatch.setattr(os, "fdatasync", held)
        return gate

    return begin


async def latest(client: RawClient) -> int:
    (offset,) = await all_latest(client, 1)
    return offset


async def all_latest(client: RawClient, partitions: int) -> list[int]:
    wanted = [list_offsets.ListOffsetsPartition(n, timestamp=-1) for n in range(partitions)]
    request = list_offsets.ListOffsetsRequest(
        replica_id=-1, topics=[list_offsets.ListOffsetsTopic("pages", wanted)]
    )
    response = await client.ask(request, 6, list_offsets.ListOffsetsResponse)
    return [answer.offset for answer in response.topics[0].partitions]


async def test_the_end_is_told_with_what_acks_1_acknowledged(
    client: RawClient, hold_syncs: Callable[[], threading.Event]
) -> None:
    await make_topic(client, "pages")
    gate = hold_syncs()
    await write(client, "pages", batch_of(b"a", b"b"), acks=1)
    asyncio.get_running_loop().call_later(HELD_S, gate.set)

    assert await latest(client) == 2


async def test_records_that_acks_1_acknowledged_can_be_deleted(
    client: RawClient, hold_syncs: Callable[[], threading.Event]
) -> None:
    await make_topic(client, "pages")
    gate = hold_syncs()
    await write(client, "pages", batch_of(b"a", b"b"), acks=1)
    asyncio.get_running_loop().call_later(HELD_S, gate.set)

    partition = delete_records.DeleteRecordsPartition(0, 2)
    topic = delete_records.DeleteRecordsTopic("pages", [partition])
    request = delete_records.DeleteRecordsRequest([topic], timeout_ms=5000)
    response = await client.ask(request, 2, delete_records.DeleteRecordsResponse)

    (answer,) = response.topics[0].partitions
    assert (answer.error_code, answer.low_watermark) == (ErrorCode.NONE, 2)


async def test_a_disk_that_hangs_does_not_hold_up_questions(
    client: RawClient,
    hold_syncs: Callable[[], threading.Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catching_up, "PATIENCE_S", HELD_S)
    await make_topic(client, "pages")
    gate = hold_syncs()
    await write(client, "pages", batch_of(b"a"), acks=1)

    told = await latest(client)
    gate.set()

    assert told == 0


async def test_the_patience_is_that_of_the_request_however_many_partitions_it_asks_for(
    client: RawClient,
    hold_syncs: Callable[[], threading.Event],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One after another they would take longer than the client waits for an answer."""
    count = 30
    monkeypatch.setattr(catching_up, "PATIENCE_S", 2 * TIMEOUT_S / count)
    await make_topic(client, "pages", count)
    gate = hold_syncs()
    for index in range(count):
        await write(client, "pages", batch_of(b"a"), partition=index, acks=1)

    told = await all_latest(client, count)
    gate.set()

    assert told == [0] * count
    assert len([one for one in caplog.records if "is not committed" in one.message]) == 1
