"""The only threads of the broker: they write, sync and read logs so that the event loop need not.

Group commit. One thread per log directory writes, another syncs. Appends of one turn of the loop
are handed over together: the writer is woken, and given the interpreter, once for all of them. It
takes what queued up, writes the batches of each log with as few calls as possible, lets acks 0 and
1 be answered and hands the group on. The syncer takes all groups that were written while it was
busy, calls one fdatasync per log among them and reports them to the loop in a single call. An
append that XX
Appends to a log are ordered as they were queued. `run` has both threads to itself: nothing is
written or synced meanwhile. Work that may take long (cold reads, compaction) runs aside in a small
pool and never delays an append.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import ParamSpec, Protocol, TypeVar

from broker.errors import StorageError
from broker.storage.log import AppendInfo, AppendRequest, Log
from broker.storage.quick import is_quick

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

ASIDE_THREADS = 4  # cold reads of different connections do not wait for each other
GROUP_APPENDS_MAX = 500  # two buffers each: one pwritev takes 1024 (IOV_MAX)
LOOP_APPENDS_MAX = 4  # written by the loop in one turn; more are worth a thread beside it
SLOW_WRITE_S = 0.002  # a write by the loop that took longer is one too many
SLOW_PAUSE_S = 1.0  # so long the loop does not write after a slow write


class Job(Protocol):
    """One append. `log` and `request` are for the writer thread, the verbs for the loop."""

    log: Log
    request: AppendRequest
    answered_when_written: bool
    """False: `written` may be called as late as just before `committed`."""

    def written(self, result: AppendInfo | Exception) -> None:
        """On the loop: the append is in the page cache, or failed."""

    def committed(self, failure: Exception | None) -> None:
        """On the loop: a written append is on disk, or its sync failed."""


Written = tuple[Job, AppendInfo]


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

    def run(self) -> None:
        try:
            result = self._function()
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            self._loop.call_soon_threadsafe(self._fail, error)
        else:
            self._loop.call_soon_threadsafe(self._finish, result)

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
        on_sync_seconds: Callable[[float], None],
        on_directory_failed: Callable[[Exception], None],
    ) -> None:
        """`sync` False: Apache Kafka's way, an append counts as committed once it is written.

        `on_sync_seconds` is called in the writer thread; `on_directory_failed` on the loop, when a
        sync failed: what the disk holds is then unknown and the directory must go offline.
        """
        self._loop = asyncio.get_running_loop()
        self._sync = sync
        self._on_sync_seconds = on_sync_seconds
        self._on_directory_failed = on_directory_failed
        self._turn: list[Job] = []  # appends of this turn of the loop
        self._handed = 0  # to the writer, by the loop
        self._taken = 0  # and done by it: counted in its thread
        self._slow_until_s = 0.0
        self._queue: queue.SimpleQueue[list[Job] | Call | None] = queue.SimpleQueue()
        self._written: queue.SimpleQueue[list[Written] | threading.Event | None] = (
            queue.SimpleQueue()
        )
        self._aside = ThreadPoolExecutor(ASIDE_THREADS, thread_name_prefix=f"disk-aside-{name}")
        self._threads = (
            threading.Thread(target=self._write_groups, name=f"disk-write-{name}", daemon=True),
            threading.Thread(target=self._sync_groups, name=f"disk-sync-{name}", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def append(self, job: Job) -> None:
        """Queue an append; `job.written()` and `job.committed()` are called on the loop."""
        self._turn.append(job)
        if len(self._turn) == 1:
            self._loop.call_soon(self._hand_over)
        elif len(self._turn) == GROUP_APPENDS_MAX:
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

    def _hand_over(self) -> None:
        turn, self._turn = self._turn, []
        if not turn:
            return
        if self._is_quick(turn):
            self._write_here(turn)
        else:
            self._put(turn)

    def _put(self, item: list[Job] | Call | None) -> None:
        self._handed += 1
        self._queue.put(item)

    def _is_quick(self, turn: Sequence[Job]) -> bool:
        """Whether the loop may write these: the logs are nobody else's, and it takes no time."""
        if len(turn) > LOOP_APPENDS_MAX or self._handed != self._taken:
            return False
        if self._slow_until_s and self._loop.time() < self._slow_until_s:
            return False
        size_bytes = 0
        for job in turn:
            if not is_quick(job.log, job.request, size_bytes):
                return False
            size_bytes += len(job.request.records)
        return True

    def _write_here(self, turn: Sequence[Job]) -> None:
        started = time.perf_counter()
        self._write_group(turn, self._loop.call_soon)
        if time.perf_counter() - started > SLOW_WRITE_S:
            self._slow_until_s = self._loop.time() + SLOW_PAUSE_S

    # The writer thread

    def _write_groups(self) -> None:
        item = self._queue.get()
        while item is not None:
            if isinstance(item, Call):
                self._wait_for_syncs()
                item.run()
                self._taken += 1
                item = self._queue.get()
                continue
            group, count = item, 1
            try:
                while True:
                    item = self._queue.get_nowait()
                    if item is None or isinstance(item, Call):
                        break
                    if len(group) + len(item) > GROUP_APPENDS_MAX:
                        break
                    group += item
                    count += 1
            except queue.Empty:
                self._write_group(group, self._loop.call_soon_threadsafe)
                self._taken += count
                item = self._queue.get()
            else:
                self._write_group(group, self._loop.call_soon_threadsafe)
                self._taken += count
        self._written.put(None)

    def _write_group(self, group: Sequence[Job], report: Callable[..., object]) -> None:
        """Append all of `group`, which no other thread does meanwhile; `report` calls the loop."""
        by_log: dict[int, list[Job]] = {}
        for job in group:
            by_log.setdefault(id(job.log), []).append(job)
        appended: list[Written] = []
        early: list[tuple[Job, AppendInfo | Exception]] = []
        for jobs in by_log.values():
            for job, result in zip(jobs, self._write(jobs), strict=True):
                if isinstance(result, Exception):
                    early.append((job, result))
                else:
                    appended.append((job, result))
                    if job.answered_when_written:
                        early.append((job, result))
        if early:
            report(self._report_written, early)
        if not appended:
            return
        if self._sync:
            self._written.put(appended)
        else:
            report(self._report_committed, appended, {})

    def _wait_for_syncs(self) -> None:
        idle = threading.Event()
        self._written.put(idle)
        idle.wait()

    # The syncing thread

    def _sync_groups(self) -> None:
        while (item := self._written.get()) is not None:
            group: list[Written] = []
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

    def _sync_group(self, group: Sequence[Written]) -> None:
        failures: dict[int, Exception] = {}
        started = time.perf_counter()
        for job in {id(job.log): job for job, _ in group}.values():
            try:
                job.log.flush()
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing is on disk
                failures[id(job.log)] = error
                self._loop.call_soon_threadsafe(self._on_directory_failed, error)
        self._on_sync_seconds(time.perf_counter() - started)
        self._loop.call_soon_threadsafe(self._report_committed, group, failures)

    @staticmethod
    def _write(jobs: Sequence[Job]) -> Sequence[AppendInfo | Exception]:
        """Append the batches of one log with as few writes as possible."""
        try:
            return jobs[0].log.append_many([job.request for job in jobs])
        except Exception as error:  # noqa: BLE001 - a bug ends its requests, not the thread
            return [error] * len(jobs)

    @staticmethod
    def _report_written(written: Sequence[tuple[Job, AppendInfo | Exception]]) -> None:
        for job, result in written:
            job.written(result)

    @staticmethod
    def _report_committed(group: Sequence[Written], failures: dict[int, Exception]) -> None:
        for job, info in group:
            if not job.answered_when_written:
                job.written(info)
            job.committed(failures.get(id(job.log)))


def new_sync_guard() -> AbstractContextManager[object]:
    """What keeps the two threads' syncs of one log apart."""
    return threading.Lock()


async def in_disk_thread(function: Callable[[], R]) -> R:
    """Call `function` off the loop: for the start and the stop, when there are no workers."""
    return await asyncio.get_running_loop().run_in_executor(None, function)


def as_storage_error(error: Exception) -> StorageError:
    """Damage as the broker names it, whatever the operating system called it."""
    return error if isinstance(error, StorageError) else StorageError(str(error))
