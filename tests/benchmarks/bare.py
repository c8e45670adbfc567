"""What the machine itself can do: bare servers in processes of their own, to measure against.

`python -m tests.benchmarks.bare sink|source FILE` and `... http` print their port and serve until
their standard input closes.
"""

import os
import socket
import sys
import threading
from pathlib import Path

from aiohttp import web

CHUNK_BYTES = 1 << 20


def sink(path: Path) -> None:
    """Writes what one connection sends into a file, syncs, answers one byte; then the next."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            with connection, path.open("wb", buffering=0) as file:
                buffer = bytearray(CHUNK_BYTES)
                view = memoryview(buffer)
                while received := connection.recv_into(buffer):
                    file.write(view[:received])
                os.fdatasync(file.fileno())
                connection.sendall(b"1")


def source(path: Path) -> None:
    """Sends the file to whoever connects, by sendfile."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            with connection, path.open("rb", buffering=0) as file:
                connection.sendfile(file)


def http() -> None:
    """An aiohttp handler that reads the body and answers 202."""

    async def accept(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=202)

    application = web.Application()
    application.router.add_post("/api/event", accept)
    server = socket.create_server(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    web.run_app(application, sock=server, print=None, access_log=None)


def _end_with_the_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    if sys.argv[1] == "http":
        import uvloop

        uvloop.install()
        http()
    else:
        {"sink": sink, "source": source}[sys.argv[1]](Path(sys.argv[2]))
