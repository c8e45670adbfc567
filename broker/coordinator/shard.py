"""A state machine that lives on a partition: decide, append, apply (house plan section 1).

`write(decide)` is the only way to change the state. `decide` looks at the state and returns records
and an answer; the records are applied to the state at once, appended as one batch (all or none),
and the answer is given only when they are committed. Whoever decides next already sees the new
state, and its records come later in the log: the log's order is the order of decisions.

When an append fails the state is ahead of the log. It is then thrown away and replayed from the
log, and every write that was on its way is refused: the client asks again.

When the topic is deleted the shard is over: everything is refused with NOT_COORDINATOR, writes on
their way as well. Whoever holds it lets go of its state, and makes another one for a new topic.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from broker.clock import Clock
from broker.errors import ErrorCode, KafkaError
from broker.partition.partition import Partition
from broker.partition.wishes import ACKS_ALL, ReadEnd
from broker.records.batch import build_batch, iterate
from broker.records.control import ControlType, read_marker
from broker.records.header import NO_SEQUENCE, BatchHeader
from broker.records.record import Record, decode_records
from broker.storage.log import AppendInfo, Origin

log = logging.getLogger(__name__)

R = TypeVar("R")

APPEND_TIMEOUT_MS = 30_000  # offsets.commit.timeout.ms is 5 s; a slow disk is better than a reload
RELOAD_RETRY_S = 1.0
LOAD_BYTES = 1 << 20  # read at a time while replaying
NO_PRODUCER = (-1, -1)
FIRST_SEQUENCE = 0  # of every batch of groups and share groups, with a producer or without


@dataclass(frozen=True, slots=True)
class Decision(Generic[R]):
    """What a decision comes to: records to append (may be none) and the answer they lead to."""

    records: list[tuple[bytes | None, bytes | None]]
    response: R
    producer: tuple[int, int] = NO_PRODUCER
    """(id, epoch) of the producer in whose transaction the records are written; -1: in none."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a record comes from. Live records have offset -1: they are applied before they land."""

    offset: int
    timestamp_ms: int
    producer_id: int
    """The transaction's producer; -1 outside of transactions."""


class ShardState(Protocol):
    """What lives on the partition. `replay` cannot refuse: it serves live traffic and restarts."""

    def reset(self) -> None:
        """Forget everything: a replay from the first record follows."""

    def replay(self, key: bytes | None, value: bytes | None, source: Source) -> None:
        """Apply one record."""

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        """The transaction of `producer_id` on this partition ended."""


