"""A client that sends messages of our own codec, or any bytes, and reads what comes back."""

import asyncio
import ssl
import struct
from typing import Any, Self, TypeVar

from broker.protocol.codec import decode, encode_bytes
from broker.protocol.frame import RequestHeader
from broker.protocol.schema import is_flexible
from tests.support.request_header import encode_request_header

M = TypeVar("M")

TIMEOUT_S = 60.0


class RawClient:
    """One connection. `async with await RawClient.connect(host, port) as client: ...`"""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._last_correlation_id = 0

    @classmethod
    async def connect(cls, host: str, port: int, tls: ssl.SSLContext | None = None) -> Self:
        return cls(*await asyncio.open_connection(host, port, ssl=tls))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """Of its own end of the connection."""
        port: int = self._writer.get_extra_info("sockname")[1]
        return port

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        """End without a good-bye, as a killed client does."""
        self._writer.transport.abort()

    async def ask(self, request: Any, version: int, response_type: type[M]) -> M:
        """Send one request and decode its response."""
        correlation_id = self.send(request, version)
        response: M = await self.receive(response_type, version, correlation_id)
        return response

    def send(self, request: Any, version: int, client_id: str | None = "raw") -> int:
        """Send one request; its correlation id."""
        self._last_correlation_id += 1
        self.send_bytes(request_frame(request, version, self._last_correlation_id, client_id))
        return self._last_correlation_id

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)

    async def receive(self, response_type: Any, version: int, correlation_id: int) -> Any:
        """Decode the next frame as the response to this request."""
        frame = await self.receive_frame()
        received = struct.unpack_from(">i", frame)[0]
        assert received == correlation_id, f"answer {received} instead of {correlation_id}"
        # ApiVersions alone keeps the plain header in flexible versions.
        flexible = is_flexible(response_type, version) and response_type.API_KEY != 18
        return decode(response_type, version, frame, 5 if flexible else 4)

    async def receive_frame(self) -> bytes:
        """The next frame without its size; IncompleteReadError when the broker has closed."""
        async with asyncio.timeout(TIMEOUT_S):
            size = struct.unpack(">i", await self._reader.readexactly(4))[0]
            return await self._reader.readexactly(size)

    async def read_to_end(self) -> bytes:
        """All that comes until the broker closes the connection."""
        async with asyncio.timeout(TIMEOUT_S):
            try:
                return await self._reader.read()
            except ConnectionError:
                return b""


def request_frame(
    request: Any, version: int, correlation_id: int, client_id: str | None = "raw"
) -> bytes:
    """A whole request frame."""
    header = RequestHeader(request.API_KEY, version, correlation_id, client_id)
    payload = encode_request_header(header, is_flexible(type(request), version)) + encode_bytes(
        request, version
    )
    return struct.pack(">i", len(payload)) + payload
