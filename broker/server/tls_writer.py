"""Writes answers through TLS: the kernel cannot send from a file here, so records are read.

A piece at a time is read, encrypted and given to the socket's writer; while that has enough, the
rest waits as it is: bytes in memory, or a place in a file that holds nothing in memory.
"""

import asyncio
import os
import ssl
from collections import deque
from collections.abc import Callable, Sequence

from broker.protocol.codec import Chunk
from broker.server.writer import FULL_BYTES, SENDFILE_BYTES_MIN, Sending, SocketWriter

PIECE_BYTES = 131_072  # encrypted at once
_TURN_BYTES = 4_194_304  # encrypted for one connection before others get a turn


class TlsWriter:
    """The outgoing half of a connection with TLS; the same verbs as a SocketWriter."""

    def __init__(
        self,
        tls: tuple[ssl.SSLObject, ssl.MemoryBIO],
        target: SocketWriter,
        drained: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """`tls`: the session, and where it puts what is to be sent."""
        self._tls, self._outgoing = tls
        self._target = target
        self._drained = drained
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._queue: deque[memoryview | Sending] = deque()
        self._unsent_bytes = 0  # not yet encrypted
        self._sealed_bytes = 0  # encrypted so far
        self.sent_bytes = 0
        """Of all that was written, what the socket has taken, as of when it last had everything."""
        self._is_closed = False

    @property
    def is_full(self) -> bool:
        return self._unsent_bytes > FULL_BYTES or self._target.is_full

    @property
    def is_empty(self) -> bool:
        return not self._queue and self._target.is_empty

    @property
    def end_bytes(self) -> int:
        """What `sent_bytes` is going to be when all that was written is sent."""
        return self._sealed_bytes + self._unsent_bytes

    def write(self, chunks: Sequence[Chunk]) -> bool:
        """Send `chunks` after all that waits; True when the socket has taken everything."""
        try:
            for chunk in chunks:
                self._enqueue(chunk)
        except OSError as error:
            self._failed(error)
            return False
        self._pump()
        return self.is_empty

    def drained(self) -> None:
        """The socket's writer has sent something, or it is this connection's turn again."""
        self._pump()
        if not self._is_closed:
            self._drained()

    def close(self) -> None:
        """Forget what was not sent; the socket's writer is closed by its owner."""
        self._is_closed = True
        for part in self._queue:
            if isinstance(part, Sending):
                part.close()
        self._queue.clear()
        self._unsent_bytes = 0

    def _enqueue(self, chunk: Chunk) -> None:
        size = len(chunk)
        if isinstance(chunk, bytes | bytearray | memoryview):
            if size:
                self._queue.append(memoryview(chunk))
        elif size < SENDFILE_BYTES_MIN:
            data = chunk.read()
            if len(data) != size:
                raise OSError(f"record file ends {size - len(data)} bytes before its answer")
            if size:
                self._queue.append(memoryview(data))
        else:
            self._queue.append(Sending(chunk))  # type: ignore[arg-type]  # storage's own slice
        self._unsent_bytes += size

    def _pump(self) -> None:
        """Encrypt until the queue is empty, the socket has enough or it is others' turn."""
        turn_bytes = 0
        try:
            while self._queue and not self._target.is_full and not self._is_closed:
                if turn_bytes >= _TURN_BYTES:
                    self._loop.call_soon(self.drained)
                    return
                piece = self._take()
                sealed = self._tls.write(piece)
                assert sealed == len(piece)  # memory takes everything
                self._unsent_bytes -= sealed
                self._sealed_bytes += sealed
                turn_bytes += sealed
                self._target.write([self._outgoing.read()])
            if self._target.is_empty:
                self.sent_bytes = self._sealed_bytes
        except OSError as error:  # of a file, or of TLS
            self._failed(error)

    def _take(self) -> memoryview | bytes:
        """The next piece: of one part, or small parts joined so that they share TLS records."""
        queue = self._queue
        first = queue[0]
        if isinstance(first, Sending):
            return self._read(first)
        if len(first) >= PIECE_BYTES:
            if len(first) == PIECE_BYTES:
                queue.popleft()
            else:
                queue[0] = first[PIECE_BYTES:]
            return first[:PIECE_BYTES]
        parts, size = [], 0
        while queue and not isinstance(queue[0], Sending):
            part = queue[0]
            if size + len(part) > PIECE_BYTES:
                break
            parts.append(part)
            size += len(part)
            queue.popleft()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read(self, part: Sending) -> bytes:
        data = os.pread(part.descriptor, min(part.rest, PIECE_BYTES), part.position)
        if not data:
            raise OSError(f"record file ends {part.rest} bytes before its answer")
        part.position += len(data)
        part.rest -= len(data)
        if not part.rest:
            part.close()
            self._queue.popleft()
        return data
