"""One child process: started in its own group, read line by line, stopped or killed.

The kernel sends SIGTERM to a child whose supervisor died (PR_SET_PDEATHSIG), so that kill -9 of the
supervisor leaves nothing behind and the children still flush.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

READY = "READY "
LINE_BYTES_MAX: Final = 65_536  # a longer line is cut into several
LAST_WORDS_SECONDS: Final = 1.0  # to read what a dead child still had in its pipes
PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
STDOUT, STDERR = 1, 2

OnLine = Callable[[str], None]

_libc = ctypes.CDLL(None)


class LineSplitter:
    """Bytes in, lines out: decoded, without their ends; any length and any bytes get through."""

    def __init__(self, on_line: OnLine) -> None:
        self._on_line = on_line
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._emit(line)
        while len(self._rest) >= LINE_BYTES_MAX:
            self._emit(self._rest[:LINE_BYTES_MAX])
            self._rest = self._rest[LINE_BYTES_MAX:]

    def end(self) -> None:
        """Hands over a last line that had no end."""
        if self._rest:
            self._emit(self._rest)
            self._rest = b""

    def _emit(self, line: bytes) -> None:
        self._on_line(line.decode(errors="replace").rstrip("\r"))


class _Listener(asyncio.SubprocessProtocol):
    """Hears the child's pipes and its end; the end comes before the pipes close."""

    def __init__(self, on_output: OnLine, on_error: OnLine) -> None:
        self._splitters = {STDOUT: LineSplitter(on_output), STDERR: LineSplitter(on_error)}
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        assert isinstance(data, bytes)
        self._splitters[fd].feed(data)

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        for splitter in self._splitters.values():
            splitter.end()
        self.closed.set()


class Child:
    """A running process of a role."""

    def __init__(self, transport: asyncio.SubprocessTransport, listener: _Listener) -> None:
        self._transport = transport
        self._listener = listener
        self.process_id = transport.get_pid()

    @classmethod
    async def start(
        cls, arguments: Sequence[str], lock_descriptor: int, on_output: OnLine, on_error: OnLine
    ) -> "Child":
        """Runs this Python with `arguments`; the child inherits the lock of the data directory."""
        supervisor = os.getpid()
        transport, listener = await asyncio.get_running_loop().subprocess_exec(
            lambda: _Listener(on_output, on_error),
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone
            pass_fds=(lock_descriptor,),
            preexec_fn=lambda: _die_with_the_supervisor(supervisor),
        )
        return cls(transport, listener)

    async def ended(self) -> int:
        """Waits for the child's end; its exit code, -N for signal N.

        Whatever the child left running in its process group ends with it.
        """
        try:
            await self._listener.exited.wait()
            self._kill_group()
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS_SECONDS):
                    await self._listener.closed.wait()
        finally:
            self.kill()
            self._transport.close()
        code = self._transport.get_returncode()
        assert code is not None
        return code

    def terminate(self) -> None:
        """Asks the child to flush and stop."""
        if self._transport.get_returncode() is None:
            with suppress(ProcessLookupError):
                self._transport.terminate()

    def kill(self) -> None:
        """Ends the child and its group at once."""
        if self._transport.get_returncode() is None:
            self._kill_group()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process_id, signal.SIGKILL)


def _die_with_the_supervisor(supervisor: int) -> None:
    """Runs in the child between fork and exec."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != supervisor:  # it died before the line above
        os._exit(1)
