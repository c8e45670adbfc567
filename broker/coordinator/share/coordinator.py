"""Share groups at work: records are given out, answered for, and given out again (KIP-932).

Each request of a member goes: its session, its answers for earlier records, then new records. What
is given out is locked in memory; what is answered is on the disk before the member hears of it.
"""

import asyncio
import logging
from collections.abc import Mapping

from broker.clock import Clock
from broker.config import BrokerConfig
from broker.coordinator.cluster import Cluster
from broker.coordinator.share.changing import ShareChanges
from broker.coordinator.share.giving import ShareGiving
from broker.coordinator.share.locks import ShareLocks
from broker.coordinator.share.messages import Given, Outcome, ShareFetchWish, Where
from broker.coordinator.share.offsets import ShareOffsets
from broker.coordinator.share.persisted import PersistedState
from broker.coordinator.share.sessions import FIRST, LAST, ShareSession, ShareSessions
from broker.coordinator.share.settings import ShareSettings
from broker.coordinator.share.share_partition import Answer
from broker.coordinator.share.store import ShareStore
from broker.coordinator.share.waiting import ShareWaiting
from broker.errors import ErrorCode, KafkaError
from broker.metadata.features import SHARE_VERSION
from broker.partition.partitions import Partitions

log = logging.getLogger(__name__)


class ShareCoordinator:
    """`offsets` is for administrators, all else for members."""

    def __init__(
        self,
        cluster: Cluster,
        partitions: Partitions,
        config: BrokerConfig,
        clock: Clock,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._tasks = tasks
        self._sessions = ShareSessions(config.group_share_max_share_sessions)
        locks = ShareLocks(clock)
        self._store = ShareStore(cluster, partitions, config, clock, locks)
        self.persisted = PersistedState(self._store, cluster, clock)
        self._settings = ShareSettings(cluster, config)
        self._waiting = ShareWaiting(partitions)
        self._changes = ShareChanges(self._store, self._settings, self._waiting, tasks, locks)
        self._giving = ShareGiving(self._store, self._settings, self._changes, clock)
        self.offsets = ShareOffsets(self._store, self._settings, clock)
        self._is_stopping = False

    async def run(self) -> None:
        """Take back records whose locks end, until cancelled."""
        await self._changes.run()

    def require_enabled(self) -> None:
        """Share groups are on only where the cluster's feature says so."""
        if self._cluster.image.features.get(SHARE_VERSION, 0) < 1:
            raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, "share.version is 0")

    def lock_ms(self, group_id: str) -> int:
        """How long a record belongs to the member it is given to."""
        return self._settings.lock_ms(group_id)

    # -- members -----------------------------------------------------------------------------

    async def fetch(self, wish: ShareFetchWish) -> list[Given]:
        """Answer for earlier records, then give new ones; waits for some up to `max_wait_ms`."""
        if wish.acknowledgements and wish.epoch == FIRST:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "a new share session cannot acknowledge")
        session = self._sessions.begin(
            wish.who,
            wish.epoch,
            wish.wanted,
            wish.forgotten,
            now=self._clock.monotonic_ms(),
            connection_id=wish.connection_id,
        )
        outcomes = await self._changes.answer_all(
            wish.who, wish.acknowledgements, renewing=wish.renewing
        )
        if wish.epoch == LAST:
            await self._changes.release(session)
            return [Given(where, acknowledged=outcomes[where]) for where in outcomes]
        given: dict[Where, Given] = {}
        if wish.wants_records:
            given = await self._give_in_time(session, wish, is_urgent=bool(outcomes))
        elif wish.epoch == FIRST:
            given = {where: Given(where) for where in wish.wanted}
        for where, outcome in outcomes.items():
            given.setdefault(where, Given(where)).acknowledged = outcome
        return list(given.values())

    async def _give_in_time(
        self, session: ShareSession, wish: ShareFetchWish, *, is_urgent: bool
    ) -> dict[Where, Given]:
        """Records as soon as there are `min_bytes` of them, or those there are when time is up.

        `is_urgent`: the answer also brings outcomes, which somebody waits for. Partitions in which
        the group cannot begin yet are waited for as well: Kafka tells them at once, whereupon
        clients ask again at once.
        """
        deadline = self._clock.monotonic_ms() + wish.max_wait_ms
        while True:
            found = await self._giving.stock(wish, session.in_turn(wish.epoch))
            given = {where: one for where, one in found.refused.items() if not _may_begin_yet(one)}
            left_ms = 0 if is_urgent else deadline - self._clock.monotonic_ms()
            missing = wish.min_bytes - found.size_bytes
            if missing <= 0 or left_ms <= 0:
                given |= await self._giving.give(wish, found.stocks)
                missing = 1
            if given or left_ms <= 0 or not session.partitions:
                given = found.refused | given
                if wish.epoch == FIRST:  # the first answer names all that was looked at
                    return {where: Given(where) for where in found.looked} | given
                return given
            watched = [
                partition
                for partition in map(self._store.find_partition, session.partitions)
                if partition is not None
            ]
            await self._waiting.wait(session.group_id, watched, left_ms, missing)

    async def acknowledge(
        self,
        who: tuple[str, str],
        epoch: int,
        answers: Mapping[Where, list[Answer]],
        *,
        connection_id: int = 0,
        renewing: bool = False,
    ) -> dict[Where, Outcome]:
        """ShareAcknowledge: an outcome for each partition."""
        if epoch == FIRST:
            raise KafkaError(ErrorCode.INVALID_SHARE_SESSION_EPOCH, "a session begins by a fetch")
        now = self._clock.monotonic_ms()
        session = self._sessions.begin(who, epoch, (), now=now, connection_id=connection_id)
        outcomes = await self._changes.answer_all(who, answers, renewing=renewing)
        if epoch == LAST:
            await self._changes.release(session)
        return outcomes

    # -- connections -------------------------------------------------------------------------

    def stop(self) -> None:
        """The broker closes all connections: that is no reason to write anything down."""
        self._is_stopping = True

    def connection_closed(self, connection_id: int) -> None:
        """A client is gone: what its members hold is for others at once."""
        if self._is_stopping:
            return  # a start gives them to others anyway
        for session in self._sessions.of_connection(connection_id):
            self._tasks.create_task(self._release_quietly(session), name="share session ends")

    async def _release_quietly(self, session: ShareSession) -> None:
        try:
            await self._changes.release(session)
        except KafkaError as refusal:
            log.warning(
                "records of a client that is gone stay locked for their time: %s group=%s",
                refusal,
                session.group_id,
            )


def _may_begin_yet(one: Given) -> bool:
    return one.error is not None and one.error.code is ErrorCode.OFFSET_NOT_AVAILABLE
