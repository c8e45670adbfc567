"""Who waits for bytes: long polls of consumers, and those who wait for a commit."""

import asyncio


class Watcher:
    """Someone who waits for bytes to become readable, in one or several partitions."""

    __slots__ = ("_bytes_wanted", "future")

    def __init__(self, bytes_wanted: int) -> None:
        self._bytes_wanted = bytes_wanted
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def done(self) -> bool:
        return self.future.done()

    def credit(self, size_bytes: int) -> None:
        """`size_bytes` more can be read in one of the partitions."""
        self._bytes_wanted -= size_bytes
        if self._bytes_wanted <= 0:
            self.wake()

    def wake(self) -> None:
        if not self.future.done():
            self.future.set_result(None)

    expire = wake
