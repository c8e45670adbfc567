"""Syncs of a log directory that the kernel carries out while the event loop goes on.

Group commit as in the syncing thread, without the thread: while some logs are synced, what is
written meanwhile collects, and is synced together next. All files of a round are synced side by
side; a thread syncs a lone file sooner where others want the processors, so one log is left to it,
as is what takes more than syncs of files (a new file's name, a guard that a thread holds).
"""

import asyncio
import os
from collections.abc import Callable
from time import monotonic

from broker.errors import StorageError
from broker.partition.jobs import Written
from broker.storage.flush import Flush
from broker.storage.kernel_syncs import SYNCS_MAX, KernelSyncs
from broker.storage.log import Log

LOGS_MIN = 2  # of a round of the kernel's
Failures = dict[int, Exception]
"""By id of their owner."""
Report = Callable[[Written, Failures, float], None]
"""(what was to be synced, what failed, seconds it took); on the loop."""


class LoopSyncs:
    """At most one round of syncs at a time, each of some files of some logs."""

    def __init__(
        self, report: Report, leave: Callable[[Written], None], idle: Callable[[], None]
    ) -> None:
        """OSError where the kernel does not offer it.

        `leave` takes what a thread has to sync; `idle` is called when nothing is under way.
        """
        self._loop = asyncio.get_running_loop()
        self._kernel = KernelSyncs()
        self._report, self._leave, self._idle = report, leave, idle
        self._waiting: Written = []  # written since this round began
        self._round: Written = []  # what this round makes safe
        self._flushes: dict[int, tuple[Log, Flush]] = {}  # by id of their owner
        self._files: list[tuple[int, str]] = []  # of this round: owner's id and path
        self._left = 0
        self._refused: set[int] = set()  # owners of files that the kernel did not take
        self._failures: Failures = {}
        self._began_s = 0.0
        self._loop.add_reader(self._kernel.descriptor, self._completed)

    @property
    def is_busy(self) -> bool:
        """Whether something is under way, or waits for it."""
        return self._left > 0

    @property
    def busy_s(self) -> float:
        """For how long this round has been under way."""
        return monotonic() - self._began_s if self.is_busy else 0.0

    def sync(self, written: Written) -> None:
        """Have it synced, now or right after this round; it is reported on the loop."""
        if self.is_busy:
            self._waiting += written
        else:
            self._begin(written)

    def close(self) -> None:
        """When nothing is under way any more."""
        self._loop.remove_reader(self._kernel.descriptor)
        self._kernel.close()

    def _begin(self, written: Written) -> None:
        if len({id(owner) for owner, _ in written}) < LOGS_MIN:
            self._leave(written)
            return
        self._began_s = monotonic()
        descriptors: list[int] = []
        others: Written = []
        for owner, group in written:
            if id(owner) in self._flushes:
                self._round.append((owner, group))
                continue
            flush = owner.log.syncing.begin(owner.log, SYNCS_MAX - len(descriptors))
            if flush is None:
                others.append((owner, group))
                continue
            self._flushes[id(owner)] = owner.log, flush
            self._round.append((owner, group))
            for file in flush.files:
                descriptors.append(file.descriptor)
                self._files.append((id(owner), file.path))
        self._left = self._kernel.submit(descriptors) if descriptors else 0
        self._refused = {owner for owner, _ in self._files[self._left :]}
        if others:
            self._leave(others)
        if self._left == 0 and self._round:
            self._end()  # others have synced it meanwhile, or the kernel does not want to

    def _completed(self) -> None:
        done = self._kernel.completed()
        self._left -= len(done)
        for place, result in done:
            owner, path = self._files[place]
            if result < 0:
                reason = os.strerror(-result)
                self._failures.setdefault(owner, StorageError(f"cannot sync {path}: {reason}"))
        if done and self._left == 0:
            self._end()

    def _end(self) -> None:
        """End this round, and begin the next before anyone is told, so that the disk has work."""
        took_s, failures = monotonic() - self._began_s, self._failures
        undone = self._refused.difference(failures)  # not all of their files were synced
        for owner, (partition_log, flush) in self._flushes.items():
            if owner in undone:
                partition_log.syncing.give_up(flush)
            else:
                partition_log.syncing.end(flush, synced=owner not in failures)
        if undone:
            self._leave([one for one in self._round if id(one[0]) in undone])
        ended = [one for one in self._round if id(one[0]) not in undone]
        self._round, self._failures, self._flushes, self._files = [], {}, {}, []
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._begin(waiting)
        try:
            if ended:
                self._report(ended, failures, took_s)
        finally:  # a bug there must not keep who waits to be alone, a stop among them, for good
            if not self.is_busy:
                self._idle()
