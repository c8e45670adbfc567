"""The only threads of the broker: they write, sync and read logs so that the event loop need not.

Group commit. Appends of one turn of the loop are taken together. Small ones the loop writes itself,
all of a log with one call (storage/quick); for others a thread per log directory is woken, and
given the interpreter, once a turn. It takes what queued up, writes the batches of each log with as
few calls as possible, lets acks 0 and 1 be answered and hands the group on. Several logs that
the loop has written the kernel syncs, where it can (loop_syncs); appends that come one by one the
loop syncs itself while that is quick (lone_syncs). For all else another thread syncs:
it takes all groups that were written while it was busy, calls one fdatasync per log among them and
reports them to the loop in a single call.

Appends to a log are ordered as they were queued. `run` has both threads to itself: nothing is
written or synced meanwhile. Work that may take long (cold reads, compaction) runs aside in a small
pool and never delays an append.
"""

import asyncio
import logging
import queue
import resource
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from broker.errors import StorageError
from broker.partition.group_writes import (
    WrittenQuickly,
    appended,
    by_owner,
    report,
    taken_in,
    write,
    write_in_loop,
)
from broker.partition.jobs import Job, Owner, Results, Written
from broker.partition.lone_syncs import LoneSyncs
from broker.partition.loop_syncs import Failures, LoopSyncs
from broker.storage.flush import SyncGuard

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

ASIDE_THREADS = 4  # cold reads of different connections do not wait for each other
GROUP_APPENDS_MAX = 500  # two buffers each: one pwritev takes 1024 (IOV_MAX)
LOOP_BYTES_MAX = 786_432  # written by the loop in one turn: five requests of 12 batches, 0.5 ms
SLOW_WRITE_S = 0.002  # a write by the loop that took longer is one too many
SLOW_PAUSE_S = 1.0  # so long the loop does not write after it has slept in a slow write
WATCH_S = 10.0  # so long after a slow write its sleeps are counted
LATE_SYNC_S = 0.05  # a sync that takes longer may hold up a write to the same disk as long


