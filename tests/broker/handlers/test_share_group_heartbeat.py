from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.share_group_heartbeat import ShareGroupHeartbeatResponse
from broker.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from broker.security.acls import Operation, Permission, Resource
from tests.support.group_calls import coordinated, join_consumer_group
from tests.support.raw_client import RawClient
from tests.support.security_calls import add_acls, broker_and_client, entry
from tests.support.share_calls import ACCEPT, GROUP, acknowledge, beat, fetch
from tests.support.topic_calls import make_topic


def partitions(response: ShareGroupHeartbeatResponse) -> list[int] | None:
    if response.assignment is None:
        return None
    return [index for topic in response.assignment.topic_partitions for index in topic.partitions]


async def test_partitions_come_with_the_heartbeat_after_they_have_a_state(
    client: RawClient,
) -> None:
    """Apache Kafka 4.2: at one epoch more. There the member waits for a whole interval."""
    await make_topic(client, "jobs", 2)
    await coordinated(client)

    joined = await beat(client, topics=["jobs"])
    told = await beat(client, 1)
    quiet = await beat(client, 2)

    assert (joined.member_epoch, partitions(joined)) == (1, [])
    assert (told.member_epoch, partitions(told)) == (2, [0, 1])
    assert (quiet.member_epoch, partitions(quiet)) == (2, None)
    assert joined.heartbeat_interval_ms < 1000
    assert told.heartbeat_interval_ms == quiet.heartbeat_interval_ms == 5000


async def test_a_topic_that_is_added_comes_one_heartbeat_later(client: RawClient) -> None:
    """What the member reads already is told again to who names its topics, as in Apache Kafka."""
    await make_topic(client, "jobs", 2)
    await make_topic(client, "more")
    await coordinated(client)
    await beat(client, topics=["jobs"])
    await beat(client, 1)

    asked = await beat(client, 2, topics=["jobs", "more"])
    told = await beat(client, 3)
    repeated = await beat(client, 4, topics=["jobs", "more"])

    assert (asked.member_epoch, partitions(asked)) == (3, [0, 1])
    assert (told.member_epoch, sorted(partitions(told) or [])) == (4, [0, 0, 1])
    assert (repeated.member_epoch, sorted(partitions(repeated) or [])) == (4, [0, 0, 1])


async def test_members_share_partitions_and_epochs_follow(client: RawClient) -> None:
    await make_topic(client, "jobs", 2)
    await coordinated(client)
    await beat(client, topics=["jobs"], member="a")

    alone = await beat(client, 1, member="a")
    second = await beat(client, topics=["jobs"], member="b")
    told = await beat(client, 2, member="a")
    quiet = await beat(client, 3, member="a")
    left = await beat(client, -1, member="b")
    alone_again = await beat(client, 3, member="a")

    assert (alone.member_epoch, partitions(alone)) == (2, [0, 1])
    assert (second.member_epoch, partitions(second)) == (3, [1])
    assert (told.member_epoch, partitions(told)) == (3, [0])
    assert (quiet.member_epoch, partitions(quiet)) == (3, None)
    assert left.member_epoch == -1
    assert (alone_again.member_epoch, partitions(alone_again)) == (4, [0, 1])


async def test_with_more_members_than_partitions_they_read_the_same(client: RawClient) -> None:
    await make_topic(client, "jobs")
    await coordinated(client)
    await beat(client, topics=["jobs"], member="a")

    answers = [await beat(client, topics=["jobs"], member=name) for name in "abc"]

    assert [partitions(answer) for answer in answers] == [[0], [0], [0]]


@pytest.mark.parametrize(
    ("epoch", "topics", "code"),
    [
        (5, None, ErrorCode.GROUP_ID_NOT_FOUND),
        (0, None, ErrorCode.INVALID_REQUEST),
        (-2, None, ErrorCode.INVALID_REQUEST),
        (-1, None, ErrorCode.GROUP_ID_NOT_FOUND),
    ],
)
async def test_a_heartbeat_out_of_nowhere_is_refused(
    client: RawClient, epoch: int, topics: list[str] | None, code: ErrorCode
) -> None:
    await coordinated(client)

    response = await beat(client, epoch, topics=topics)

    assert response.error_code == code and response.error_message


async def test_a_wrong_epoch_is_fenced(client: RawClient) -> None:
    await make_topic(client, "jobs")
    await coordinated(client)
    await beat(client, topics=["jobs"])

    response = await beat(client, 7)

    assert response.error_code == ErrorCode.FENCED_MEMBER_EPOCH


async def test_groups_of_other_kinds_keep_out_of_each_other(client: RawClient) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    await join_consumer_group(client)

    response = await beat(client, topics=["pages"], group_id="g")

    assert response.error_code == ErrorCode.GROUP_ID_NOT_FOUND


async def test_without_the_feature_there_are_no_share_groups(client: RawClient) -> None:
    await coordinated(client)
    off = UpdateFeaturesRequest(
        feature_updates=[FeatureUpdateKey("share.version", 0, upgrade_type=2)]
    )
    await client.ask(off, 1, UpdateFeaturesResponse)

    response = await beat(client, topics=["jobs"])

    assert response.error_code == ErrorCode.UNSUPPORTED_VERSION


async def test_who_lacks_rights_is_told_the_code_and_no_words(tmp_path: Path) -> None:
    settings = {"authorizer_enabled": True, "allow_everyone_if_no_acl_found": True}
    denied = entry(Operation.READ, Resource.GROUP, GROUP, permission=Permission.DENY)
    async with broker_and_client(tmp_path, **settings) as (_, client):
        await make_topic(client, "jobs")
        await coordinated(client)
        await add_acls(client, denied)

        told = await beat(client, topics=["jobs"])

    assert told.error_code == ErrorCode.GROUP_AUTHORIZATION_FAILED
    assert told.error_message is None


@pytest.mark.parametrize("member", ["", "m" * 37])
async def test_who_has_no_name_or_a_long_one_is_refused_without_words(
    client: RawClient, member: str
) -> None:
    await coordinated(client)

    told = await beat(client, topics=["jobs"], member=member)
    fetched = await fetch(client, bytes(16), 0, member=member)
    acknowledged, _ = await acknowledge(client, bytes(16), 1, (0, 0, [ACCEPT]), member=member)

    assert told.error_code == fetched.error_code == acknowledged == ErrorCode.INVALID_REQUEST
    assert (told.error_message, fetched.error_message) == (None, None)


async def test_a_member_may_be_named_as_long_as_a_uuid_is(client: RawClient) -> None:
    await coordinated(client)

    told = await beat(client, topics=["jobs"], member="m" * 36)

    assert (told.error_code, told.member_epoch) == (ErrorCode.NONE, 1)
