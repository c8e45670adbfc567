"""The appends of one request, answered together: one that waits, however many partitions there are.

One call tells that all of them are answered, and one deadline ends the wait of those that are not.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from broker.partition.jobs import Job
from broker.partition.lone_append import NO_RECORDS, NOT_ANSWERED, timed_out
from broker.partition.partition import Partition
from broker.partition.waiting import Waiting
from broker.partition.wishes import ACKS_ALL, AppendWish
from broker.storage.append import Origin
from broker.storage.log import AppendInfo

Told = AppendInfo | Exception


class Appends:
    """Queues appends with the same wish, and waits for all of their answers at once."""

    __slots__ = ("_appends", "_then", "_waiting", "answered_when_written", "left", "now_ms", "wish")

    def __init__(
        self,
        wish: AppendWish,
        now_ms: int,
        then: Callable[[Sequence[Told]], None] | None = None,
    ) -> None:
        """`then` is given all answers when the last one is there, never from within `start`."""
        self.wish = wish
        self.answered_when_written = wish.acks != ACKS_ALL
        self.now_ms = now_ms
        self.left = 0
        """Appends that are not answered."""
        self._appends: list[OneOfAppends] = []
        self._then = then
        self._waiting: Waiting | None = None

    def start(self, where: Partition, records: memoryview, origin: Origin = Origin.CLIENT) -> int:
        """Queue one; its number in what `finished` answers. Raises what `check_usable` raises."""
        append = OneOfAppends(self, where, records, origin)
        where.queue(append)
        self._appends.append(append)
        self.left += 1
        return len(self._appends) - 1

    def start_all(self, where: Sequence[Partition], records: Sequence[memoryview]) -> None:
        """`start` for the first appends of all: one for each of these different partitions."""
        appends = [
            OneOfAppends(self, partition, batch, Origin.CLIENT)
            for partition, batch in zip(where, records, strict=True)
        ]
        workers = {partition.appends_to for partition in where}
        if len(workers) == 1 and (worker := workers.pop()) is not None:
            worker.append_all(appends)
        else:
            for partition, append in zip(where, appends, strict=True):
                partition.queue(append)
        self._appends = appends
        self.left = len(appends)

    async def finished(self) -> Sequence[Told]:
        """All answers, in the order of `start`; a refused append is an exception among them."""
        if not self.left:
            return self._told()
        future: asyncio.Future[Sequence[Told]] = asyncio.get_running_loop().create_future()
        self._then = partial(_settle, future)
        return await future

    def _told(self) -> Sequence[Told]:
        return [append.told for append in self._appends]

    # As one who waits until a deadline

    @property
    def done(self) -> bool:
        return not self.left

    def begin_waiting(self, waiting: Waiting) -> None:
        """Those that are not answered after `timeout_ms` are told so; once for all."""
        if self._waiting is None:
            self._waiting = waiting
            waiting.add(self, self.wish.timeout_ms)

    def expire(self) -> None:
        for append in self._appends:
            append.expire()

    def all_told(self) -> None:
        """The last answer is there."""
        if self._waiting is not None:
            self._waiting.served()
        if self._then is not None:
            told, then = self._told(), self._then
            # Who waits holds the bytes of the request: no circle may keep them until the next gc.
            self._then = None
            self._appends.clear()
            then(told)


class OneOfAppends(Job):
    """One append of a request, whose deadline is that of all."""

    __slots__ = ("_all", "_partition", "told")

    def __init__(
        self, appends: Appends, partition: Partition, records: memoryview, origin: Origin
    ) -> None:
        self.records = records
        self.leader_epoch = partition.leader_epoch
        self.now_ms = appends.now_ms
        self.origin = origin
        self.owner = self._partition = partition
        self.answered_when_written = appends.answered_when_written
        self.told: Told = NOT_ANSWERED
        self._all = appends

    def begin_waiting(self) -> None:
        if not self.answered_when_written:
            self._all.begin_waiting(self._partition.waiting)

    def finish(self, result: Told) -> None:
        self.records = NO_RECORDS  # written: its deadline holds this object for a while yet
        if self.told is not NOT_ANSWERED:
            return
        self.told = result
        appends = self._all
        appends.left -= 1
        if not appends.left:
            appends.all_told()

    def expire(self) -> None:
        """Answer it without its result; its records are still to be written."""
        records = self.records
        self.finish(timed_out())
        self.records = records


def _settle(future: asyncio.Future[Sequence[Told]], told: Sequence[Told]) -> None:
    if not future.done():
        future.set_result(told)
