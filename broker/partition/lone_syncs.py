"""Syncs that the event loop makes itself: of one append that came alone, as those before it did.

A sync by another thread waits three times for a processor, and for the interpreter: when that
thread is woken, when its disk is done, and when the loop is told. On a machine with something else
to do these waits are the longest part of an append. A loop that syncs waits for the disk alone. It
serves nobody meanwhile, so it does that only where there is nobody, and the disk is quick
(docs/adr/0058).
"""

from time import monotonic, thread_time

from broker.errors import StorageError
from broker.partition.jobs import Written
from broker.partition.loop_syncs import Failures, Report

IN_A_ROW = 4  # groups of one append before the loop syncs one: where many write, a thread gathers
SLOW_SYNC_S = 0.001
SLOW_SHARE = 0.01  # of the time may go on syncs that are slower
BUSY_SHARE = 0.6  # of a processor that the loop uses beside its syncs: from then on a thread syncs
LOOK_S = 0.05  # of work, at least, by which that is judged


class LoneSyncs:
    """Whether the loop syncs, and how; all of it runs on the loop."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._in_a_row = 0
        self._slow_until_s = 0.0
        self._is_busy = False
        self._looked_s = monotonic()
        self._looked_spent_s = thread_time()
        self._synced_spent_s = 0.0  # processor time that went on syncs since then

    def ended(self, done: Written) -> None:
        """A group of appends is synced, whoever did it."""
        self._in_a_row = self._in_a_row + 1 if sum(len(group) for _, group in done) == 1 else 0

    def sync(self, done: Written) -> bool:
        """Sync the only append of `done` and report it; False when that is a thread's work."""
        ((owner, ((job, _),)),) = done
        began_s = monotonic()
        if (
            self._in_a_row < IN_A_ROW
            or job.answered_when_written
            or began_s < self._slow_until_s
            or self._has_much_to_do(began_s)
        ):
            return False
        flush = owner.log.syncing.begin(owner.log, 1)
        if flush is None:
            return False
        spent_s = thread_time()
        failures: Failures = {}
        try:
            for file in flush.files:
                file.sync()
        except StorageError as error:
            failures[id(owner)] = error
        owner.log.syncing.end(flush, synced=not failures)
        self._synced_spent_s += thread_time() - spent_s
        took_s = monotonic() - began_s
        if took_s > SLOW_SYNC_S:
            self._slow_until_s = began_s + took_s / SLOW_SHARE
        self._report(done, failures, took_s)
        return True

    def _has_much_to_do(self, now_s: float) -> bool:
        """Whether the loop has used much of a processor of late: others would wait for a sync."""
        wall_s = now_s - self._looked_s
        if wall_s > LOOK_S:
            spent_s = thread_time()
            used_s = spent_s - self._looked_spent_s - self._synced_spent_s
            self._is_busy = used_s > wall_s * BUSY_SHARE
            self._looked_s, self._looked_spent_s, self._synced_spent_s = now_s, spent_s, 0.0
        return self._is_busy
