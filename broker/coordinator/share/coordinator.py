"""Share groups at work: records are given out, answered for, and given out again (KIP-932).

Each request of a member goes: its session, its answers for earlier records, then new records. What
is given out is locked in memory; what is answered is on the disk before the member hears of it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from broker.clock import Clock
from broker.config import BrokerConfig
from broker.coordinator.cluster import Cluster
from broker.coordinator.group.timers import Timers
from broker.coordinator.share.messages import (
    AckBatch,
    Given,
    Outcome,
    ShareFetchWish,
    ShareOffset,
    check_batches,
)
from broker.coordinator.share.reading import read
from broker.coordinator.share.records import UNCHANGED, ShareKey, ShareSnapshot, Value
from broker.coordinator.share.sessions import FIRST, LAST, ShareSession, ShareSessions
from broker.coordinator.share.share_partition import (
    DONE,
    Acknowledge,
    Fate,
    Limits,
    Portion,
    SharePartition,
    State,
)
from broker.coordinator.share.store import ShareStore
from broker.errors import ErrorCode, KafkaError
from broker.metadata import group_configs
from broker.metadata.features import SHARE_VERSION
from broker.partition.partition import Partition, ReadEnd
from broker.partition.partitions import Partitions
from broker.partition.watcher import Watcher

log = logging.getLogger(__name__)

Decide = Callable[[SharePartition], dict[int, Fate]]


class ShareCoordinator:
    def __init__(
        self,
        cluster: Cluster,
        partitions: Partitions,
        config: BrokerConfig,
        clock: Clock,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._cluster = cluster
        self._partitions = partitions
        self._config = config
        self._clock = clock
        self._tasks = tasks
        self._sessions = ShareSessions(config.group_share_max_share_sessions)
        self._store = ShareStore(cluster, partitions, config, clock)
        self._timers = Timers()
        self._keys: dict[str, ShareKey] = {}
        self._is_stopping = False
        self._waiting: dict[ShareKey, set[Watcher]] = {}

    async def run(self) -> None:
        """Take back records whose locks end, until cancelled."""
        await self._timers.run(self._clock, self._attend)

    def require_enabled(self) -> None:
        """Share groups are on only where the cluster's feature says so."""
        if self._cluster.image.features.get(SHARE_VERSION, 0) < 1:
            raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, "share.version is 0")

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
        outcomes = await self._answer_all(wish.who, wish.acknowledgements, renewing=wish.renewing)
        if wish.epoch == LAST:
            await self._release(session)
            return [Given(where, acknowledged=outcomes[where]) for where in outcomes]
        given: dict[tuple[bytes, int], Given] = {}
        if wish.wants_records:
            given = await self._give_in_time(session, wish, is_urgent=bool(outcomes))
        if wish.epoch == FIRST:  # the first answer names all partitions
            for where in wish.wanted:
                given.setdefault(where, Given(where))
        for where, outcome in outcomes.items():
            given.setdefault(where, Given(where)).acknowledged = outcome
        return list(given.values())

    async def _give_in_time(
        self, session: ShareSession, wish: ShareFetchWish, *, is_urgent: bool
    ) -> dict[tuple[bytes, int], Given]:
        """Records as soon as there are `min_bytes` of them, or those there are when time is up."""
        deadline = self._clock.monotonic_ms() + wish.max_wait_ms
        if is_urgent:  # it also brings outcomes, which somebody waits for
            return await self._give(session, wish)
        while True:
            left_ms = deadline - self._clock.monotonic_ms()
            missing = wish.min_bytes
            if wish.min_bytes > 1 and left_ms > 0:
                missing -= await self._ready_bytes(session, wish.min_bytes)
            if missing <= 0 or wish.min_bytes <= 1 or left_ms <= 0:
                given = await self._give(session, wish)
                if given or left_ms <= 0 or not session.partitions:
                    return given
                missing = 1
            await self._wait(session, left_ms, missing)

    async def _ready_bytes(self, session: ShareSession, enough: int) -> int:
        """Bytes of the log that could be given now, counted until there are `enough`."""
        ready = 0
        for where in session.partitions:
            partition = self._find(where)
            if partition is None or not partition.is_online or ready >= enough:
                continue
            one = await self._begun(_key(session.group_id, partition), partition)
            offset = max(one.next_offset(), partition.log_start_offset)
            if offset < partition.high_watermark:
                end = self._read_end(session.group_id)
                # Whole batches: the one that goes beyond `enough` counts as well.
                most = enough - ready + partition.log.config.max_message_bytes
                ready += len((await read(partition, offset, most, end)).data)
        return ready

    async def acknowledge(
        self,
        who: tuple[str, str],
        epoch: int,
        batches: Mapping[tuple[bytes, int], list[AckBatch]],
        *,
        connection_id: int = 0,
        renewing: bool = False,
    ) -> dict[tuple[bytes, int], Outcome]:
        """ShareAcknowledge: an outcome for each partition."""
        if epoch == FIRST:
            raise KafkaError(ErrorCode.INVALID_SHARE_SESSION_EPOCH, "a session begins by a fetch")
        now = self._clock.monotonic_ms()
        session = self._sessions.begin(who, epoch, (), now=now, connection_id=connection_id)
        outcomes = await self._answer_all(who, batches, renewing=renewing)
        if epoch == LAST:
            await self._release(session)
        return outcomes

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
            await self._release(session)
        except KafkaError as refusal:
            log.warning(
                "records of a client that is gone stay locked for their time: %s group=%s",
                refusal,
                session.group_id,
            )

    def lock_ms(self, group_id: str) -> int:
        """How long a record belongs to the member it is given to."""
        return int(self._setting(group_id, group_configs.SHARE_LOCK))

    # -- answering ---------------------------------------------------------------------------

    async def _answer_all(
        self,
        who: tuple[str, str],
        batches: Mapping[tuple[bytes, int], Sequence[AckBatch]],
        *,
        renewing: bool,
    ) -> dict[tuple[bytes, int], Outcome]:
        outcomes: dict[tuple[bytes, int], Outcome] = {}
        for where, answers in batches.items():
            try:
                check_batches(answers, renewing=renewing)
                await self._answer(who, self._get(where), answers)
                outcomes[where] = None
            except KafkaError as refusal:
                outcomes[where] = refusal
        return outcomes

    async def _answer(
        self, who: tuple[str, str], partition: Partition, answers: Sequence[AckBatch]
    ) -> None:
        group_id, member_id = who
        limits = self._limits(group_id)

        def decide(one: SharePartition) -> dict[int, Fate]:
            changes: dict[int, Fate] = {}
            now = self._clock.monotonic_ms()
            for first, last, types in answers:
                changes.update(one.acknowledge(member_id, first, last, types, limits))
            for first, last, types in answers:
                for number, kind in enumerate(types):
                    if kind == Acknowledge.RENEW:
                        whole = len(types) == 1
                        begin, end = (first, last) if whole else (first + number, first + number)
                        one.renew(member_id, begin, end, now, limits)
            return changes

        await self._change(group_id, partition, decide)

    async def _release(self, session: ShareSession) -> None:
        """The member ends its session: what it holds is for others."""
        limits = self._limits(session.group_id)
        for where in session.partitions:
            partition = self._find(where)
            if partition is not None:
                await self._change(
                    session.group_id, partition, lambda one: one.release(session.member_id, limits)
                )

    async def _change(self, group_id: str, partition: Partition, decide: Decide) -> None:
        """Let `decide` change fates: on the disk when this returns, and who waits is woken."""
        key = _key(group_id, partition)
        freed = False

        def look(one: SharePartition) -> Value | None:
            nonlocal freed
            if not one.is_known:
                decide(one)  # refuses what was never given
                return None
            changes = decide(one)
            freed = any(fate.state is State.AVAILABLE for fate in changes.values())
            start = one.start_after(changes, partition.log_start_offset)
            return one.update(changes, start) if changes or start != one.start else None

        await self._store.change(key, look)
        if freed:
            for watcher in tuple(self._waiting.get(key, ())):
                watcher.wake()

    def _attend(self, text: str) -> None:
        """The locks of a share partition end, some of them."""
        self._tasks.create_task(self._take_back(self._keys[text]), name=f"locks of {text}")

    async def _take_back(self, key: ShareKey) -> None:
        partition = self._find((key.topic_id, key.partition))
        if partition is None:
            return
        limits = self._limits(key.group_id)
        try:
            await self._change(
                key.group_id, partition, lambda one: one.late(self._clock.monotonic_ms(), limits)
            )
            await self._schedule(key)
        except KafkaError as refusal:
            log.warning("records whose locks ended stay locked: %s share=%s", refusal, key)
            self._timers.schedule(str(key), self._clock.monotonic_ms() + limits.lock_ms)

    async def _schedule(self, key: ShareKey) -> None:
        one = await self._store.find(key)
        if one is not None:
            text = str(key)
            self._keys[text] = key
            self._timers.schedule(text, one.next_deadline())

    # -- giving ------------------------------------------------------------------------------

    async def _give(
        self, session: ShareSession, wish: ShareFetchWish
    ) -> dict[tuple[bytes, int], Given]:
        """Records from the partitions in turn, until enough are together."""
        given: dict[tuple[bytes, int], Given] = {}
        records_left, bytes_left = wish.portion.records_max, wish.max_bytes
        for where in tuple(session.partitions):
            if records_left <= 0 or bytes_left <= 0:
                break
            try:
                wish.check(where)
                portion = replace(wish.portion, records_max=records_left)
                one = await self._give_from(self._get(where), wish.who, portion, bytes_left)
            except KafkaError as refusal:
                given[where] = Given(where, error=refusal)
                continue
            if one is not None:
                given[where] = one
                records_left -= sum(a.last_offset - a.first_offset + 1 for a in one.acquired)
                bytes_left -= len(one.records)
                session.served(where)
        return given

    async def _give_from(
        self, partition: Partition, who: tuple[str, str], portion: Portion, bytes_max: int
    ) -> Given | None:
        group_id, member_id = who
        partition.check_usable()
        key, limits = _key(group_id, partition), self._limits(group_id)
        one = await self._begun(key, partition)
        if one.start < partition.log_start_offset:  # retention took what nobody had answered for
            await self._change(group_id, partition, lambda known: {})
        offset = max(one.next_offset(), partition.log_start_offset)
        if offset >= partition.high_watermark:
            return None
        found = await read(partition, offset, bytes_max, self._read_end(group_id))
        now_one = await self._store.find(key)
        if now_one is None or not found.data:
            return None
        now = self._clock.monotonic_ms()
        acquired = now_one.acquire(member_id, found.readable(), portion, now, limits)
        await self._schedule(key)
        if now_one.fates.get(now_one.start, _NOT_DONE).state in DONE:
            await self._change(group_id, partition, lambda known: {})
        if not acquired:
            return None
        where = (partition.topic_id, partition.index)
        return Given(where, records=found.cut(acquired), acquired=acquired)

    async def _begun(self, key: ShareKey, partition: Partition) -> SharePartition:
        """The share partition; where it begins is decided when it is read for the first time."""
        one = await self._store.find(key)
        if one is not None and one.is_known:
            return one
        start = await self._first_offset(key.group_id, partition)
        await self._store.change(
            key, lambda known: None if known.is_known else self._snapshot(start, known.state_epoch)
        )
        one = await self._store.find(key)
        if one is None:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, f"{key} was reset")
        return one

    def _snapshot(self, start: int, state_epoch: int) -> ShareSnapshot:
        now_ms = self._clock.now_ms()
        return ShareSnapshot(
            state_epoch=state_epoch,
            start_offset=start,
            create_timestamp=now_ms,
            write_timestamp=now_ms,
        )

    async def _first_offset(self, group_id: str, partition: Partition) -> int:
        reset = self._setting(group_id, group_configs.SHARE_RESET)
        if reset == group_configs.EARLIEST:
            return partition.log_start_offset
        duration_ms = group_configs.reset_duration_ms(reset)
        if duration_ms is not None:
            found = await partition.offset_for_timestamp(self._clock.now_ms() - duration_ms)
            if found is not None:
                return found.offset
        return partition.end_for(self._read_end(group_id))

    async def _wait(self, session: ShareSession, left_ms: float, bytes_wanted: int) -> None:
        """Until there is more in the logs, a record is given back, or the time is up."""
        watcher = Watcher(bytes_wanted)
        watched = [one for one in map(self._find, session.partitions) if one is not None]
        keys = [_key(session.group_id, one) for one in watched]
        waiting = self._partitions.waiting
        try:
            for partition, key in zip(watched, keys, strict=True):
                partition.watch(watcher)
                self._waiting.setdefault(key, set()).add(watcher)
            waiting.add(watcher, left_ms)
            await watcher.future
        finally:
            watcher.future.cancel()
            waiting.served()
            for partition, key in zip(watched, keys, strict=True):
                partition.unwatch(watcher)
                self._waiting[key].discard(watcher)
                if not self._waiting[key]:
                    del self._waiting[key]

    # -- administration ----------------------------------------------------------------------

    async def offsets(self, group_id: str) -> list[ShareOffset]:
        """Where the group is in each partition that it reads or read."""
        known = await self._store.of_group(group_id)
        return [self._offset(key, one) for key, one in known.items()]

    def _offset(self, key: ShareKey, one: SharePartition) -> ShareOffset:
        partition = self._find((key.topic_id, key.partition))
        done = sum(fate.state in DONE for fate in one.fates.values())
        lag = UNCHANGED
        if partition is not None and one.is_known:
            end = partition.end_for(self._read_end(key.group_id))
            lag = max(0, end - one.start - done)
        return ShareOffset((key.topic_id, key.partition), one.start, lag)

    async def set_offset(self, group_id: str, partition: Partition, offset: int) -> None:
        """The group goes on at `offset`, whatever happened before; at -1: where a new one would."""
        await self._store.change(
            _key(group_id, partition),
            lambda one: self._snapshot(offset, one.state_epoch + 1),
        )

    async def forget(self, group_id: str, topic_id: bytes | None = None) -> None:
        """The group (or its part of one topic) was deleted."""
        await self._store.forget(group_id, topic_id)

    # -- settings ----------------------------------------------------------------------------

    def _setting(self, group_id: str, name: str) -> str:
        return group_configs.group_config(self._cluster.image, self._config, group_id, name)

    def _limits(self, group_id: str) -> Limits:
        return Limits(
            delivery_count_max=self._config.group_share_delivery_count_limit,
            in_flight_max=self._config.group_share_partition_max_record_locks,
            lock_ms=self.lock_ms(group_id),
        )

    def _read_end(self, group_id: str) -> ReadEnd:
        isolation = self._setting(group_id, group_configs.SHARE_ISOLATION)
        committed = isolation == group_configs.READ_COMMITTED
        return ReadEnd.LAST_STABLE_OFFSET if committed else ReadEnd.HIGH_WATERMARK

    def _get(self, where: tuple[bytes, int]) -> Partition:
        """UNKNOWN_TOPIC_ID for what is no topic: also for the cluster's own log."""
        if where[0] not in self._cluster.image.names_by_id:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, "")
        return self._partitions.get_by_id(*where)

    def _find(self, where: tuple[bytes, int]) -> Partition | None:
        try:
            return self._get(where)
        except KafkaError:
            return None


_NOT_DONE = Fate(State.AVAILABLE, 0)


def _key(group_id: str, partition: Partition) -> ShareKey:
    return ShareKey(group_id, partition.topic_id, partition.index)
