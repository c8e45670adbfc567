from pathlib import Path
from typing import Any

import pytest

from broker.errors import ErrorCode
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, broker_process, running_broker
from tests.support.share_calls import (
    ACCEPT,
    RELEASE,
    acknowledge,
    acquired,
    fetch,
    from_the_beginning,
    produce,
)
from tests.support.topic_calls import make_topic


async def filled(client: RawClient, broker: RunningBroker, count: int) -> bytes:
    """A topic with records, of which a share group will get all; its id."""
    await make_topic(client, "jobs")
    topic_id = broker.services.cluster.image.topics["jobs"].topic_id
    await from_the_beginning(client)
    if count:
        await produce(client, "jobs", count)
    return topic_id


async def test_no_record_is_given_to_two_members(client: RawClient, broker: RunningBroker) -> None:
    jobs = await filled(client, broker, 5)

    first = await fetch(client, jobs, 0, member="a", max_records=3)
    second = await fetch(client, jobs, 0, member="b")
    third = await fetch(client, jobs, 0, member="c")

    assert first.acquisition_lock_timeout_ms == 30_000
    assert acquired(first) == [(0, 2, 1)]
    assert acquired(second) == [(3, 4, 1)]
    assert acquired(third) == []


async def test_what_a_member_held_comes_again_when_its_session_ends(
    client: RawClient, broker: RunningBroker
) -> None:
    jobs = await filled(client, broker, 2)
    await fetch(client, jobs, 0, member="a")

    await fetch(client, jobs, -1, member="a")
    again = await fetch(client, jobs, 0, member="b")

    assert acquired(again) == [(0, 1, 2)]


async def test_a_lock_that_ends_gives_the_record_to_who_waits(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "group_share_record_lock_duration_ms": 100,
        "group_share_delivery_count_limit": 2,
    }
    async with (
        running_broker(tmp_path / "data", **settings) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        jobs = await filled(client, broker, 1)
        await fetch(client, jobs, 0, member="a")

        second = await fetch(client, jobs, 0, member="b", max_wait_ms=10_000)
        third = await fetch(client, jobs, 1, member="b", max_wait_ms=500)

    assert acquired(second) == [(0, 0, 2)]
    assert acquired(third) == []  # it was tried as often as it may be


async def test_a_fetch_waits_for_records(client: RawClient, broker: RunningBroker) -> None:
    jobs = await filled(client, broker, 0)
    assert acquired(await fetch(client, jobs, 0)) == []
    async with await RawClient.connect(broker.host, broker.port) as other:
        await produce(other, "jobs", 1)

    response = await fetch(client, jobs, 1, max_wait_ms=10_000)

    assert acquired(response) == [(0, 0, 1)]


@pytest.mark.parametrize(
    ("epoch", "code"),
    [(2, ErrorCode.INVALID_SHARE_SESSION_EPOCH), (1, ErrorCode.NONE)],
)
async def test_a_session_counts_its_requests(
    client: RawClient, broker: RunningBroker, epoch: int, code: ErrorCode
) -> None:
    jobs = await filled(client, broker, 0)
    unknown = await fetch(client, jobs, 1)
    await fetch(client, jobs, 0)

    response = await fetch(client, jobs, epoch)

    assert unknown.error_code == ErrorCode.SHARE_SESSION_NOT_FOUND
    assert response.error_code == code


@pytest.mark.may_block
async def test_answers_outlive_kill_9(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data") as broker:
        async with await RawClient.connect(broker.host, broker.port) as client:
            topic_id = (await make_topic(client, "jobs")).topic_id
            await from_the_beginning(client)
            await produce(client, "jobs", 5)
            await fetch(client, topic_id, 0)
            await acknowledge(client, topic_id, 1, (0, 1, [ACCEPT]))
            await acknowledge(client, topic_id, 2, (3, 3, [RELEASE]))
        broker.kill()
        broker.start()
        async with await RawClient.connect(broker.host, broker.port) as client:
            after = await fetch(client, topic_id, 0, member="b")

    assert acquired(after) == [(2, 2, 1), (3, 3, 2), (4, 4, 1)]
