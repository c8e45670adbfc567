"""The calls that tests of group APIs begin with: find the coordinator, join, sync, commit."""

from broker.errors import ErrorCode
from broker.protocol.messages import (
    consumer_group_heartbeat,
    find_coordinator,
    heartbeat,
    join_group,
    offset_commit,
    sync_group,
)
from tests.support.raw_client import RawClient

PROTOCOL = join_group.JoinGroupRequestProtocol("range", b"subscription")


async def coordinated(client: RawClient, group: str = "g") -> None:
    """The coordinator's topic is made, and the partition with this group is read."""
    wanted = find_coordinator.FindCoordinatorRequest(key_type=0, coordinator_keys=[group])
    response = await client.ask(wanted, 6, find_coordinator.FindCoordinatorResponse)
    assert response.coordinators[0].error_code == ErrorCode.NONE
    loading = True
    while loading:
        answer = await heartbeat_of_nobody(client, group)
        loading = answer == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS


async def heartbeat_of_nobody(client: RawClient, group: str = "g") -> int:
    request = heartbeat.HeartbeatRequest(group, 1, "nobody")
    answer = await client.ask(request, 4, heartbeat.HeartbeatResponse)
    return answer.error_code


def join_request(
    member_id: str = "", instance: str | None = None, session_timeout_ms: int = 10_000
) -> join_group.JoinGroupRequest:
    return join_group.JoinGroupRequest(
        group_id="g",
        session_timeout_ms=session_timeout_ms,
        rebalance_timeout_ms=10_000,
        member_id=member_id,
        group_instance_id=instance,
        protocol_type="consumer",
        protocols=[PROTOCOL],
    )


async def join(
    client: RawClient, instance: str | None = None, session_timeout_ms: int = 10_000
) -> join_group.JoinGroupResponse:
    """A member of group `g`, alone in it: its answer of the finished rebalance."""
    request = join_request("", instance, session_timeout_ms)
    first = await client.ask(request, 9, join_group.JoinGroupResponse)
    if first.error_code == ErrorCode.NONE:
        return first
    assert first.error_code == ErrorCode.MEMBER_ID_REQUIRED
    request = join_request(first.member_id, instance, session_timeout_ms)
    return await client.ask(request, 9, join_group.JoinGroupResponse)


async def settle(
    client: RawClient, instance: str | None = None, session_timeout_ms: int = 10_000
) -> join_group.JoinGroupResponse:
    """A stable group `g` of one member, whose assignment is `mine`."""
    joined = await join(client, instance, session_timeout_ms)
    request = sync_group.SyncGroupRequest(
        group_id="g",
        generation_id=joined.generation_id,
        member_id=joined.member_id,
        group_instance_id=instance,
        protocol_type="consumer",
        protocol_name="range",
        assignments=[sync_group.SyncGroupRequestAssignment(joined.member_id, b"mine")],
    )
    synced = await client.ask(request, 5, sync_group.SyncGroupResponse)
    assert synced.error_code == ErrorCode.NONE
    return joined


async def commit(
    client: RawClient, offset: int, topic: str = "pages", generation: int = -1, member_id: str = ""
) -> int:
    """Commit one offset of partition 0; the outcome."""
    partition = offset_commit.OffsetCommitRequestPartition(0, offset, -1, "note")
    request = offset_commit.OffsetCommitRequest(
        group_id="g",
        generation_id_or_member_epoch=generation,
        member_id=member_id,
        topics=[offset_commit.OffsetCommitRequestTopic(name=topic, partitions=[partition])],
    )
    response = await client.ask(request, 9, offset_commit.OffsetCommitResponse)
    return response.topics[0].partitions[0].error_code


async def join_consumer_group(
    client: RawClient, member_id: str = "member", topic: str = "pages", instance: str | None = None
) -> consumer_group_heartbeat.ConsumerGroupHeartbeatResponse:
    """Join the KIP-848 group `g`."""
    request = consumer_group_heartbeat.ConsumerGroupHeartbeatRequest(
        group_id="g",
        member_id=member_id,
        member_epoch=0,
        instance_id=instance,
        rebalance_timeout_ms=10_000,
        subscribed_topic_names=[topic],
        topic_partitions=[],
    )
    return await client.ask(request, 1, consumer_group_heartbeat.ConsumerGroupHeartbeatResponse)
