from pathlib import Path

import pytest

from broker.errors import ErrorCode, KafkaError
from broker.protocol.messages import alter_share_group_offsets as messages
from broker.protocol.messages.share_group_describe import (
    ShareGroupDescribeRequest,
    ShareGroupDescribeResponse,
)
from broker.security.acls import Operation, Permission, Resource
from tests.support.group_calls import coordinated, settle
from tests.support.raw_client import RawClient
from tests.support.security_calls import add_acls, broker_and_client, entry
from tests.support.share_calls import (
    ACCEPT,
    GROUP,
    acknowledge,
    acquired,
    beat,
    fetch,
    produce,
)
from tests.support.share_offsets import offset_and_lag, worked
from tests.support.topic_calls import make_topic


async def alter(
    client: RawClient, offset: int, topic: str = "jobs", group_id: str = GROUP
) -> list[int]:
    """Error codes of the group and, if it is not refused, of the partition."""
    partition = messages.AlterShareGroupOffsetsRequestPartition(0, offset)
    wanted = messages.AlterShareGroupOffsetsRequestTopic(topic, [partition])
    request = messages.AlterShareGroupOffsetsRequest(group_id, [wanted])
    response = await client.ask(request, 0, messages.AlterShareGroupOffsetsResponse)
    parts = [part.error_code for one in response.responses for part in one.partitions]
    return [response.error_code, *parts]


async def described(client: RawClient) -> int:
    """Error code of the group."""
    response = await client.ask(ShareGroupDescribeRequest([GROUP]), 1, ShareGroupDescribeResponse)
    return response.groups[0].error_code


async def test_a_group_without_members_goes_on_where_it_is_told(client: RawClient) -> None:
    jobs = await worked(client)
    refused = await alter(client, 0)
    await fetch(client, jobs, -1)
    await beat(client, -1)

    altered = await alter(client, 1)
    again = await fetch(client, jobs, 0, member="b")

    assert refused == [ErrorCode.NON_EMPTY_GROUP]
    assert altered == [ErrorCode.NONE, ErrorCode.NONE]
    assert acquired(again) == [(1, 4, 1)]
    assert await offset_and_lag(client) == (1, -1)


async def test_the_lag_after_a_reset_is_told_once_a_member_answered(client: RawClient) -> None:
    jobs = await worked(client)
    await fetch(client, jobs, -1)
    await beat(client, -1)
    await alter(client, 1)
    before = await offset_and_lag(client)

    await fetch(client, jobs, 0, member="b")
    await acknowledge(client, jobs, 1, (3, 3, [ACCEPT]), member="b")

    assert (before, await offset_and_lag(client)) == ((1, -1), (1, 3))


async def test_a_topic_that_is_not_there_is_refused(client: RawClient) -> None:
    await worked(client)
    await beat(client, -1)

    assert await alter(client, 1, "none") == [0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]


async def test_a_wrong_name_of_a_topic_leaves_no_group_behind(client: RawClient) -> None:
    await coordinated(client, GROUP)
    await make_topic(client, "jobs")

    wrong = await alter(client, 0, "jbos")
    after_wrong = await described(client)
    right = await alter(client, 0)
    after_right = await described(client)

    assert (wrong, right) == ([0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION], [0, 0])
    assert (after_wrong, after_right) == (ErrorCode.GROUP_ID_NOT_FOUND, ErrorCode.NONE)


async def test_an_offset_before_all_offsets_is_kept_and_reads_from_the_start(
    client: RawClient,
) -> None:
    jobs = await worked(client)
    await fetch(client, jobs, -1)
    await beat(client, -1)

    altered = await alter(client, -5)
    told = await offset_and_lag(client)
    again = await fetch(client, jobs, 0, member="b")

    assert altered == [ErrorCode.NONE, ErrorCode.NONE]
    assert told == (-5, -1)
    assert acquired(again) == [(0, 4, 1)]


async def test_a_group_that_is_not_there_is_made_and_begins_where_it_is_told(
    client: RawClient,
) -> None:
    topic_id = (await make_topic(client, "jobs")).topic_id
    await coordinated(client)
    await produce(client, "jobs", 5)

    altered = await alter(client, 3)
    before_anybody_came = await offset_and_lag(client)
    await beat(client, topics=["jobs"])
    first = await fetch(client, topic_id, 0)

    assert altered == [ErrorCode.NONE, ErrorCode.NONE]
    assert before_anybody_came == (3, -1)
    assert acquired(first) == [(3, 4, 1)]


async def test_a_group_told_minus_one_begins_as_a_new_one_would(client: RawClient) -> None:
    jobs = await worked(client)  # a group that begins with the first record there is
    await fetch(client, jobs, -1)
    await beat(client, -1)

    altered = await alter(client, -1)
    before_anybody_came = await offset_and_lag(client)
    again = await fetch(client, jobs, 0, member="b")

    assert altered == [ErrorCode.NONE, ErrorCode.NONE]
    assert before_anybody_came == (-1, -1)
    assert acquired(again) == [(0, 4, 1)]
    assert await offset_and_lag(client) == (0, -1)


async def test_a_group_of_another_kind_is_refused(client: RawClient) -> None:
    await make_topic(client, "jobs")
    await coordinated(client)
    await settle(client)

    assert await alter(client, 0, group_id="g") == [ErrorCode.GROUP_ID_NOT_FOUND]


async def test_no_group_is_made_by_who_may_not_read_the_topic(tmp_path: Path) -> None:
    settings = {"authorizer_enabled": True, "allow_everyone_if_no_acl_found": True}
    denied = entry(Operation.READ, Resource.TOPIC, "jobs", permission=Permission.DENY)
    async with broker_and_client(tmp_path, **settings) as (broker, client):
        await make_topic(client, "jobs")
        await coordinated(client)
        await add_acls(client, denied)

        altered = await alter(client, 1)

        assert altered == [ErrorCode.NONE, ErrorCode.TOPIC_AUTHORIZATION_FAILED]
        with pytest.raises(KafkaError):
            broker.services.groups.share.describe(GROUP)
