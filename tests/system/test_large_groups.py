"""Groups of the newer protocols with many members: they settle, and what that costs.

As in test_limits.py: the short form shows that it works, the long one has the numbers of
docs/limits.md.
"""

import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages import consumer_group_heartbeat as consumers
from broker.protocol.messages.share_group_heartbeat import ShareGroupHeartbeatResponse
from tests.fuzz.attack import Target
from tests.support.group_calls import coordinated
from tests.support.measured import connect, cost, target_of
from tests.support.raw_client import RawClient
from tests.support.share_calls import beat
from tests.support.topic_calls import make_topic

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "exhaustive"
MEMBERS = 100 if LONG else 10
PARTITIONS = 2 * MEMBERS
ROUNDS_MAX = 20
SETTINGS = {"group_max_session_timeout_ms": 60_000}

pytestmark = [pytest.mark.system, pytest.mark.may_block, pytest.mark.timeout(300)]


@dataclass(slots=True)
class Member:
    """What the broker has told one of them."""

    name: str
    epoch: int = 0
    owned: list[int] = field(default_factory=list)


Beat = Callable[[Member], Awaitable[None]]
"""One heartbeat of a member, which then knows what it was told."""


async def test_a_consumer_group_of_many_members_settles(tmp_path: Path) -> None:
    async with target_of(tmp_path, **SETTINGS) as target, await connect(target) as client:
        topic_id = (await make_topic(client, "many", PARTITIONS)).topic_id
        await coordinated(client, "crowd")

        members = await _settle(target, lambda one: _consumer_beat(client, one, topic_id))

    assert _is_settled(members)


async def test_a_share_group_of_many_members_settles(tmp_path: Path) -> None:
    async with target_of(tmp_path, **SETTINGS) as target, await connect(target) as client:
        await make_topic(client, "many", PARTITIONS)
        await coordinated(client, "crowd")

        members = await _settle(target, lambda one: _share_beat(client, one))

    assert _is_settled(members)


async def _settle(target: Target, beats: Beat) -> list[Member]:
    """Rounds of heartbeats until all have their share, and one round more; prints what it cost."""
    members = [Member(f"member-{number:03}") for number in range(MEMBERS)]
    cost("before", time.perf_counter(), target)
    began_s, rounds = time.perf_counter(), 0
    while not _is_settled(members) and rounds < ROUNDS_MAX:
        for one in members:
            await beats(one)
        rounds += 1
    cost(f"{MEMBERS} members settled in {rounds} rounds of heartbeats", began_s, target)
    began_s = time.perf_counter()
    for one in members:
        await beats(one)
    cost("a heartbeat of each", began_s, target)
    return members


async def _consumer_beat(client: RawClient, member: Member, topic_id: bytes) -> None:
    joins = member.epoch == 0
    owned = [consumers.TopicPartitions(topic_id, member.owned)] if member.owned else []
    request = consumers.ConsumerGroupHeartbeatRequest(
        group_id="crowd",
        member_id=member.name,
        member_epoch=member.epoch,
        rebalance_timeout_ms=60_000 if joins else -1,
        subscribed_topic_names=["many"] if joins else None,
        topic_partitions=owned,
    )
    _take(member, await client.ask(request, 1, consumers.ConsumerGroupHeartbeatResponse))


async def _share_beat(client: RawClient, member: Member) -> None:
    topics = ["many"] if member.epoch == 0 else None
    _take(
        member,
        await beat(client, member.epoch, topics=topics, member=member.name, group_id="crowd"),
    )


def _take(
    member: Member,
    answer: consumers.ConsumerGroupHeartbeatResponse | ShareGroupHeartbeatResponse,
) -> None:
    assert answer.error_code == ErrorCode.NONE, answer.error_message
    member.epoch = answer.member_epoch
    if answer.assignment is not None:
        member.owned = [
            index for topic in answer.assignment.topic_partitions for index in topic.partitions
        ]


def _is_settled(members: list[Member]) -> bool:
    """Each partition has one reader, all have as many, and nobody lags behind the group."""
    owned = sorted(index for one in members for index in one.owned)
    return (
        owned == list(range(PARTITIONS))
        and {len(one.owned) for one in members} == {PARTITIONS // MEMBERS}
        and len({one.epoch for one in members}) == 1
    )
