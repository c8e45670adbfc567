"""What the leader of a share partition tells its coordinator (KIP-932, APIs 83 to 87).

Here both are one process and need no messages. Whoever may act as a broker can ask all the same,
as on Apache Kafka: tools read the state, and tell a broker's version by the APIs that it has.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from broker.clock import Clock
from broker.coordinator.cluster import Cluster
from broker.coordinator.share.in_flight import State
from broker.coordinator.share.records import (
    NOT_COUNTED,
    UNCHANGED,
    ShareKey,
    ShareSnapshot,
    ShareUpdate,
    StateBatch,
    encode_record,
    tombstones,
)
from broker.coordinator.share.share_partition import SharePartition
from broker.coordinator.share.store import RawRecord, ShareStore
from broker.errors import ErrorCode, KafkaError
from broker.metadata.records import SHARE_STATE_TOPIC

R = TypeVar("R")

ANY_EPOCH = -1
IN_FLIGHT_MAX = 10_000
"""Kafka's bound of `group.share.partition.max.record.locks`: no leader has more to say."""


@dataclass(frozen=True, slots=True)
class StateWrite:
    """`start_offset` UNCHANGED leaves it where it is."""

    state_epoch: int
    leader_epoch: int
    start_offset: int
    complete_count: int
    batches: Sequence[StateBatch]


@dataclass(frozen=True, slots=True)
class Summary:
    """`complete_count`: records from `start_offset` on that are done with."""

    state_epoch: int = 0
    leader_epoch: int = 0
    start_offset: int = UNCHANGED
    complete_count: int = NOT_COUNTED


class PersistedState:
    def __init__(self, store: ShareStore, cluster: Cluster, clock: Clock) -> None:
        self._store = store
        self._cluster = cluster
        self._clock = clock

    async def initialize(self, key: ShareKey, state_epoch: int, start_offset: int) -> None:
        """Begin anew at an offset. FENCED_STATE_EPOCH, UNKNOWN_TOPIC_OR_PARTITION."""
        self._require_coordinator()

        def decide(one: SharePartition | None) -> list[RawRecord]:
            self._check_state_epoch(one, state_epoch)
            self._require_partition(key)
            now_ms = self._clock.now_ms()
            value = ShareSnapshot(
                state_epoch=max(state_epoch, 0),
                start_offset=max(start_offset, UNCHANGED),
                create_timestamp=now_ms,
                write_timestamp=now_ms,
            )
            return [*tombstones(key), encode_record(key, value)]

        await self._store.write(key, decide)

    async def read(self, key: ShareKey, leader_epoch: int) -> SharePartition:
        """The state for a leader; older leaders are fenced from now on (FENCED_LEADER_EPOCH)."""
        self._require_coordinator()
        one = self._require_known(await self._store.find(key), "Read")
        self._check_leader_epoch(key, leader_epoch)
        self._require_partition(key)
        if leader_epoch > self._store.leader_epochs.get(key, 0):
            self._store.leader_epochs[key] = leader_epoch
        return one

    async def write(self, key: ShareKey, wish: StateWrite) -> None:
        """Store what changed. FENCED_LEADER_EPOCH, FENCED_STATE_EPOCH, INVALID_REQUEST."""
        self._require_coordinator()

        def decide(found: SharePartition | None) -> list[RawRecord]:
            one = self._require_known(found, "Write")
            self._check_leader_epoch(key, wish.leader_epoch)
            self._check_state_epoch(one, wish.state_epoch)
            self._require_partition(key)
            _check_batches(one.start if wish.start_offset == UNCHANGED else wish.start_offset, wish)
            value = ShareUpdate(
                snapshot_epoch=one.snapshot_epoch,
                leader_epoch=max(wish.leader_epoch, 0),
                start_offset=wish.start_offset,
                state_batches=sorted(wish.batches, key=lambda batch: batch.first_offset),
                delivery_complete_count=wish.complete_count,
            )
            return [encode_record(key, value)]

        await self._store.write(key, decide)

    async def summary(self, key: ShareKey) -> Summary:
        """Where the group begins; nothing known is an answer, too."""
        self._require_coordinator()
        self._require_partition(key)
        one = await self._store.find(key)
        if one is None or not one.is_known:
            return Summary()
        epoch = self._store.leader_epochs.get(key, 0)
        return Summary(one.state_epoch, epoch, one.start, one.delivered)

    async def delete(self, key: ShareKey) -> None:
        """Nothing is known of the share partition any more. UNKNOWN_TOPIC_OR_PARTITION."""
        self._require_coordinator()
        self._require_partition(key)
        await self._store.write(key, lambda one: [] if one is None else tombstones(key))
        self._store.leader_epochs.pop(key, None)

    def _require_coordinator(self) -> None:
        if SHARE_STATE_TOPIC not in self._cluster.image.topics:
            raise KafkaError(ErrorCode.NOT_COORDINATOR, "This is not the correct coordinator.")

    def _require_partition(self, key: ShareKey) -> None:
        name = self._cluster.image.names_by_id.get(key.topic_id, "")
        topic = self._cluster.image.topics.get(name)
        if topic is None or key.partition >= len(topic.partitions):
            raise KafkaError(
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                "This server does not host this topic-partition.",
            )

    @staticmethod
    def _require_known(one: SharePartition | None, what: str) -> SharePartition:
        if one is None or not one.is_known:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"{what} operation on uninitialized share partition not allowed.",
            )
        return one

    def _check_leader_epoch(self, key: ShareKey, leader_epoch: int) -> None:
        if leader_epoch != ANY_EPOCH and self._store.leader_epochs.get(key, 0) > leader_epoch:
            raise KafkaError(
                ErrorCode.FENCED_LEADER_EPOCH,
                "The leader epoch in the request is older than the epoch on the broker.",
            )

    @staticmethod
    def _check_state_epoch(one: SharePartition | None, state_epoch: int) -> None:
        if one is not None and state_epoch != ANY_EPOCH and one.state_epoch > state_epoch:
            raise KafkaError(
                ErrorCode.FENCED_STATE_EPOCH,
                "The share coordinator rejected the request because the share-group state epoch"
                " did not match.",
            )


