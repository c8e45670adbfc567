"""Whether a group with members may change its protocol is a setting of the broker."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.protocol.codec import encode_bytes
from broker.protocol.messages import join_group, sync_group
from broker.protocol.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
    TopicPartitionAssignment,
)
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.protocol.messages.leave_group import (
    LeaveGroupRequest,
    LeaveGroupResponse,
    MemberIdentity,
)
from tests.support.group_calls import coordinated, join_consumer_group
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.topic_calls import make_topic


def classic_request(
    member_id: str = "", instance: str | None = None, topics: Sequence[str] = ("pages",)
) -> join_group.JoinGroupRequest:
    subscription = encode_bytes(ConsumerProtocolSubscription(topics=[*topics]), 1)
    return join_group.JoinGroupRequest(
        group_id="g",
        session_timeout_ms=10_000,
        rebalance_timeout_ms=10_000,
        member_id=member_id,
        group_instance_id=instance,
        protocol_type="consumer",
        protocols=[join_group.JoinGroupRequestProtocol("range", b"\x00\x01" + subscription)],
    )


async def join_classic(
    client: RawClient,
    member_id: str = "",
    instance: str | None = None,
    topics: Sequence[str] = ("pages",),
) -> join_group.JoinGroupResponse:
    request = classic_request(member_id, instance, topics)
    answer = await client.ask(request, 9, join_group.JoinGroupResponse)
    if answer.error_code == ErrorCode.MEMBER_ID_REQUIRED:
        return await join_classic(client, answer.member_id)
    return answer


async def sync(
    client: RawClient, joined: join_group.JoinGroupResponse, assignment: bytes | None = None
) -> int:
    request = sync_group.SyncGroupRequest(
        group_id="g", generation_id=joined.generation_id, member_id=joined.member_id
    )
    if assignment is not None:
        share = sync_group.SyncGroupRequestAssignment(joined.member_id, assignment)
        request.assignments.append(share)
    return (await client.ask(request, 4, sync_group.SyncGroupResponse)).error_code


async def beat(client: RawClient, joined: join_group.JoinGroupResponse) -> int:
    request = HeartbeatRequest("g", joined.generation_id, joined.member_id)
    return (await client.ask(request, 4, HeartbeatResponse)).error_code


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ("disabled", ErrorCode.GROUP_ID_NOT_FOUND),
        ("downgrade", ErrorCode.GROUP_ID_NOT_FOUND),
        ("upgrade", ErrorCode.NONE),
        ("bidirectional", ErrorCode.NONE),
    ],
)
async def test_the_policy_says_who_may_upgrade(
    tmp_path: Path, policy: str, code: ErrorCode
) -> None:
    async with (
        running_broker(tmp_path, group_consumer_migration_policy=policy) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages", 2)
        await coordinated(client)
        await sync(client, await join_classic(client))

        response = await join_consumer_group(client)

    assert response.error_code == code


@pytest.mark.parametrize(
    ("policy", "kind"), [("upgrade", "consumer"), ("bidirectional", "classic")]
)
async def test_the_policy_says_whether_it_goes_back(tmp_path: Path, policy: str, kind: str) -> None:
    async with (
        running_broker(tmp_path, group_consumer_migration_policy=policy) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages", 2)
        await coordinated(client)
        classic = await join_classic(client)
        await sync(client, classic)
        await join_consumer_group(client)
        told = await beat(client, classic)
        classic = await join_classic(client, classic.member_id)
        shared = await sync(client, classic)
        leaving = LeaveGroupRequest(group_id="g", members=[MemberIdentity("member")])
        removed = await client.ask(leaving, 5, LeaveGroupResponse)
        (listed,) = broker.services.groups.list_groups()

    assert (told, shared) == (ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.NONE)
    assert removed.members[0].error_code == ErrorCode.NONE
    assert listed.group_type == kind


async def test_who_has_only_asked_for_a_member_id_does_not_keep_others_out(tmp_path: Path) -> None:
    """As in Apache Kafka, where the group is still empty then; the classic client joins later."""
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
        await RawClient.connect(broker.host, broker.port) as other,
    ):
        await make_topic(client, "pages", 2)
        await coordinated(client)
        given = await client.ask(classic_request(), 9, join_group.JoinGroupResponse)

        new = await join_consumer_group(other)
        late = await client.ask(classic_request(given.member_id), 9, join_group.JoinGroupResponse)

    assert given.error_code == ErrorCode.MEMBER_ID_REQUIRED
    assert new.error_code == ErrorCode.NONE
    assert late.error_code == ErrorCode.NONE


CUSTOM = b"\x00\x01" + encode_bytes(
    ConsumerProtocolAssignment([TopicPartitionAssignment("pages", [0, 1])], user_data=b"\0"), 1
)


async def test_what_an_assignor_of_its_own_told_its_members_is_not_lost_by_an_upgrade(
    tmp_path: Path,
) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages", 2)
        await coordinated(client)
        await sync(client, await join_classic(client), CUSTOM)

        response = await join_consumer_group(client)
        (listed,) = broker.services.groups.list_groups()

    assert response.error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert response.error_message == (
        "Cannot upgrade classic group g to consumer group because an unsupported custom assignor"
        " is in use. Please refer to the documentation or switch to a default assignor before"
        " re-attempting the upgrade."
    )
    assert (listed.group_type, listed.state) == ("classic", "Stable")


@pytest.mark.parametrize(
    ("topics", "state"), [(["pages"], "Stable"), (["other"], "PreparingRebalance")]
)
async def test_a_static_member_that_comes_back_classic_takes_the_group_with_it(
    tmp_path: Path, topics: list[str], state: str
) -> None:
    """As in Apache Kafka: nobody has to join anew, unless it subscribes to something else."""
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages", 2)
        await make_topic(client, "other", 1)
        await coordinated(client)
        await join_consumer_group(client, instance="seat")

        back = await join_classic(client, instance="seat", topics=topics)
        (listed,) = broker.services.groups.list_groups()
        synced = await sync(client, back)

    assert back.error_code == ErrorCode.NONE
    assert (listed.group_type, listed.state) == ("classic", state)
    assert synced == (ErrorCode.NONE if state == "Stable" else ErrorCode.ILLEGAL_GENERATION)
