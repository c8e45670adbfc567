"""Writes answers to a socket: small parts in one system call, record bytes from file to socket.

The socket is a duplicate of the transport's descriptor, so that `sendmsg` and `sendfile` can be
called directly: nothing is copied into a buffer of ours, and a reader that is slow costs the memory
of its own answers only, which `is_full` bounds.
"""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from broker.protocol.codec import Chunk, FileSlice

SENDFILE_BYTES_MIN = 65_536  # below, a read and a shared sendmsg cost less than calls of its own
FULL_BYTES = 1_048_576  # more unsent than this: no further request of the connection is started
_TURN_BYTES = 8_388_608  # sent to one connection before others get a turn
_SENDFILE_BYTES_MAX = 1_048_576  # per system call
_PARTS_MAX = 256  # buffers per sendmsg; Linux takes 1024


class StoredRecords(FileSlice, Protocol):
    """A FileSlice as storage makes them."""

    position: int
    length: int

    def dup(self) -> int: ...


class Sending:
    """Record bytes on their way from a file; owns a descriptor until `close`."""

    __slots__ = ("descriptor", "position", "rest")

    def __init__(self, records: StoredRecords) -> None:
        self.descriptor = records.dup()
        self.position = records.position
        self.rest = records.length

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class SocketWriter:
    """The outgoing half of one connection."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        descriptor: int,
        drained: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._loop = loop
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._socket.setblocking(False)
        self._drained = drained
        self._failed = failed
        self._queue: deque[memoryview | Sending] = deque()
        self._unsent_bytes = 0
        self.sent_bytes = 0
        """Of what ever had to wait, what the socket has taken."""
        self._armed = False  # the loop calls `_pump` when the socket takes more

    @property
    def is_full(self) -> bool:
        return self._unsent_bytes > FULL_BYTES

    @property
    def is_empty(self) -> bool:
        return not self._queue

    @property
    def end_bytes(self) -> int:
        """What `sent_bytes` is going to be when all that waits is sent."""
        return self.sent_bytes + self._unsent_bytes

    def write(self, chunks: Sequence[Chunk]) -> bool:
        """Send `chunks` after all that waits; what the socket does not take now is kept.

        True when it has taken everything.
        """
        try:
            if not self._queue:
                answer = _in_one_piece(chunks)
                if answer is not None:
                    if self._sent_at_once(answer):
                        return True
                    chunks = ()
            for chunk in chunks:
                self._enqueue(chunk)
            if not self._armed:
                self._pump()
        except OSError as error:
            self._failed(error)
        return not self._queue

    def close(self) -> None:
        """Forget what was not sent, and the socket."""
        if self._armed:
            self._loop.remove_writer(self._socket)
            self._armed = False
        for part in self._queue:
            if isinstance(part, Sending):
                part.close()
        self._queue.clear()
        self._unsent_bytes = 0
        self._socket.close()

    def _sent_at_once(self, answer: bytes | bytearray) -> bool:
        """Send small answers, as most are; what the socket does not take is queued."""
        try:
            sent = self._socket.send(answer)
        except BlockingIOError:
            sent = 0
        if sent == len(answer):
            return True
        self._queue.append(memoryview(answer)[sent:])
        self._unsent_bytes += len(answer) - sent
        return False

    def _enqueue(self, chunk: Chunk) -> None:
        size = len(chunk)
        if isinstance(chunk, bytes | bytearray | memoryview):
            self._queue.append(memoryview(chunk))
        elif size < SENDFILE_BYTES_MIN:
            data = chunk.read()
            if len(data) != size:
                raise OSError(f"record file ends {size - len(data)} bytes before its answer")
            self._queue.append(memoryview(data))
        else:
            self._queue.append(Sending(chunk))  # type: ignore[arg-type]  # storage's own slice
        self._unsent_bytes += size

    def _pump(self) -> None:
        """Send until the queue is empty, the socket is full or it is others' turn."""
        sent_total = 0
        while self._queue and sent_total < _TURN_BYTES:
            try:
                sent = self._send_file() if self._file_first() else self._send_parts()
            except BlockingIOError:
                break
            self._unsent_bytes -= sent
            self.sent_bytes += sent
            sent_total += sent
        self._arm(bool(self._queue))

    def _file_first(self) -> bool:
        return type(self._queue[0]) is Sending

    def _send_parts(self) -> int:
        """Send the parts before the next file in one call."""
        queue = self._queue
        parts: list[memoryview] = []
        flags = 0
        for part in queue:
            if isinstance(part, Sending):
                flags = socket.MSG_MORE  # the header shares a packet with the records
                break
            if len(parts) == _PARTS_MAX:
                break
            parts.append(part)
        sent = rest = (
            self._socket.sendmsg(parts, (), flags)
            if len(parts) > 1
            else (self._socket.send(parts[0], flags))
        )
        while parts and rest >= len(parts[0]):
            rest -= len(parts.pop(0))
            queue.popleft()
        if rest:
            queue[0] = parts[0][rest:]
        return sent

    def _send_file(self) -> int:
        part = self._queue[0]
        assert isinstance(part, Sending)
        count = min(part.rest, _SENDFILE_BYTES_MAX)
        sent = os.sendfile(self._socket.fileno(), part.descriptor, part.position, count)
        if sent == 0:
            raise OSError(f"record file ends {part.rest} bytes before its answer")
        part.position += sent
        part.rest -= sent
        if part.rest == 0:
            part.close()
            self._queue.popleft()
        return sent

    def _arm(self, wanted: bool) -> None:
        if wanted and not self._armed:
            self._loop.add_writer(self._socket, self._writable)
        elif self._armed and not wanted:
            self._loop.remove_writer(self._socket)
        self._armed = wanted

    def _writable(self) -> None:
        try:
            self._pump()
        except OSError as error:
            self._failed(error)
            return
        self._drained()


def _in_one_piece(chunks: Sequence[Chunk]) -> bytes | bytearray | None:
    """Answers without records as one buffer: copying them costs less than telling of each."""
    if len(chunks) == 1:
        chunk = chunks[0]
        return chunk if isinstance(chunk, bytes | bytearray) else None
    if all(isinstance(chunk, bytes | bytearray) for chunk in chunks):
        return b"".join(chunks)  # type: ignore[arg-type]  # that is what was asked
    return None