def _check_batches(start: int, wish: StateWrite) -> None:
    """A state that no leader has is none: what is in flight is bounded."""
    states = set(State) - {State.ACQUIRED}
    for batch in wish.batches:
        is_range = 0 <= batch.first_offset <= batch.last_offset < start + IN_FLIGHT_MAX
        if not is_range or batch.delivery_state not in states or batch.delivery_count < 0:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"not a state of records: {batch}")
    if wish.start_offset < UNCHANGED:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"not an offset: {wish.start_offset}")


async def answer_each(
    group_id: str,
    topics: Iterable[Any],
    ask: Callable[[ShareKey, Any], Awaitable[R]],
    refuse: Callable[[int, ErrorCode, str], R],
    verb: str,
) -> list[tuple[bytes, list[R]]]:
    """Results by topic id of asking for each partition; nothing for a group without a name.

    `refuse` is given partition, code and words; `verb` is what cannot be done, in Kafka's words.
    """
    results: list[tuple[bytes, list[R]]] = []
    for topic in topics if group_id else ():
        told: list[R] = []
        for one in topic.partitions:
            try:
                if one.partition < 0:
                    raise KafkaError(
                        ErrorCode.INVALID_REQUEST, "The partition id cannot be a negative number."
                    )
                told.append(await ask(ShareKey(group_id, topic.topic_id, one.partition), one))
            except KafkaError as error:
                words = error.message
                if error.code is ErrorCode.NOT_COORDINATOR:
                    words = f"Unable to {verb}: {words}"
                told.append(refuse(one.partition, error.code, words))
        results.append((topic.topic_id, told))
    return results
