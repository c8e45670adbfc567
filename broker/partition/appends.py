"""The appends of one request, answered together: one that waits, however many partitions there are.

One call tells that all of them are answered, and one deadline ends the wait of those that are not.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from broker.partition.partition import Partition, PartitionAppend
from broker.partition.waiting import Waiting
from broker.partition.wishes import AppendWish
from broker.storage.append import Origin
from broker.storage.log import AppendInfo

Told = AppendInfo | Exception


class Appends:
    """Queues appends with the same wish, and waits for all of their answers at once."""

    __slots__ = ("_appends", "_left", "_now_ms", "_then", "_waiting", "_wish")

    def __init__(
        self,
        wish: AppendWish,
        now_ms: int,
        then: Callable[[Sequence[Told]], None] | None = None,
    ) -> None:
        """`then` is given all answers when the last one is there, never from within `start`."""
        self._wish = wish
        self._now_ms = now_ms
        self._appends: list[OneOfAppends] = []
        self._left = 0
        self._then = then
        self._waiting: Waiting | None = None

    def start(self, where: Partition, records: memoryview, origin: Origin = Origin.CLIENT) -> int:
        """Queue one; its number in what `finished` answers. Raises what `check_usable` raises."""
        append = OneOfAppends(where, records, self._now_ms, self._wish, self._one_told)
        append.all = self
        append.origin = origin
        where.queue(append)
        self._appends.append(append)
        self._left += 1
        return len(self._appends) - 1

    async def finished(self) -> Sequence[Told]:
        """All answers, in the order of `start`; a refused append is an exception among them."""
        if not self._left:
            return self._told()
        future: asyncio.Future[Sequence[Told]] = asyncio.get_running_loop().create_future()
        self._then = partial(_settle, future)
        return await future

    def _told(self) -> Sequence[Told]:
        return [append.told for append in self._appends]

    # As one who waits until a deadline

    @property
    def done(self) -> bool:
        return not self._left

    def begin_waiting(self, waiting: Waiting) -> None:
        """Those that are not answered after `timeout_ms` are told so; once for all."""
        if self._waiting is None:
            self._waiting = waiting
            waiting.add(self, self._wish.timeout_ms)

    def expire(self) -> None:
        for append in self._appends:
            append.expire()

    def _one_told(self, _told: Told) -> None:
        self._left -= 1
        if self._left:
            return
        if self._waiting is not None:
            self._waiting.served()
        if self._then is not None:
            told, then = self._told(), self._then
            # Who waits holds the bytes of the request: no circle may keep them until the next gc.
            self._then = None
            self._appends.clear()
            then(told)


class OneOfAppends(PartitionAppend):
    """One append of a request, whose deadline is that of all."""

    __slots__ = ("all",)

    all: Appends

    def begin_waiting(self) -> None:
        if not self.answered_when_written:
            self.all.begin_waiting(self.partition.waiting)


def _settle(future: asyncio.Future[Sequence[Told]], told: Sequence[Told]) -> None:
    if not future.done():
        future.set_result(told)
