"""What becomes of records that were given out: answers of members, ends of locks, members gone.

Each change is on the disk when the call returns, and who waits for records is woken.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from broker.coordinator.share.in_flight import State
from broker.coordinator.share.locks import ShareLocks
from broker.coordinator.share.messages import Outcome, check_batches
from broker.coordinator.share.records import ShareKey, Value
from broker.coordinator.share.sessions import ShareSession
from broker.coordinator.share.settings import ShareSettings
from broker.coordinator.share.share_partition import Answer, Changes, SharePartition
from broker.coordinator.share.store import ShareStore, share_key
from broker.coordinator.share.waiting import ShareWaiting
from broker.errors import KafkaError
from broker.partition.partition import Partition

log = logging.getLogger(__name__)

Decide = Callable[[SharePartition], Changes]


class ShareChanges:
    """Everything that changes records after they were given out."""

    def __init__(
        self,
        store: ShareStore,
        settings: ShareSettings,
        waiting: ShareWaiting,
        tasks: asyncio.TaskGroup,
        locks: ShareLocks,
    ) -> None:
        self._store = store
        self._settings = settings
        self._waiting = waiting
        self._tasks = tasks
        self._locks = locks

    async def run(self) -> None:
        """Take back records whose locks end, until cancelled."""
        await self._locks.run(self._attend)

    async def answer_all(
        self,
        who: tuple[str, str],
        answers: Mapping[tuple[bytes, int], Sequence[Answer]],
        *,
        renewing: bool,
    ) -> dict[tuple[bytes, int], Outcome]:
        """What a member says of records it was given; an outcome for each partition."""
        outcomes: dict[tuple[bytes, int], Outcome] = {}
        for where, said in answers.items():
            try:
                check_batches(said, renewing=renewing)
                await self._answer(who, self._store.partition(where), said)
                outcomes[where] = None
            except KafkaError as refusal:
                outcomes[where] = refusal
        return outcomes

    async def _answer(
        self, who: tuple[str, str], partition: Partition, said: Sequence[Answer]
    ) -> None:
        group_id, member_id = who
        limits = self._settings.limits(group_id)
        now = self._locks.now_ms
        await self.change(
            group_id, partition, lambda one: one.acknowledge(member_id, said, now, limits)
        )

    async def release(self, session: ShareSession) -> None:
        """The member ends its session: what it holds is for others."""
        limits = self._settings.limits(session.group_id)
        for where in session.partitions:
            partition = self._store.find_partition(where)
            if partition is not None:
                await self.change(
                    session.group_id, partition, lambda one: one.release(session.member_id, limits)
                )

    async def tidy(self, group_id: str, partition: Partition) -> None:
        """Let the start move over what nobody has to answer for any more."""
        await self.change(group_id, partition, lambda one: [])

    async def change(self, group_id: str, partition: Partition, decide: Decide) -> None:
        """Let `decide` change fates: on the disk when this returns, and who waits is woken."""
        key = share_key(group_id, partition)
        freed = False

        def look(one: SharePartition) -> Value | None:
            nonlocal freed
            changes = decide(one)  # refuses what was never given
            if not one.is_known:
                return None
            freed = any(change.delivery_state == State.AVAILABLE for change in changes)
            start = one.start_after(changes, partition.log_start_offset)
            return one.update(changes, start) if changes or start != one.start else None

        await self._store.change(key, look)
        if freed:
            self._waiting.wake(key)

    # -- locks -------------------------------------------------------------------------------

    async def schedule(self, key: ShareKey) -> None:
        """Records of this share partition are locked: take them back in time."""
        one = await self._store.find(key)
        if one is not None:
            self._locks.schedule(key, one.next_deadline())

    def _attend(self, key: ShareKey) -> None:
        """The locks of a share partition end, some of them."""
        self._tasks.create_task(self._take_back(key), name=f"locks of {key}")

    async def _take_back(self, key: ShareKey) -> None:
        partition = self._store.find_partition((key.topic_id, key.partition))
        if partition is None:
            return
        limits = self._settings.limits(key.group_id)
        try:
            await self.change(
                key.group_id, partition, lambda one: one.late(self._locks.now_ms, limits)
            )
            await self.schedule(key)
        except KafkaError as refusal:
            log.warning("records whose locks ended stay locked: %s share=%s", refusal, key)
            self._locks.schedule(key, self._locks.now_ms + limits.lock_ms)
