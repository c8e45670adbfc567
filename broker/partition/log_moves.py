"""Moves partitions between the log directories of this broker, while they are used (KIP-113).

One after another: copy in the background, then hold appends for the few milliseconds in which the
rest is copied, made safe and put in its place. A move that fails is given up, and everything stays
as it was; one that is cut off by a stop or a crash begins anew with the next start.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from broker.errors import ErrorCode, KafkaError, StorageError
from broker.partition.disk_worker import DiskWorker, new_sync_guard
from broker.partition.partition import Partition
from broker.storage import log_move
from broker.storage.files import Files
from broker.storage.log import Log
from broker.storage.log_manager import LogManager, MovedHalfway

log = logging.getLogger(__name__)

MOVES_MAX = 100_000  # as many partitions may wait to be moved
PAUSE_S_MAX = 0.5  # how soon a changed rate, or a move that is not wanted, is seen
CLOSE_ENOUGH_BYTES = log_move.COPY_BYTES  # the rest is copied while appends are held


@dataclass(slots=True)
class Move:
    """A partition on its way; `future` is None until its turn comes."""

    partition: Partition
    path: str
    future: Log | None = None
    cleaned_to: int = 0
    """How far the log was compacted when the copy began: what is compacted later is not in it."""

    @property
    def size_bytes(self) -> int:
        return 0 if self.future is None else self.future.size_bytes

    @property
    def offset_lag(self) -> int:
        """Records that the copy does not have yet."""
        start = self.partition.log_start_offset
        copied_to = start if self.future is None else max(start, self.future.end_offset)
        return max(0, self.partition.log_end_offset - copied_to)


@dataclass(frozen=True, slots=True)
class MovesSetup:
    """What LogMoves works with; wired by app.py."""

    files: Files
    logs: LogManager
    workers: Mapping[str, DiskWorker]
    """By log directory."""
    now_ms: Callable[[], int]
    bytes_per_s_max: Callable[[], float]
    """How fast logs may be copied; 0: as fast as can be."""


class LogMoves:
    """The moves that were asked for; `run` makes them."""

    def __init__(self, setup: MovesSetup) -> None:
        self._setup = setup
        self._moves: dict[tuple[str, int], Move] = {}
        self._queue: asyncio.Queue[Move] = asyncio.Queue(MOVES_MAX)
        self._last_unique = 0

    def request(self, partition: Partition, path: str) -> None:
        """Have a partition lie in `path`; where it lies already, a move elsewhere is given up.

        LOG_DIR_NOT_FOUND: the broker does not have this directory.
        """
        worker = self.worker_of(path)
        key = (partition.topic, partition.index)
        asked = self._moves.get(key)
        if asked is not None and (asked.partition, asked.path) == (partition, path):
            return
        self._moves.pop(key, None)
        if partition.worker is worker:
            return
        move = Move(partition, path)
        try:
            self._queue.put_nowait(move)
        except asyncio.QueueFull as error:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "too many moves wait") from error
        self._moves[key] = move

    def worker_of(self, path: str) -> DiskWorker:
        """Who writes in this log directory; LOG_DIR_NOT_FOUND."""
        worker = self._setup.workers.get(path.rstrip("/") or path)
        if worker is None:
            raise KafkaError(
                ErrorCode.LOG_DIR_NOT_FOUND, f"Log directory {path} is not found in the config."
            )
        return worker

    def into(self, path: str) -> Iterable[Move]:
        """The moves into a log directory."""
        return [move for move in self._moves.values() if move.path == path]

    async def run(self) -> None:
        """Make the moves one after another, until cancelled."""
        begun: deque[Move] = deque()
        while True:
            while not begun or not self._queue.empty():
                move = await self._queue.get()
                if await self._attempt(move, self._begin):
                    begun.append(move)
            move = begun.popleft()
            if await self._attempt(move, self._finish):
                log.info("partition moved topic=%s partition=%d directory=%s", *_names(move))
            self._forget(move)

    def _forget(self, move: Move) -> None:
        key = (move.partition.topic, move.partition.index)
        if self._moves.get(key) is move:
            del self._moves[key]

    def _is_wanted(self, move: Move) -> bool:
        key = (move.partition.topic, move.partition.index)
        return self._moves.get(key) is move and move.partition.is_online

    async def _attempt(self, move: Move, step: Callable[[Move], Awaitable[bool]]) -> bool:
        """Whether the step was made; if not, nothing of the move is left over."""
        source = move.partition.log
        try:
            if self._is_wanted(move) and await step(move):
                return True
        except (KafkaError, StorageError) as error:
            log.warning(
                "move given up: %s topic=%s partition=%d directory=%s", error, *_names(move)
            )
        self._forget(move)
        if move.future is not None and move.partition.log is source:
            files, worker = self._setup.files, self._setup.workers[move.path]
            await worker.run_aside(files.remove_directory, move.future.directory)
        return False

    async def _begin(self, move: Move) -> bool:
        """Make the empty copy: it is what a later start knows the move by."""
        self._last_unique += 1
        now_ms = self._setup.now_ms()
        unique = now_ms.to_bytes(8, "big") + self._last_unique.to_bytes(8, "big")
        partition = move.partition
        move.cleaned_to = self._setup.logs.cleaner_offset((partition.topic, partition.index))
        move.future = await self._setup.workers[move.path].run_aside(
            log_move.begin, self._setup.files, move.partition.log, move.path, unique, now_ms
        )
        return True

    async def _finish(self, move: Move) -> bool:
        """Whether the partition lies there now; False when that was no longer wanted."""
        assert move.future is not None
        worker = self._setup.workers[move.path]
        return await self._copy(move, move.future) and await self._swap(move, move.future, worker)

    async def _copy(self, move: Move, future: Log) -> bool:
        """Copy until little is missing; False when the move is no longer wanted."""
        source, worker = move.partition.log, self._setup.workers[move.path]
        loop = asyncio.get_running_loop()
        while self._is_wanted(move):
            began_s = loop.time()
            try:
                copied = await worker.run_aside(
                    log_move.copy_some, source, future, self._setup.now_ms()
                )
            except KafkaError as error:
                if error.code is not ErrorCode.OFFSET_OUT_OF_RANGE:
                    raise
                continue  # retention took what was to be copied next
            missing = source.size_bytes - future.size_bytes
            if not copied or (copied < CLOSE_ENOUGH_BYTES / 2 and missing < CLOSE_ENOUGH_BYTES):
                return True
            await self._pause(move, copied, began_s)
        return False

    async def _pause(self, move: Move, copied: int, began_s: float) -> None:
        """Wait until so many bytes could be copied since then at the rate that holds now."""
        loop = asyncio.get_running_loop()
        while (rate := self._setup.bytes_per_s_max()) and self._is_wanted(move):
            left_s = copied / rate - (loop.time() - began_s)
            if left_s <= 0:
                return
            await asyncio.sleep(min(left_s, PAUSE_S_MAX))

    async def _swap(self, move: Move, future: Log, worker: DiskWorker) -> bool:
        """Put the copy in the place of the log, between two appends."""
        partition, setup = move.partition, self._setup
        await worker.run_aside(future.flush)  # so that little is left to sync while appends wait
        async with partition.changing:
            if not self._is_wanted(move):
                return False
            partition.hold_appends()
            try:
                await partition.worker.run(log_move.complete, partition.log, future, setup.now_ms())
                moved = await worker.run(
                    setup.logs.install_future,
                    future,
                    partition.topic_id,
                    setup.now_ms(),
                    cleaned_to=move.cleaned_to,
                )
                moved.syncing.guard = new_sync_guard()
                partition.take_over(moved, worker)
            except MovedHalfway as error:
                partition.go_offline(error)
                raise
            finally:
                partition.release_appends()
        return True


def _names(move: Move) -> tuple[str, int, str]:
    return move.partition.topic, move.partition.index, move.path