class Call:
    """A function run between two groups of appends, in their thread, with its result awaited."""

    __slots__ = ("_function", "_future", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
        self._loop = loop
        self._function = function
        self._future: asyncio.Future[object] = loop.create_future()

    @property
    def future(self) -> asyncio.Future[object]:
        return self._future

    def run(self) -> Callable[[], object]:
        """Call the function; what is returned tells the loop how it ended."""
        try:
            result = self._function()
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            return partial(self._loop.call_soon_threadsafe, self._fail, error)
        return partial(self._loop.call_soon_threadsafe, self._finish, result)

    def _finish(self, result: object) -> None:
        if not self._future.done():
            self._future.set_result(result)

    def _fail(self, error: BaseException) -> None:
        if not self._future.done():
            self._future.set_exception(error)


class DiskWorker:
    """The writer thread and the reading pool of one log directory."""

    def __init__(
        self,
        name: str,
        *,
        sync: bool,
        is_only: bool = True,
        on_sync_seconds: Callable[[float], None],
        on_directory_failed: Callable[[Exception], None],
    ) -> None:
        """`sync` False: Apache Kafka's way, an append counts as committed once it is written.

        `is_only`: of the broker. One of several never lets the loop sync: a disk that hangs must
        not keep the others waiting.

        Both callbacks are called on the loop; `on_directory_failed` when a sync failed: what the
        disk holds is then unknown and the directory must go offline.
        """
        self._loop = asyncio.get_running_loop()
        self._sync = sync
        self._on_sync_seconds = on_sync_seconds
        self._on_directory_failed = on_directory_failed
        self._turn: list[Job] = []  # appends of this turn of the loop
        self._handed = 0  # to the writer, by the loop
        self._taken = 0  # and done by it: counted in its thread
        self._slow_until_s = 0.0  # of the loop's clock: until then the loop does not write
        self._watch_until_s = 0.0  # of perf_counter: until then it counts its sleeps
        self._queue: queue.SimpleQueue[list[Job] | Call | None] = queue.SimpleQueue()
        self._written: queue.SimpleQueue[Written | threading.Event | None] = queue.SimpleQueue()
        self._aside = ThreadPoolExecutor(ASIDE_THREADS, thread_name_prefix=f"disk-aside-{name}")
        self._deferred: list[list[Job] | Call | None] = []  # until no sync of the loop is under way
        self._syncs = self._loop_syncs() if sync else None
        self._is_only = is_only
        self._lone_syncs = LoneSyncs(self._report_synced)
        self._sync_began_s = 0.0  # as the syncing thread says; 0: it does nothing
        self._write_began_s = 0.0  # as the writer thread says; 0: it does nothing
        self._threads = (
            threading.Thread(target=self._write_groups, name=f"disk-write-{name}", daemon=True),
            threading.Thread(target=self._sync_groups, name=f"disk-sync-{name}", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    @property
    def waiting_s(self) -> float:
        """For how long the disk has not done what it was last asked for; 0: it has."""
        return max(_since(self._write_began_s), self._syncing_s())

    def append(self, job: Job) -> None:
        """Queue an append; its owner is told on the loop, never from within this call."""
        turn = self._turn
        turn.append(job)
        if len(turn) == 1:
            self._loop.call_soon(self._end_turn)
        elif len(turn) == GROUP_APPENDS_MAX:
            self._hand_over()

    def append_all(self, jobs: Sequence[Job]) -> None:
        """`append` for each of these, which are for different logs."""
        turn = self._turn
        if not turn:
            self._loop.call_soon(self._end_turn)
        turn += jobs
        if len(turn) >= GROUP_APPENDS_MAX:
            self._hand_over()

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function` in order with the appends, alone: those before it are on disk."""
        call = Call(self._loop, lambda: function(*args, **kwargs))
        self._hand_over()
        self._put(call)
        return await call.future  # type: ignore[return-value]

    async def run_aside(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function` in the pool: for work that must not delay appends."""
        return await self._loop.run_in_executor(self._aside, lambda: function(*args, **kwargs))

    async def close(self) -> None:
        """Finish everything queued, then end the threads."""
        await self.run(lambda: None)
        self._hand_over()
        self._put(None)
        for thread in self._threads:
            await self._loop.run_in_executor(self._aside, thread.join)
        self._aside.shutdown(wait=False)
        if self._syncs is not None:
            self._syncs.close()

    def _loop_syncs(self) -> LoopSyncs | None:
        try:
            return LoopSyncs(self._report_synced, self._written.put, self._go_on)
        except OSError as refusal:  # an old kernel, or a sandbox: the thread syncs everything
            log.info("the kernel does not sync for the event loop: %s", refusal)
            return None

    def _end_turn(self) -> None:
        """Write what is quick, if the logs are nobody else's now; hand over the rest."""
        turn = self._turn
        if not turn:
            return
        if self._handed == self._taken and not self._is_slow() and not self._sync_is_late():
            self._turn = self._write_here(turn)
        self._hand_over()

    def _hand_over(self) -> None:
        turn, self._turn = self._turn, []
        if turn:
            for job in turn:
                job.begin_waiting()
            self._put(turn)

    def _put(self, item: list[Job] | Call | None) -> None:
        """To the writer: now, or when no sync of the loop is under way, if it must be alone."""
        self._handed += 1
        alone = not isinstance(item, list)
        if self._deferred or (alone and self._syncs is not None and self._syncs.is_busy):
            self._deferred.append(item)
        else:
            self._queue.put(item)

    def _go_on(self) -> None:
        deferred, self._deferred = self._deferred, []
        for item in deferred:
            self._queue.put(item)

    def _is_slow(self) -> bool:
        return self._slow_until_s > 0 and self._loop.time() < self._slow_until_s

    def _sync_is_late(self) -> bool:
        """A write would wait for the file system's journal, and that for the sync."""
        return self._is_syncing() and self._syncing_s() > LATE_SYNC_S

    def _syncing_s(self) -> float:
        kernel_s = self._syncs.busy_s if self._syncs is not None else 0.0
        return max(_since(self._sync_began_s), kernel_s)

    def _was_slow(self, now_s: float, *, has_slept: bool) -> None:
        """Find out whether the disk is slow, or others had the processor; be off if it is."""
        self._watch_until_s = now_s + WATCH_S
        if has_slept:
            self._slow_until_s = self._loop.time() + SLOW_PAUSE_S

    def _write_here(self, turn: list[Job]) -> list[Job]:
        """Append on the loop what takes no time; the jobs of logs for which that is not so."""
        rest: list[Job] = []
        written: list[WrittenQuickly] = []
        bytes_left = LOOP_BYTES_MAX
        started = time.perf_counter()
        sleeps = _sleeps() if self._watch_until_s > started else -1
        for owner, jobs in by_owner(turn):
            for job in jobs:
                bytes_left -= len(job.records)
            staged = write_in_loop(owner, jobs) if bytes_left >= 0 else None
            if staged is None:
                rest += jobs
            elif staged[0]:
                written.append((owner, jobs, staged))
        if (ended := time.perf_counter()) - started > SLOW_WRITE_S:
            self._was_slow(ended, has_slept=0 <= sleeps < _sleeps())
        if not self._sync:
            self._answer(written)
        elif done := taken_in(written):
            for owner, group in done:
                owner.written(group)
                for job, _ in group:
                    job.begin_waiting()
            self._have_synced(done, is_alone=len(turn) == 1)
        return rest

    def _have_synced(self, done: Written, *, is_alone: bool) -> None:
        """What the loop has written; `is_alone`: it is one append."""
        if is_alone and self._is_only and not self._is_syncing() and self._lone_syncs.sync(done):
            return
        if self._syncs is not None:
            self._syncs.sync(done)
        else:
            self._written.put(done)

    def _is_syncing(self) -> bool:
        """Whether the disk has syncs to do already: one of the loop's would wait for them."""
        if self._sync_began_s or not self._written.empty():
            return True
        return self._syncs is not None and self._syncs.is_busy

    def _answer(self, written: Sequence[WrittenQuickly]) -> None:
        """Without syncs what is written counts: it is told before the books are kept (adr/0050).

        No answer may lead to a question about a log before this returns.
        """
        try:
            for owner, jobs, staged in written:
                if not owner.log.flushes_by_count:
                    for job, info in zip(jobs, staged[0], strict=True):
                        job.finish(info)
        finally:
            for owner, group in taken_in(written):
                if owner.log.flushes_by_count:
                    self._commit([(owner, group)])
                else:
                    owner.stored(group)

    def _commit(self, done: Written) -> None:
        """On the loop, without syncs: what is written counts, but for flush.messages."""
        for owner, group in done:
            if owner.log.flush_is_due:
                owner.written(group)
                self._written.put([(owner, group)])
            else:
                owner.committed(group)

    # The writer thread

    def _write_groups(self) -> None:
        item = self._queue.get()
        while item is not None:
            if isinstance(item, Call):
                self._run_alone(item)
                item = self._queue.get()
            else:
                item = self._write_turns(item)
        self._written.put(None)

    def _run_alone(self, call: Call) -> None:
        self._wait_for_syncs()
        self._write_began_s = time.monotonic()
        report = call.run()
        self._write_began_s = 0.0
        self._taken += 1
        report()

    def _write_turns(self, turn: list[Job]) -> list[Job] | Call | None:
        """Write a turn, and with it those queued behind that fit; what is to be done next."""
        group, count = turn, 1
        while True:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                self._write_group(group, count)
                return self._queue.get()
            if not isinstance(item, list) or len(group) + len(item) > GROUP_APPENDS_MAX:
                self._write_group(group, count)
                return item
            group += item
            count += 1

    def _write_group(self, group: Sequence[Job], count: int) -> None:
        """Append all of `group`, `count` turns, which no other thread does meanwhile."""
        self._write_began_s = time.monotonic()
        results = [(owner, jobs, write(owner.log, jobs)) for owner, jobs in by_owner(group)]
        self._write_began_s = 0.0
        self._taken += count  # before anyone is told, who may want to append at once
        done = [(owner, appended(jobs, found)) for owner, jobs, found in results]
        if not self._sync:
            self._loop.call_soon_threadsafe(self._report_results, results, [])
            self._loop.call_soon_threadsafe(self._commit, [one for one in done if one[1]])
            return
        if any(
            job.answered_when_written or isinstance(one, Exception)
            for _, jobs, found in results
            for job, one in zip(jobs, found, strict=True)
        ):
            self._loop.call_soon_threadsafe(self._report_results, results, [])
        self._written.put([one for one in done if one[1]])

    def _wait_for_syncs(self) -> None:
        idle = threading.Event()
        self._written.put(idle)
        idle.wait()

    # The syncing thread

    def _sync_groups(self) -> None:
        while (item := self._written.get()) is not None:
            group: Written = []
            try:
                while item is not None and not isinstance(item, threading.Event):
                    group += item
                    item = self._written.get_nowait()
            except queue.Empty:
                self._sync_group(group)
                continue
            if group:
                self._sync_group(group)
            if item is None:
                return
            assert isinstance(item, threading.Event)
            item.set()

    def _sync_group(self, group: Written) -> None:
        self._sync_began_s = started = time.monotonic()
        failures: Failures = {}
        for owner in {id(owner): owner for owner, _ in group}.values():
            try:
                owner.log.flush()
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing is on disk
                failures[id(owner)] = error
        took_s = time.monotonic() - started
        self._sync_began_s = 0.0
        self._loop.call_soon_threadsafe(self._report_synced, group, failures, took_s)

    # Reports, on the loop

    @staticmethod
    def _report_results(results: Sequence[tuple[Owner, list[Job], Results]], done: Written) -> None:
        for owner, jobs, found in results:
            report(owner, jobs, found)
        for owner, group in done:
            owner.committed(group)

    def _report_synced(self, done: Written, failures: Failures, took_s: float) -> None:
        self._on_sync_seconds(took_s)
        self._lone_syncs.ended(done)
        for error in failures.values():
            self._on_directory_failed(error)
        for owner, group in done:
            failure = failures.get(id(owner))
            if failure is None:
                owner.committed(group)
            else:
                for job, _ in group:
                    owner.failed(job, failure)


def _since(began_s: float) -> float:
    return time.monotonic() - began_s if began_s else 0.0


def _sleeps() -> int:
    """How often this thread has waited for something but a processor: for the disk, in a write."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def new_sync_guard() -> SyncGuard:
    """What keeps the syncs of one log apart: two threads', and the kernel's."""
    return threading.Lock()


async def in_disk_thread(function: Callable[[], R]) -> R:
    """Call `function` off the loop: for the start and the stop, when there are no workers."""
    return await asyncio.get_running_loop().run_in_executor(None, function)


def as_storage_error(error: Exception) -> StorageError:
    """Damage as the broker names it, whatever the operating system called it."""
    return error if isinstance(error, StorageError) else StorageError(str(error))
