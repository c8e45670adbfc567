from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from broker.security.acls import Operation, Permission, Resource
from tests.support.group_calls import coordinated, join, join_consumer_group, settle
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.security_calls import add_acls, broker_and_client, entry
from tests.support.topic_calls import make_topic


async def beat(
    client: RawClient, epoch: int, member_id: str = "member", version: int = 1
) -> ConsumerGroupHeartbeatResponse:
    request = ConsumerGroupHeartbeatRequest("g", member_id, epoch)
    return await client.ask(request, version, ConsumerGroupHeartbeatResponse)


async def test_a_member_joins_lives_and_leaves(client: RawClient, broker: RunningBroker) -> None:
    await make_topic(client, "pages", 2)
    await coordinated(client)

    joined = await join_consumer_group(client)
    lives = await beat(client, 1)
    left = await beat(client, -1)
    gone = await beat(client, 1)

    assert (joined.error_code, joined.member_id, joined.member_epoch) == (0, "member", 1)
    assert joined.heartbeat_interval_ms == 5000
    assert joined.assignment is not None
    (topic,) = joined.assignment.topic_partitions
    assert topic.topic_id == broker.services.cluster.image.topics["pages"].topic_id
    assert topic.partitions == [0, 1]
    assert (lives.error_code, lives.assignment) == (ErrorCode.NONE, None)
    assert (left.error_code, left.member_epoch) == (ErrorCode.NONE, -1)
    assert gone.error_code == ErrorCode.UNKNOWN_MEMBER_ID


async def test_in_v0_the_broker_makes_the_id(client: RawClient) -> None:
    await coordinated(client)
    request = ConsumerGroupHeartbeatRequest(
        "g",
        "",
        0,
        rebalance_timeout_ms=1,
        subscribed_topic_names=["pages"],
        topic_partitions=[],
    )

    old = await client.ask(request, 0, ConsumerGroupHeartbeatResponse)
    new = await client.ask(request, 1, ConsumerGroupHeartbeatResponse)

    assert old.error_code == ErrorCode.NONE and len(old.member_id or "") == 22
    assert new.error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("epoch", "code"),
    [(1, ErrorCode.GROUP_ID_NOT_FOUND), (0, ErrorCode.INVALID_REQUEST)],
)
async def test_a_heartbeat_out_of_nowhere_is_refused(
    client: RawClient, epoch: int, code: ErrorCode
) -> None:
    await coordinated(client)

    response = await beat(client, epoch)

    assert response.error_code == code and response.error_message


async def test_a_group_with_classic_members_stays_classic(client: RawClient) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    await settle(client)

    response = await join_consumer_group(client)

    assert response.error_code == ErrorCode.GROUP_ID_NOT_FOUND


async def test_an_empty_group_of_another_kind_is_begun_anew(client: RawClient) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    await join_consumer_group(client)
    await beat(client, -1)

    classic = await join(client)

    assert (classic.error_code, classic.generation_id) == (ErrorCode.NONE, 1)


async def test_what_makes_no_sense_is_told_before_the_group_is_looked_for(
    client: RawClient,
) -> None:
    await coordinated(client)
    leaving = ConsumerGroupHeartbeatRequest("nowhere", "member", -2)
    choosy = ConsumerGroupHeartbeatRequest("nowhere", "member", 1, server_assignor="best")

    codes = [
        (await client.ask(request, 1, ConsumerGroupHeartbeatResponse)).error_code
        for request in (leaving, choosy)
    ]

    assert codes == [ErrorCode.INVALID_REQUEST, ErrorCode.UNSUPPORTED_ASSIGNOR]


async def test_an_expression_finds_only_topics_that_the_member_may_describe(tmp_path: Path) -> None:
    settings = {"authorizer_enabled": True, "allow_everyone_if_no_acl_found": True}
    async with broker_and_client(tmp_path, **settings) as (broker, client):
        for topic in ("logs.public", "logs.secret"):
            await make_topic(client, topic)
        await coordinated(client)
        secret = entry(
            Operation.DESCRIBE, Resource.TOPIC, "logs.secret", permission=Permission.DENY
        )
        await add_acls(client, secret)
        request = ConsumerGroupHeartbeatRequest(
            "g",
            "member",
            0,
            rebalance_timeout_ms=1000,
            subscribed_topic_regex="logs.*",
            topic_partitions=[],
        )

        joined = await client.ask(request, 1, ConsumerGroupHeartbeatResponse)
        next_heartbeat = ConsumerGroupHeartbeatRequest("g", "member", joined.member_epoch)
        answer = await client.ask(next_heartbeat, 1, ConsumerGroupHeartbeatResponse)

        assert answer.error_code == ErrorCode.NONE and answer.assignment is not None
        found = [topic.topic_id for topic in answer.assignment.topic_partitions]
        assert found == [broker.services.cluster.image.topics["logs.public"].topic_id]


@pytest.mark.parametrize(
    ("names", "regex", "code"),
    [
        ([], None, ErrorCode.NONE),
        (None, "", ErrorCode.NONE),
        (None, None, ErrorCode.INVALID_REQUEST),
    ],
)
async def test_who_joins_may_subscribe_to_nothing_but_says_so(
    client: RawClient, names: list[str] | None, regex: str | None, code: ErrorCode
) -> None:
    """Apache Kafka's ConsumerGroupHeartbeatRequestTest."""
    await coordinated(client)
    request = ConsumerGroupHeartbeatRequest(
        "g",
        "member",
        0,
        rebalance_timeout_ms=10_000,
        subscribed_topic_names=names,
        subscribed_topic_regex=regex,
        topic_partitions=[],
    )

    joined = await client.ask(request, 1, ConsumerGroupHeartbeatResponse)

    assert joined.error_code == code


async def test_before_v1_who_leaves_for_a_moment_needs_no_member_id(client: RawClient) -> None:
    """Apache Kafka 4.2: its seat says who it is; from v1 on each request has an id."""
    await coordinated(client)
    leaving = ConsumerGroupHeartbeatRequest("nowhere", "", -2, instance_id="seat")

    codes = [
        (await client.ask(leaving, version, ConsumerGroupHeartbeatResponse)).error_code
        for version in (0, 1)
    ]

    assert codes == [ErrorCode.GROUP_ID_NOT_FOUND, ErrorCode.INVALID_REQUEST]
