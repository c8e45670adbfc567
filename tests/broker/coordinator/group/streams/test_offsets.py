"""Committed offsets of a streams group, and what of the group outlives the broker."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broker.coordinator.group.streams.topology import StatusCode
from broker.errors import ErrorCode
from broker.protocol.messages import offset_commit, offset_delete, offset_fetch
from broker.protocol.messages.delete_topics import (
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from broker.protocol.messages.join_group import JoinGroupResponse
from tests.support.group_calls import coordinated, join_request
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.streams_calls import GROUP, beat, codes, configure_group, described, tasks_of
from tests.support.topic_calls import make_topic


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[RawClient]:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as connected,
    ):
        yield connected


async def shared_by_two(client: RawClient) -> int:
    """Members a and b have a task of each kind; the epoch that both are at."""
    await make_topic(client, "lines", 2)
    await coordinated(client, GROUP)
    await configure_group(client, delay_ms=0)
    first = await beat(client)
    await beat(client, "a", first.member_epoch)
    joined = await beat(client, "b")
    told = await beat(client, "a", 3)
    await beat(client, "a", 3, active=tasks_of(told.active_tasks))
    return (await beat(client, "b", joined.member_epoch)).member_epoch


async def commit(
    client: RawClient, member: str, epoch: int, partition: int = 0, version: int = 9
) -> int:
    request = offset_commit.OffsetCommitRequest(
        GROUP,
        epoch,
        member,
        topics=[
            offset_commit.OffsetCommitRequestTopic(
                "lines",
                partitions=[offset_commit.OffsetCommitRequestPartition(partition, 7)],
            )
        ],
    )
    response = await client.ask(request, version, offset_commit.OffsetCommitResponse)
    return response.topics[0].partitions[0].error_code


@pytest.mark.parametrize(
    ("member", "behind", "partition", "version", "code"),
    [
        ("a", 0, 0, 9, ErrorCode.NONE),
        ("a", 1, 0, 9, ErrorCode.NONE),  # it has had the task since then
        ("a", 1, 1, 9, ErrorCode.STALE_MEMBER_EPOCH),  # b has it now
        ("b", 1, 1, 9, ErrorCode.STALE_MEMBER_EPOCH),  # it had nothing then
        ("a", -1, 0, 9, ErrorCode.STALE_MEMBER_EPOCH),
        ("a", 0, 0, 8, ErrorCode.UNSUPPORTED_VERSION),
        ("c", 0, 0, 9, ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
async def test_whoever_has_the_task_commits(
    client: RawClient, member: str, behind: int, partition: int, version: int, code: ErrorCode
) -> None:
    epoch = await shared_by_two(client)

    assert await commit(client, member, epoch - behind, partition, version) == code


async def test_an_administrator_commits_while_nobody_runs_the_application(
    client: RawClient,
) -> None:
    epoch = await shared_by_two(client)
    busy = await commit(client, "", -1)
    await beat(client, "a", -1)
    await beat(client, "b", -1)

    assert (busy, await commit(client, "", -1)) == (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.NONE)
    assert epoch > 0


@pytest.mark.parametrize(
    ("member", "behind", "code"),
    [
        ("a", 0, ErrorCode.NONE),
        ("a", 1, ErrorCode.STALE_MEMBER_EPOCH),
        ("c", 0, ErrorCode.UNKNOWN_MEMBER_ID),
        (None, None, ErrorCode.NONE),
    ],
)
async def test_a_member_is_right_about_itself_when_it_reads_offsets(
    client: RawClient, member: str | None, behind: int | None, code: ErrorCode
) -> None:
    epoch = await shared_by_two(client)
    asked = offset_fetch.OffsetFetchRequestGroup(
        GROUP, member, -1 if behind is None else epoch - behind
    )

    response = await client.ask(
        offset_fetch.OffsetFetchRequest(groups=[asked]), 9, offset_fetch.OffsetFetchResponse
    )

    assert response.groups[0].error_code == code


async def test_offsets_of_topics_that_tasks_read_are_not_deleted(client: RawClient) -> None:
    epoch = await shared_by_two(client)
    await commit(client, "a", epoch)
    request = offset_delete.OffsetDeleteRequest(
        GROUP,
        [
            offset_delete.OffsetDeleteRequestTopic(
                "lines", [offset_delete.OffsetDeleteRequestPartition(0)]
            )
        ],
    )

    busy = await client.ask(request, 0, offset_delete.OffsetDeleteResponse)
    await beat(client, "a", -1)
    await beat(client, "b", -1)
    free = await client.ask(request, 0, offset_delete.OffsetDeleteResponse)

    assert busy.topics[0].partitions[0].error_code == ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC
    assert free.topics[0].partitions[0].error_code == ErrorCode.NONE


async def test_a_group_outlives_the_broker_with_its_tasks_and_epochs(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        epoch = await shared_by_two(client)
        before = await described(client)
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await coordinated(client, GROUP)
        beaten = await beat(client, "a", epoch)
        after = await described(client)

    assert (beaten.error_code, beaten.member_epoch) == (ErrorCode.NONE, epoch)
    assert after == before


async def test_a_member_that_falls_silent_is_dropped(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "group_streams_session_timeout_ms": 100,
        "group_streams_min_session_timeout_ms": 1,
        "group_streams_heartbeat_interval_ms": 50,
        "group_streams_min_heartbeat_interval_ms": 1,
        "group_streams_initial_rebalance_delay_ms": 0,
    }
    async with (
        running_broker(tmp_path, **settings) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await coordinated(client, GROUP)
        await beat(client, "a")
        group = await described(client)
        while group.members:
            group = await described(client)

    assert (group.group_state, group.group_epoch) == ("Empty", 3)


async def test_only_an_application_that_nobody_runs_becomes_a_classic_group(
    client: RawClient, caplog: pytest.LogCaptureFixture
) -> None:
    await shared_by_two(client)
    request = join_request("")
    request.group_id = GROUP

    busy = await client.ask(request, 9, JoinGroupResponse)
    await beat(client, "a", -1)
    await beat(client, "b", -1)
    free = await client.ask(request, 9, JoinGroupResponse)
    back = await beat(client)

    assert busy.error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert free.error_code == ErrorCode.MEMBER_ID_REQUIRED
    assert back.error_code == ErrorCode.NONE  # who got an id has not joined yet
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_when_a_source_topic_goes_its_tasks_go(client: RawClient) -> None:
    epoch = await shared_by_two(client)
    await beat(client, "b", -1)
    request = DeleteTopicsRequest([DeleteTopicState("lines")], timeout_ms=10_000)
    await client.ask(request, 6, DeleteTopicsResponse)

    told = await beat(client, "a", epoch)

    assert codes(told) == [StatusCode.MISSING_SOURCE_TOPICS]
    assert tasks_of(told.active_tasks) == {}
    assert (await described(client)).group_state == "NotReady"
