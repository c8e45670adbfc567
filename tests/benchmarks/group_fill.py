"""Members of very many groups that stay for half an hour without a heartbeat: raw joins.

Half of the groups are classic, half of KIP-848; each has MEMBERS members on topics of its own.
"""

import asyncio
import struct
import uuid
from collections.abc import Mapping, Sequence

from broker.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from broker.protocol.messages.join_group import (
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    JoinGroupResponse,
)
from broker.protocol.messages.sync_group import (
    SyncGroupRequest,
    SyncGroupRequestAssignment,
    SyncGroupResponse,
)
from tests.support.raw_client import RawClient

MEMBERS = 4
STAY_MS = 1_800_000
STAYING = {
    "group_consumer_session_timeout_ms": STAY_MS,
    "group_consumer_max_session_timeout_ms": STAY_MS,
    "group_initial_rebalance_delay_ms": 3_000,
}
"""Settings of the broker with which these members stay."""
AT_ONCE = 50  # classic groups: each member needs a connection while it joins


async def fill(address: tuple[str, int], topics: Mapping[str, Sequence[str]], parts: int) -> None:
    """Members into every group of `topics` (what each reads, `parts` partitions a topic)."""
    groups = list(topics)
    async with await RawClient.connect(*address) as client:
        for group in groups[::2]:
            for _ in range(MEMBERS):
                await consumer(client, group, topics[group])
    classic = groups[1::2]
    for begin in range(0, len(classic), AT_ONCE):
        joining = classic[begin : begin + AT_ONCE]
        await asyncio.gather(*(together(address, one, topics[one], parts) for one in joining))


async def consumer(client: RawClient, group: str, topics: Sequence[str]) -> None:
    """One member of a KIP-848 group."""
    request = ConsumerGroupHeartbeatRequest(
        group_id=group,
        member_id=str(uuid.uuid4()),
        member_epoch=0,
        rebalance_timeout_ms=STAY_MS,
        subscribed_topic_names=list(topics),
        topic_partitions=[],
    )
    answer = await client.ask(request, 1, ConsumerGroupHeartbeatResponse)
    assert answer.error_code == 0, answer.error_message


async def together(address: tuple[str, int], group: str, topics: Sequence[str], parts: int) -> None:
    """All members of a classic group in one generation; the leader shares out the partitions."""
    clients = [await RawClient.connect(*address) for _ in range(MEMBERS)]
    joined = await asyncio.gather(*(join(client, group, topics) for client in clients))
    leader = next(answer for answer in joined if answer.leader == answer.member_id)
    places = [(topic, index) for topic in topics for index in range(parts)]
    assert len(leader.members) == MEMBERS, group
    shares = [
        SyncGroupRequestAssignment(member.member_id, assignment(places[number::MEMBERS]))
        for number, member in enumerate(leader.members)
    ]

    async def sync(client: RawClient, answer: JoinGroupResponse) -> None:
        request = SyncGroupRequest(
            group_id=group,
            generation_id=answer.generation_id,
            member_id=answer.member_id,
            assignments=shares if answer is leader else [],
        )
        assert (await client.ask(request, 3, SyncGroupResponse)).error_code == 0

    await asyncio.gather(*(sync(*one) for one in zip(clients, joined, strict=True)))
    for client in clients:
        client.close()


async def join(client: RawClient, group: str, topics: Sequence[str]) -> JoinGroupResponse:
    """Version 3: the last that needs no member id first."""
    request = JoinGroupRequest(
        group_id=group,
        session_timeout_ms=STAY_MS,
        rebalance_timeout_ms=STAY_MS,
        member_id="",
        protocol_type="consumer",
        protocols=[JoinGroupRequestProtocol("range", subscription(topics))],
    )
    answer = await client.ask(request, 3, JoinGroupResponse)
    assert answer.error_code == 0, (group, answer.error_code)
    return answer


def subscription(topics: Sequence[str]) -> bytes:
    """ConsumerProtocolSubscription, version 0: topics, no data."""
    return struct.pack(">hi", 0, len(topics)) + b"".join(map(_text, topics)) + b"\xff" * 4


def assignment(places: Sequence[tuple[str, int]]) -> bytes:
    """ConsumerProtocolAssignment, version 0: one entry for each partition, no data."""
    entries = b"".join(_text(topic) + struct.pack(">ii", 1, index) for topic, index in places)
    return struct.pack(">hi", 0, len(places)) + entries + b"\xff" * 4


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()
