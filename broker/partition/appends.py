"""The appends of one request, answered together: one future however many partitions there are."""

import asyncio
from collections.abc import Sequence
from functools import partial

from broker.partition.partition import AppendWish, Partition
from broker.storage.log import AppendInfo

Told = AppendInfo | Exception


class Appends:
    """Queues appends with the same wish, and waits for all of their answers at once."""

    __slots__ = ("_future", "_left", "_now_ms", "_told", "_wish")

    def __init__(self, wish: AppendWish, now_ms: int) -> None:
        self._wish = wish
        self._now_ms = now_ms
        self._told: list[Told | None] = []
        self._left = 0
        self._future: asyncio.Future[None] | None = None

    def start(self, where: Partition, records: memoryview) -> int:
        """Queue one; its number in what `finished` answers. Raises what `check_usable` raises."""
        number = len(self._told)
        where.append_then(records, self._now_ms, self._wish, partial(self._answered, number))
        self._told.append(None)
        self._left += 1
        return number

    async def finished(self) -> Sequence[Told | None]:
        """All answers, in the order of `start`; a refused append is an exception among them."""
        if self._left:
            self._future = asyncio.get_running_loop().create_future()
            await self._future
        return self._told

    def _answered(self, number: int, told: Told) -> None:
        self._told[number] = told
        self._left -= 1
        if self._left == 0 and self._future is not None and not self._future.done():
            self._future.set_result(None)