class Shard:
    """One partition of an internal topic and the state it tells."""

    def __init__(
        self,
        partition: Partition,
        state: ShardState,
        clock: Clock,
        *,
        on_loaded: Callable[[], None] = lambda: None,
        base_sequence: int = NO_SEQUENCE,
    ) -> None:
        """`on_loaded`: called whenever the whole partition was replayed into the state.
        `base_sequence`: what its batches say, as those of Kafka's coordinator of this kind."""
        self._on_loaded = on_loaded
        self._base_sequence = base_sequence
        self.partition = partition
        self._state = state
        self._clock = clock
        self._generation = 0
        self._loaded = False
        self._reloading: asyncio.Task[None] | None = None

    @property
    def is_loaded(self) -> bool:
        return self._loaded and not self.is_over

    @property
    def is_over(self) -> bool:
        """The topic was deleted."""
        return self.partition.is_forgotten

    def check_loaded(self) -> None:
        """COORDINATOR_LOAD_IN_PROGRESS until the state is what the log says, and
        COORDINATOR_NOT_AVAILABLE if that cannot be read; NOT_COORDINATOR when it is over."""
        if self.is_over:
            raise self._over()
        if not self._loaded and not self.partition.is_online:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, f"{self.partition} is offline")
        if not self._loaded:
            raise KafkaError(
                ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, f"{self.partition} is being read"
            )

    async def wait_until_loaded(self) -> None:
        """Until a replay that is under way after a failed append is over."""
        if self._reloading is not None:
            await asyncio.shield(self._reloading)

    async def load(self) -> None:
        """Replay the whole partition into the state; damage in it takes the partition offline."""
        self._loaded = False
        self._state.reset()
        offset = self.partition.log_start_offset
        while offset < self.partition.high_watermark:
            try:
                chunk = await self.partition.worker.run_aside(self._read_chunk, offset)
            except KafkaError as refusal:
                if refusal.code is ErrorCode.CORRUPT_MESSAGE:  # a state with a hole is none
                    self.partition.go_offline(refusal)
                raise
            if not chunk:
                break
            for position, header in iterate(chunk):
                if header.last_offset >= offset:
                    self._replay_batch(header, chunk[position : position + header.size_bytes])
                offset = header.next_offset
            await asyncio.sleep(0)  # a long log must not stop everybody else
        self._on_loaded()
        self._loaded = True

    async def write(self, decide: Callable[[], Decision[R]]) -> R:
        """Decide, apply, append; answers when committed. KafkaError: refused, nothing happened.

        What `decide` raises is raised. A failed append raises COORDINATOR_NOT_AVAILABLE, or the
        storage error of the partition, or NOT_COORDINATOR when the topic was deleted meanwhile.
        """
        return await self.start(decide)

    def start(self, decide: Callable[[], Decision[R]]) -> Coroutine[Any, Any, R]:
        """The first half of `write`, done at once: what it returns must be awaited for the answer.

        The order of calls is the order in the log, also against appends to other partitions of the
        same log directory.
        """
        self.check_loaded()
        decision = decide()
        future = self._append(decision) if decision.records else None
        return self._committed(decision, future, self._generation)

    def _append(self, decision: Decision[R]) -> asyncio.Future[AppendInfo]:
        now_ms = self._clock.now_ms()
        future = self.partition.start_append(
            memoryview(self._batch(decision, now_ms)),
            acks=ACKS_ALL,
            timeout_ms=APPEND_TIMEOUT_MS,
            now_ms=now_ms,
            origin=Origin.COORDINATOR,
        )
        future.add_done_callback(partial(self._appended, self._generation))
        self._apply(decision, now_ms)
        return future

    async def _committed(
        self, decision: Decision[R], future: asyncio.Future[AppendInfo] | None, generation: int
    ) -> R:
        if future is None:
            return decision.response
        try:
            await asyncio.shield(future)
        except KafkaError as refusal:
            raise (self._over() if self.is_over else refusal) from refusal
        if generation != self._generation:
            raise KafkaError(
                ErrorCode.COORDINATOR_NOT_AVAILABLE, f"{self.partition} was read again meanwhile"
            )
        return decision.response

    def _appended(self, generation: int, future: asyncio.Future[AppendInfo]) -> None:
        """An append ended, whether or not somebody still waits for it.

        When it failed the state is read again, once however many appends fail together. The task
        is the shard's own child: no request that could be cancelled stands for it.
        """
        error = None if future.cancelled() else future.exception()
        if error is None or generation != self._generation or self.is_over:
            return
        log.error("state lost an append, reading it again: %s partition=%s", error, self.partition)
        self._generation += 1
        self._loaded = False
        self._reloading = self.partition.loop.create_task(self._reload(), name="reload")

    async def _reload(self) -> None:
        """Replay until it succeeds; an offline partition has nothing to replay."""
        while self.partition.is_online:
            try:
                await self.partition.worker.run(
                    lambda: None
                )  # appends queued behind the failed one
                await self.load()
            except KafkaError:
                log.exception("state cannot be read, tried again partition=%s", self.partition)
                await asyncio.sleep(RELOAD_RETRY_S)
            else:
                break
        self._reloading = None

    def _over(self) -> KafkaError:
        return KafkaError(ErrorCode.NOT_COORDINATOR, f"{self.partition} was deleted")

    def _batch(self, decision: Decision[R], now_ms: int) -> bytearray:
        records = [
            Record(offset=0, timestamp_ms=now_ms, key=key, value=value)
            for key, value in decision.records
        ]
        producer_id, producer_epoch = decision.producer
        return bytearray(
            build_batch(
                records,
                producer_id=producer_id,
                producer_epoch=producer_epoch,
                base_sequence=self._base_sequence,
                transactional=producer_id >= 0,
            )
        )

    def _apply(self, decision: Decision[R], now_ms: int) -> None:
        source = Source(offset=-1, timestamp_ms=now_ms, producer_id=decision.producer[0])
        for key, value in decision.records:
            self._state.replay(key, value, source)

    def _read_chunk(self, offset: int) -> bytes:
        """Whole batches from the log, at least one; in a disk thread."""
        part = self.partition.read(offset, LOAD_BYTES, ReadEnd.HIGH_WATERMARK, minimum_one=True)
        return part.read()

    def _replay_batch(self, header: BatchHeader, batch: bytes) -> None:
        if header.is_control:
            marker = read_marker(header, batch)
            if marker is not None:
                committed = marker.control_type is ControlType.COMMIT
                self._state.end_transaction(header.producer_id, committed=committed)
            return
        producer_id = header.producer_id if header.is_transactional else -1
        self._replay_records(decode_records(header, batch), producer_id)

    def _replay_records(self, records: Iterable[Record], producer_id: int) -> None:
        for record in records:
            source = Source(record.offset, record.timestamp_ms, producer_id)
            self._state.replay(record.key, record.value, source)
