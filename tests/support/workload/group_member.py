"""Members of a classic group that commit numbers: some leave, some vanish, some come back late."""

import asyncio
import random
from dataclasses import dataclass

from broker.errors import ErrorCode
from broker.protocol.codec import decode, encode_bytes
from broker.protocol.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    TopicPartitionAssignment,
)
from broker.protocol.messages.find_coordinator import (
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.protocol.messages.join_group import (
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    JoinGroupResponse,
)
from broker.protocol.messages.leave_group import (
    LeaveGroupRequest,
    LeaveGroupResponse,
    MemberIdentity,
)
from broker.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from broker.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestTopic,
    OffsetFetchResponse,
)
from broker.protocol.messages.sync_group import (
    SyncGroupRequest,
    SyncGroupRequestAssignment,
    SyncGroupResponse,
)
from tests.support.raw_client import RawClient
from tests.support.workload.history import Assigned, Commit, OffsetRead, now_s
from tests.support.workload.world import DISCONNECTED, Answered, World, accept, live

SESSION_MS = 1500
REBALANCE_MS = 3000
JOIN_VERSION, SYNC_VERSION, COMMIT_VERSION, FETCH_VERSION = 7, 5, 7, 5
LOST_ITS_PLACE = (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID)


@dataclass(slots=True)
class Membership:
    """What a member knows about itself."""

    group: str
    member_id: str = ""
    generation: int = -1
    partitions: tuple[int, ...] = ()


def be_member(world: World, group: str, dice: random.Random) -> None:
    """Join, commit numbers for the partitions that are given, and misbehave now and then."""
    me = Membership(group)

    async def session(client: RawClient) -> None:
        try:
            await _find(client, group)
            await _join(client, world, me)
            while not world.stopping.is_set():
                await _work(client, world, me, dice)
                if dice.random() < 0.02:
                    await asyncio.sleep(SESSION_MS / 1000 * dice.uniform(0.5, 2.0))
                if dice.random() < 0.02:
                    await _leave(client, me)
                    return
                await asyncio.sleep(dice.uniform(0, 0.1))
        except Answered as refusal:
            if refusal.code in LOST_ITS_PLACE:
                me.member_id = ""
            raise

    live(world, session, dice)


async def _find(client: RawClient, group: str) -> None:
    answer = await client.ask(FindCoordinatorRequest(key=group), 3, FindCoordinatorResponse)
    accept(answer.error_code, "coordinator")


async def _join(client: RawClient, world: World, me: Membership) -> None:
    request = JoinGroupRequest(
        group_id=me.group,
        session_timeout_ms=SESSION_MS,
        rebalance_timeout_ms=REBALANCE_MS,
        member_id=me.member_id,
        protocol_type="consumer",
        protocols=[JoinGroupRequestProtocol("numbers", b"")],
    )
    joined = await client.ask(request, JOIN_VERSION, JoinGroupResponse)
    if joined.error_code == ErrorCode.MEMBER_ID_REQUIRED:
        request.member_id = joined.member_id
        joined = await client.ask(request, JOIN_VERSION, JoinGroupResponse)
    accept(joined.error_code, "join")
    me.member_id, me.generation = joined.member_id, joined.generation_id
    shares = [
        SyncGroupRequestAssignment(member.member_id, _share(world, number, len(joined.members)))
        for number, member in enumerate(joined.members)
    ]
    sync = SyncGroupRequest(
        group_id=me.group,
        generation_id=me.generation,
        member_id=me.member_id,
        protocol_type="consumer",
        protocol_name="numbers",
        assignments=shares,
    )
    synced = await client.ask(sync, SYNC_VERSION, SyncGroupResponse)
    accept(synced.error_code, "sync")
    me.partitions = _partitions_in(synced.assignment)
    places = tuple(world.place(partition) for partition in me.partitions)
    world.recorder.add(Assigned(me.group, me.generation, me.member_id, places))
    for partition in me.partitions:
        await read_offset(client, world, me.group, partition)


def _share(world: World, number: int, members: int) -> bytes:
    mine = list(range(number, world.partitions, members))
    return encode_bytes(
        ConsumerProtocolAssignment([TopicPartitionAssignment(world.topic, mine)]), 0
    )


def _partitions_in(assignment: bytes) -> tuple[int, ...]:
    if not assignment:
        return ()
    message = decode(ConsumerProtocolAssignment, 0, assignment)
    return tuple(index for part in message.assigned_partitions for index in part.partitions)


async def _work(client: RawClient, world: World, me: Membership, dice: random.Random) -> None:
    for partition in me.partitions:
        await commit(client, world, me, partition)
        if dice.random() < 0.3:
            await read_offset(client, world, me.group, partition)
    beat = HeartbeatRequest(me.group, me.generation, me.member_id)
    accept((await client.ask(beat, 3, HeartbeatResponse)).error_code, "heartbeat")


async def commit(
    client: RawClient,
    world: World,
    me: Membership,
    partition: int,
    version: int = COMMIT_VERSION,
) -> None:
    """OffsetCommit of a number that no other has, noted in the history."""
    offset, began_s = next(world.numbers), now_s()
    request = OffsetCommitRequest(
        group_id=me.group,
        generation_id_or_member_epoch=me.generation,
        member_id=me.member_id,
        topics=[
            OffsetCommitRequestTopic(
                world.topic,
                partitions=[OffsetCommitRequestPartition(partition, offset, -1, "")],
            )
        ],
    )

    def noted(*, acknowledged: bool) -> Commit:
        return Commit(
            me.group, me.generation, world.place(partition), offset, acknowledged, began_s
        )

    try:
        answer = await client.ask(request, version, OffsetCommitResponse)
    except DISCONNECTED:
        world.recorder.add(noted(acknowledged=False))
        raise
    code = answer.topics[0].partitions[0].error_code
    if code == ErrorCode.NONE:
        world.recorder.add(noted(acknowledged=True))
    elif code in UNDECIDED:
        world.recorder.add(noted(acknowledged=False))
    accept(code, "commit")


UNDECIDED = (
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.UNKNOWN_SERVER_ERROR,
)
"""Codes after which the commit may be in the log all the same."""


async def read_offset(client: RawClient, world: World, group: str, partition: int) -> None:
    """OffsetFetch of one partition, noted in the history."""
    began_s = now_s()
    request = OffsetFetchRequest(
        group_id=group, topics=[OffsetFetchRequestTopic(world.topic, [partition])]
    )
    answer = await client.ask(request, FETCH_VERSION, OffsetFetchResponse)
    accept(answer.error_code, "offset fetch")
    part = answer.topics[0].partitions[0]
    accept(part.error_code, "offset fetch")
    world.recorder.add(OffsetRead(group, world.place(partition), part.committed_offset, began_s))


async def _leave(client: RawClient, me: Membership) -> None:
    request = LeaveGroupRequest(me.group, members=[MemberIdentity(me.member_id)])
    await client.ask(request, 4, LeaveGroupResponse)
    me.member_id = ""
