import asyncio
from pathlib import Path
from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.metadata.records import METADATA_TOPIC_ID
from broker.protocol.messages import share_fetch
from broker.security.acls import Operation, Permission, Resource
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, broker_process, running_broker
from tests.support.security_calls import add_acls, broker_and_client, entry
from tests.support.share_calls import (
    ACCEPT,
    GROUP,
    RELEASE,
    acknowledge,
    acquired,
    fetch,
    from_the_beginning,
    produce,
)
from tests.support.topic_calls import batch_of, make_topic, write


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


async def test_without_a_strict_limit_the_last_batch_is_given_whole(
    client: RawClient, broker: RunningBroker
) -> None:
    jobs = await filled(client, broker, 5)
    await produce(client, "jobs", 4)

    first = await fetch(client, jobs, 0, max_records=3, share_acquire_mode=0)
    second = await fetch(client, jobs, 1, max_records=3, share_acquire_mode=0)

    assert acquired(first) == [(0, 4, 1)]
    assert acquired(second) == [(5, 8, 1)]


async def test_a_run_of_the_wished_size_ends_with_its_batch(
    client: RawClient, broker: RunningBroker
) -> None:
    jobs = await filled(client, broker, 5)
    await produce(client, "jobs", 2)
    await produce(client, "jobs", 4)

    given = await fetch(client, jobs, 0, batch_size=6, share_acquire_mode=0)

    assert acquired(given) == [(0, 6, 1), (7, 10, 1)]


async def test_with_a_strict_limit_new_records_are_one_run(
    client: RawClient, broker: RunningBroker
) -> None:
    jobs = await filled(client, broker, 5)
    await produce(client, "jobs", 2)

    given = await fetch(client, jobs, 0, batch_size=1, share_acquire_mode=1)

    assert acquired(given) == [(0, 6, 1)]


async def test_the_first_answer_of_a_session_names_partitions_without_records(
    client: RawClient, broker: RunningBroker
) -> None:
    jobs = await filled(client, broker, 0)

    first = await fetch(client, jobs, 0)
    second = await fetch(client, jobs, 1)

    assert [part.partition_index for part in first.responses[0].partitions] == [0]
    assert second.responses == []


async def test_what_a_client_held_comes_again_when_its_connection_ends(
    client: RawClient, broker: RunningBroker
) -> None:
    jobs = await filled(client, broker, 2)
    dying = await RawClient.connect(broker.host, broker.port)
    await fetch(dying, jobs, 0, member="a")

    dying.abort()
    again = await fetch(client, jobs, 0, member="b", max_wait_ms=5000)

    assert acquired(again) == [(0, 1, 2)]


async def test_fewer_bytes_than_wished_are_given_when_the_time_is_up(
    client: RawClient, broker: RunningBroker
) -> None:
    jobs = await filled(client, broker, 1)
    loop = asyncio.get_running_loop()
    began = loop.time()

    given = await fetch(client, jobs, 0, min_bytes=10_000, max_wait_ms=150)

    assert acquired(given) == [(0, 0, 1)]
    assert loop.time() - began >= 0.14


async def test_enough_bytes_end_the_wait(client: RawClient, broker: RunningBroker) -> None:
    jobs = await filled(client, broker, 1)
    async with await RawClient.connect(broker.host, broker.port) as producer:
        given, _ = await asyncio.gather(
            fetch(client, jobs, 0, min_bytes=150, max_wait_ms=9000), produce(producer, "jobs", 10)
        )

    assert acquired(given) == [(0, 10, 1)]


async def test_renewing_locks_fetches_nothing(client: RawClient, broker: RunningBroker) -> None:
    jobs = await filled(client, broker, 1)

    refused = await fetch(client, jobs, 0, is_renew_ack=True)

    assert (refused.error_code, refused.error_message) == (ErrorCode.INVALID_REQUEST, None)


async def test_the_cluster_s_own_log_is_no_topic(client: RawClient, broker: RunningBroker) -> None:
    await from_the_beginning(client)

    given = await fetch(client, METADATA_TOPIC_ID, 0)

    (part,) = given.responses[0].partitions
    assert (part.error_code, bytes(part.records)) == (ErrorCode.UNKNOWN_TOPIC_ID, b"")


async def test_a_topic_without_the_right_to_read_is_told(tmp_path: Path) -> None:
    settings = {"authorizer_enabled": True, "allow_everyone_if_no_acl_found": True}
    async with broker_and_client(tmp_path, **settings) as (broker, client):
        jobs = await filled(client, broker, 1)
        denied = entry(Operation.READ, Resource.TOPIC, "jobs", permission=Permission.DENY)
        await add_acls(client, denied)

        given = await fetch(client, jobs, 0)
        outcome = await acknowledge(client, jobs, 1, (0, 0, [ACCEPT]))

    (part,) = given.responses[0].partitions
    assert part.error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    assert outcome == (0, ErrorCode.TOPIC_AUTHORIZATION_FAILED)


async def test_a_right_that_is_taken_away_counts_in_a_session_that_has_begun(
    tmp_path: Path,
) -> None:
    settings = {"authorizer_enabled": True, "allow_everyone_if_no_acl_found": True}
    async with broker_and_client(tmp_path, **settings) as (broker, client):
        jobs = await filled(client, broker, 1)
        allowed = await fetch(client, jobs, 0)
        await produce(client, "jobs", 1)
        denied = entry(Operation.READ, Resource.TOPIC, "jobs", permission=Permission.DENY)
        await add_acls(client, denied)

        unnamed = share_fetch.ShareFetchRequest(
            GROUP, "a", 1, max_wait_ms=0, min_bytes=1, max_bytes=1 << 20, max_records=100
        )
        given = await client.ask(unnamed, 1, share_fetch.ShareFetchResponse)

    assert acquired(allowed) == [(0, 0, 1)]
    (part,) = given.responses[0].partitions
    assert part.error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    assert bytes(part.records or b"") == b""


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
        "group_share_min_record_lock_duration_ms": 100,
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


async def test_partitions_are_read_for_the_first_time_one_an_answer(client: RawClient) -> None:
    """As Apache Kafka does, which answers as soon as the first of them is loaded."""
    jobs = (await make_topic(client, "jobs", 2)).topic_id
    await from_the_beginning(client)
    for index in (0, 1, 0, 1):
        await write(client, "jobs", batch_of(b"v"), partition=index)

    answers = [await fetch(client, jobs, epoch, partitions=2) for epoch in range(2)]
    for index in (0, 1):
        await write(client, "jobs", batch_of(b"w"), partition=index)
    both = await fetch(client, jobs, 2, partitions=2)

    assert [partitions_of(answer) for answer in answers] == [[0], [1]]
    assert sorted(partitions_of(both)) == [0, 1]


async def test_bytes_are_shared_out_evenly_over_the_partitions(client: RawClient) -> None:
    jobs = (await make_topic(client, "jobs", 2)).topic_id
    await from_the_beginning(client)
    for epoch in (0, 1):
        await write(client, "jobs", batch_of(b"first"), partition=epoch)
        await fetch(client, jobs, epoch, partitions=2)
    for index in (0, 1, 0, 1, 0, 1):
        await write(client, "jobs", batch_of(bytes(500)), partition=index)

    given = await fetch(client, jobs, 2, partitions=2, max_bytes=1300)

    assert sorted(acquired(given)) == [(1, 1, 1), (1, 1, 1)]


def partitions_of(response: share_fetch.ShareFetchResponse) -> list[int]:
    """Whose records there are in the answer."""
    return [
        partition.partition_index
        for topic in response.responses
        for partition in topic.partitions
        if partition.acquired_records
    ]
