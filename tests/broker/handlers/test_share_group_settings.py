"""What settings of a share group change for its members, and what its own log keeps (KIP-932)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.metadata.image import ResourceType
from broker.metadata.records import SHARE_STATE_TOPIC
from broker.protocol.messages import incremental_alter_configs as alter
from tests.support.memory_files import MemoryFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.share_calls import (
    ACCEPT,
    GROUP,
    acknowledge,
    acquired,
    fetch,
    from_the_beginning,
    given_to_a,
)
from tests.support.topic_calls import batch_of, make_topic, write
from tests.support.transaction_calls import Transactor

HOUR_MS = 3_600_000


async def setting(client: RawClient, name: str, value: str) -> None:
    resource = alter.AlterConfigsResource(
        int(ResourceType.GROUP), GROUP, [alter.AlterableConfig(name, 0, value)]
    )
    request = alter.IncrementalAlterConfigsRequest([resource])
    response = await client.ask(request, 1, alter.IncrementalAlterConfigsResponse)
    assert response.responses[0].error_code == ErrorCode.NONE


@pytest.mark.parametrize(
    ("isolation", "given"),
    [("read_committed", [(1, 3, 1)]), ("read_uncommitted", [(0, 0, 1), (1, 4, 1)])],
)
async def test_records_of_transactions_are_given_as_the_group_wants_them(
    client: RawClient, broker: RunningBroker, isolation: str, given: list[tuple[int, int, int]]
) -> None:
    jobs = (await make_topic(client, "jobs")).topic_id
    await from_the_beginning(client)
    await setting(client, "share.isolation.level", isolation)
    writer = Transactor(broker.services, "writer", 2)
    await writer.begin_life()
    for number, commit in enumerate((False, True)):  # aborted at 0, committed at 2
        await writer.write(("jobs", 0), f"v-{number}")
        await writer.end(commit=commit)
        await broker.services.transactions.upkeep.resume()
    await writer.write(("jobs", 0), "open")

    answer = await fetch(client, jobs, 0)
    more = await fetch(client, jobs, 1)

    assert acquired(answer) + acquired(more) == given


@pytest.mark.parametrize(("reset", "first"), [("by_duration:PT2H", 1), ("by_duration:PT30M", 2)])
async def test_a_group_begins_as_far_back_as_it_wants(
    client: RawClient, broker: RunningBroker, reset: str, first: int
) -> None:
    jobs = (await make_topic(client, "jobs")).topic_id
    await setting(client, "share.auto.offset.reset", reset)
    now_ms = broker.services.clock.now_ms()
    for age_ms in (3 * HOUR_MS, HOUR_MS, 0):
        written = await write(client, "jobs", batch_of(b"v", timestamp_ms=now_ms - age_ms))
        assert written.error_code == ErrorCode.NONE

    given = acquired(await fetch(client, jobs, 0))

    assert given[0][0] == first and given[-1][1] == 2


async def test_a_group_begins_with_the_first_record_that_is_young_enough(
    client: RawClient, broker: RunningBroker
) -> None:
    """As in Apache Kafka 4.2; records that are too old when they come are passed over."""
    jobs = (await make_topic(client, "jobs")).topic_id
    await setting(client, "share.auto.offset.reset", "by_duration:PT2H")
    now_ms = broker.services.clock.now_ms()
    codes, given = [], []
    for epoch, age_ms in enumerate((3 * HOUR_MS, 3 * HOUR_MS, HOUR_MS)):
        await write(client, "jobs", batch_of(b"v", timestamp_ms=now_ms - age_ms))
        answer = await fetch(client, jobs, epoch)
        codes.append(answer.responses[0].partitions[0].error_code)
        given += acquired(answer)

    assert codes == [ErrorCode.OFFSET_NOT_AVAILABLE] * 2 + [ErrorCode.NONE]
    assert given == [(2, 2, 1)]


async def test_a_fetch_waits_for_a_record_that_is_young_enough(
    client: RawClient, broker: RunningBroker
) -> None:
    jobs = (await make_topic(client, "jobs")).topic_id
    await setting(client, "share.auto.offset.reset", "by_duration:PT2H")
    async with (
        await RawClient.connect(broker.host, broker.port) as other,
        asyncio.TaskGroup() as tasks,
    ):
        waiting = tasks.create_task(fetch(client, jobs, 0, max_wait_ms=30_000))
        while not len(broker.services.partitions.waiting):
            await asyncio.sleep(0.01)
        now_ms = broker.services.clock.now_ms()
        await write(other, "jobs", batch_of(b"v", timestamp_ms=now_ms))

    assert acquired(await waiting) == [(0, 0, 1)]


async def test_the_log_of_a_group_at_work_stays_short_and_says_the_same(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "share_coordinator_snapshot_update_records_per_snapshot": 5,
        "share_coordinator_state_topic_num_partitions": 1,
    }
    async with (
        running_broker(tmp_path, **settings) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        jobs = await given_to_a(client, 30)

        for offset in range(20):
            assert await acknowledge(client, jobs, offset + 1, (offset, offset, [ACCEPT])) == (0, 0)

        log = broker.services.partitions.get(SHARE_STATE_TOPIC, 0)
        assert log.log_start_offset > 0
        assert log.log_end_offset - log.log_start_offset <= 10
    async with (
        running_broker(tmp_path, **settings) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        again = await fetch(client, jobs, 0)

    assert [(first, last) for first, last, _ in acquired(again)] == [(20, 29)]


async def test_answers_that_a_full_disk_refused_are_as_if_never_given(tmp_path: Path) -> None:
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        jobs = await given_to_a(client, 3)
        kept = await acknowledge(client, jobs, 1, (0, 0, [ACCEPT]))

        files.full_directory = str(tmp_path)
        refused = await acknowledge(client, jobs, 2, (1, 1, [ACCEPT]))
        files.full_directory = ""
        await fetch(client, jobs, -1)
        again = await fetch(client, jobs, 0, member="b")

    assert kept == (0, 0)
    assert refused[0] != ErrorCode.NONE or refused[1] != ErrorCode.NONE
    given = [offset for first, last, _ in acquired(again) for offset in range(first, last + 1)]
    assert given == [1, 2]  # in two runs: of the second it is known that it was given before
