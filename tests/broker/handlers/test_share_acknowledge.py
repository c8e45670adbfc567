import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.metadata.records import SHARE_STATE_TOPIC
from tests.support.memory_files import MemoryFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.share_calls import (
    ACCEPT,
    REJECT,
    RELEASE,
    RENEW,
    acknowledge,
    acquired,
    fetch,
    given_to_a,
)

SOON_FREE: dict[str, Any] = {
    "group_share_record_lock_duration_ms": 1_000,
    "group_share_min_record_lock_duration_ms": 1_000,
}


@pytest.fixture
async def jobs(client: RawClient) -> bytes:
    return await given_to_a(client, 5)


async def test_only_released_records_come_again(client: RawClient, jobs: bytes) -> None:
    words = [ACCEPT, RELEASE, REJECT, RELEASE, ACCEPT]

    outcome = await acknowledge(client, jobs, 1, (0, 4, words))
    again = await fetch(client, jobs, 0, member="b")

    assert outcome == (ErrorCode.NONE, ErrorCode.NONE)
    assert acquired(again) == [(1, 1, 2), (3, 3, 2)]


@pytest.mark.parametrize(
    ("batch", "member_epoch", "outcome"),
    [
        ((0, 5, [ACCEPT]), ("a", 1), (0, ErrorCode.INVALID_REQUEST)),
        ((3, 2, [ACCEPT]), ("a", 1), (0, ErrorCode.INVALID_REQUEST)),
        ((0, 4, [ACCEPT, ACCEPT]), ("a", 1), (0, ErrorCode.INVALID_REQUEST)),
        ((0, 0, []), ("a", 1), (0, ErrorCode.INVALID_REQUEST)),
        ((0, 0, [9]), ("a", 1), (0, ErrorCode.INVALID_REQUEST)),
        ((0, 0, [RENEW]), ("a", 1), (0, ErrorCode.INVALID_REQUEST)),
        ((0, 0, [ACCEPT]), ("a", 0), (ErrorCode.INVALID_SHARE_SESSION_EPOCH, -1)),
        ((0, 0, [ACCEPT]), ("nobody", 1), (ErrorCode.SHARE_SESSION_NOT_FOUND, -1)),
    ],
)
async def test_an_answer_that_cannot_be_changes_nothing(
    client: RawClient,
    jobs: bytes,
    batch: tuple[int, int, list[int]],
    member_epoch: tuple[str, int],
    outcome: tuple[int, int],
) -> None:
    member, epoch = member_epoch

    refused = await acknowledge(client, jobs, epoch, batch, member=member)
    await fetch(client, jobs, -1)
    again = await fetch(client, jobs, 0, member="b")

    assert refused == outcome
    assert acquired(again) == [(0, 4, 2)]


@pytest.mark.parametrize("last", [0, 2, 4], ids=["the first", "some", "all that was given"])
async def test_nobody_answers_for_what_another_holds(
    client: RawClient, jobs: bytes, last: int
) -> None:
    await fetch(client, jobs, 0, member="b")

    refused = await acknowledge(client, jobs, 1, (0, last, [ACCEPT]), member="b")
    of_the_holder = await acknowledge(client, jobs, 1, (0, 4, [ACCEPT]))

    assert refused == (ErrorCode.NONE, ErrorCode.INVALID_RECORD_STATE)
    assert of_the_holder == (ErrorCode.NONE, ErrorCode.NONE)


async def test_only_the_holder_answers_and_only_once(client: RawClient, jobs: bytes) -> None:
    await fetch(client, jobs, 0, member="b")

    of_another = await acknowledge(client, jobs, 1, (0, 0, [ACCEPT]), member="b")
    first = await acknowledge(client, jobs, 1, (2, 2, [ACCEPT]))
    second = await acknowledge(client, jobs, 2, (2, 2, [RELEASE]))

    assert of_another == (0, ErrorCode.INVALID_RECORD_STATE)
    assert first == (0, 0)
    assert second == (0, ErrorCode.INVALID_RECORD_STATE)


async def test_from_v2_on_a_lock_can_be_renewed(client: RawClient, jobs: bytes) -> None:
    outcome = await acknowledge(client, jobs, 1, (0, 4, [RENEW]), version=2, renewing=True)
    others = await fetch(client, jobs, 0, member="b")

    assert outcome == (0, 0)
    assert acquired(others) == []


async def test_a_full_disk_takes_no_lock_away(tmp_path: Path) -> None:
    """Its log is read again then, and tells nothing of who holds which record."""
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        topic_id = await given_to_a(client, 5)

        files.bytes_left = 0
        lost = await acknowledge(client, topic_id, 1, (0, 0, [ACCEPT]))
        files.bytes_left = 1 << 40
        of_others = acquired(await fetch(client, topic_id, 0, member="b"))
        kept = await acknowledge(client, topic_id, 2, (1, 4, [ACCEPT]))
        again = await acknowledge(client, topic_id, 3, (0, 0, [ACCEPT]))

    assert lost[1] != ErrorCode.NONE
    assert of_others == []
    assert kept == (ErrorCode.NONE, ErrorCode.NONE)
    assert again == (ErrorCode.NONE, ErrorCode.NONE)


async def test_an_answer_that_is_lost_after_its_lock_ended_gives_the_record_to_who_waits(
    tmp_path: Path,
) -> None:
    """A disk that hangs for longer than the lock, and then takes nothing: who else may have it?"""
    files, hangs = MemoryFiles(), threading.Event()
    one: dict[str, Any] = {"share_coordinator_state_topic_num_partitions": 1, **SOON_FREE}
    async with (
        running_broker(tmp_path, files=files, **one) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
        await RawClient.connect(broker.host, broker.port) as other,
    ):
        topic_id = await given_to_a(client, 1)
        await fetch(other, topic_id, 0, member="b")
        disk = broker.services.partitions.get(SHARE_STATE_TOPIC, 0).worker
        hanging = asyncio.ensure_future(disk.run(hangs.wait))
        losing = asyncio.ensure_future(acknowledge(client, topic_id, 1, (0, 0, [ACCEPT])))

        meanwhile = acquired(await fetch(other, topic_id, 1, member="b", max_wait_ms=1_500))
        files.bytes_left = 0
        hangs.set()
        lost = await losing
        files.bytes_left = 1 << 40
        afterwards = acquired(await fetch(other, topic_id, 2, member="b", max_wait_ms=10_000))
        await hanging

    assert meanwhile == []
    assert lost[1] != ErrorCode.NONE
    assert afterwards == [(0, 0, 2)]


@pytest.mark.parametrize("leaves", [False, True], ids=["released", "left behind"])
async def test_a_full_disk_forgets_no_delivery(tmp_path: Path, leaves: bool) -> None:
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files, **SOON_FREE) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        topic_id = await given_to_a(client, 5)
        await acknowledge(client, topic_id, 1, (0, 4, [RELEASE]))
        assert acquired(await fetch(client, topic_id, 2)) == [(0, 4, 2)]

        files.bytes_left = 0
        if leaves:
            await fetch(client, topic_id, -1)
        else:
            await acknowledge(client, topic_id, 3, (0, 4, [RELEASE]))
        files.bytes_left = 1 << 40
        found = acquired(await fetch(client, topic_id, 0, member="b", max_wait_ms=30_000))

    assert found == [(0, 4, 3)]
