"""Members of a KIP-848 group, heartbeat by heartbeat: what they hold, and what they commit.

A member holds a partition from the answer that gave it until it sends that it has given it up, or
until its session could have ended: from then on the broker may give it to somebody else.
"""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Final

from broker.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    TopicPartitions,
)
from tests.support.raw_client import RawClient
from tests.support.workload.group_member import Membership, commit, read_offset
from tests.support.workload.history import Held, now_s
from tests.support.workload.world import Answered, World, accept, live

GROUP: Final = "crew"
SESSION_S: Final = 1.5
SETTINGS: Final = {
    "group_consumer_session_timeout_ms": int(SESSION_S * 1000),
    "group_consumer_min_session_timeout_ms": 500,
    "group_consumer_heartbeat_interval_ms": 200,
    "group_consumer_min_heartbeat_interval_ms": 100,
}
REBALANCE_MS = 5_000
COMMIT_VERSION = 9  # the first that knows member epochs
HEARTBEAT_VERSION = 1
LEAVE_EPOCH = -1


@dataclass(slots=True)
class Crew:
    """One membership."""

    world: World
    client: RawClient
    member_id: str
    epoch: int = 0
    topic_id: bytes = b""
    since_s: dict[int, float] = field(default_factory=dict)
    """By partition that it holds."""
    giving_up: dict[int, float] = field(default_factory=dict)
    """Partitions taken from it, of which the broker does not know yet that it let them go."""
    safe_until_s: float = 0.0
    """Before this its session cannot have ended."""

    async def beat(self, epoch: int | None = None) -> None:
        """One heartbeat, which tells all that it holds."""
        self._let_go(self.giving_up, now_s())
        self.giving_up = {}
        sent_s = now_s()
        owned = [TopicPartitions(self.topic_id, sorted(self.since_s))] if self.since_s else []
        is_join = self.epoch == 0
        request = ConsumerGroupHeartbeatRequest(
            GROUP,
            self.member_id,
            self.epoch if epoch is None else epoch,
            rebalance_timeout_ms=REBALANCE_MS,
            subscribed_topic_names=[self.world.topic] if is_join else None,
            topic_partitions=owned,
        )
        answer = await self.client.ask(request, HEARTBEAT_VERSION, ConsumerGroupHeartbeatResponse)
        accept(answer.error_code, "heartbeat")
        self.epoch, self.safe_until_s = answer.member_epoch, sent_s + SESSION_S
        if answer.assignment is not None:
            for topic in answer.assignment.topic_partitions:
                self.topic_id = topic.topic_id
            self._is_given(
                {
                    index
                    for topic in answer.assignment.topic_partitions
                    for index in topic.partitions
                }
            )

    def _is_given(self, partitions: set[int]) -> None:
        for index in partitions - self.since_s.keys():
            self.since_s[index] = now_s()
        for index in self.since_s.keys() - partitions:
            self.giving_up[index] = self.since_s.pop(index)

    def _let_go(self, partitions: dict[int, float], until_s: float) -> None:
        for index, since_s in partitions.items():
            end_s = min(until_s, self.safe_until_s)
            if end_s > since_s:
                place = self.world.place(index)
                self.world.recorder.add(Held(GROUP, self.member_id, place, since_s, end_s))

    async def leave(self) -> None:
        """Say good-bye, with everything let go."""
        self._let_go_of_all(now_s())
        await self.beat(LEAVE_EPOCH)

    def give_up(self) -> None:
        """It stops: a refused member may have lost its partitions since its last good beat."""
        self._let_go_of_all(self.safe_until_s - SESSION_S)

    def _let_go_of_all(self, until_s: float) -> None:
        self._let_go({**self.since_s, **self.giving_up}, until_s)
        self.since_s, self.giving_up = {}, {}


def be_crew(world: World, name: str, dice: random.Random) -> None:
    """Beat and commit; fall asleep now and then, leave, or vanish and come as somebody else."""

    async def session(client: RawClient) -> None:
        me = Crew(world, client, f"{name}-{next(world.numbers)}")
        try:
            while not world.stopping.is_set():
                await me.beat()
                await _commit_all(world, client, me, dice)
                if dice.random() < 0.02:
                    await asyncio.sleep(SESSION_S * dice.uniform(0.5, 2.0))
                if dice.random() < 0.02:
                    await me.leave()
                    return
                await asyncio.sleep(dice.uniform(0.02, 0.2))
        finally:
            me.give_up()

    live(world, session, dice)


async def _commit_all(world: World, client: RawClient, me: Crew, dice: random.Random) -> None:
    membership = Membership(GROUP, me.member_id, me.epoch)
    for partition in sorted(me.since_s):
        try:
            await commit(client, world, membership, partition, COMMIT_VERSION)
        except Answered:
            return  # an epoch that is over: the next beat tells the new one
        if dice.random() < 0.3:
            await read_offset(client, world, GROUP, partition)
