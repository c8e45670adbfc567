import struct

import pytest

from broker.protocol.codec import decode
from broker.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from tests.broker.server.conftest import ToyServer


@pytest.mark.parametrize("version", [0, 1, 2, 3, 4])
async def test_api_versions_answers_with_the_plain_header_in_every_version(
    server: ToyServer, version: int
) -> None:
    async with await server.connect() as client:
        client.send(ApiVersionsRequest(), version)
        frame = await client.receive_frame()

        answer = decode(ApiVersionsResponse, version, frame, 4)
        assert answer.error_code == 0
        assert answer.api_keys[0].api_key == 18


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x00\x05abc", b"\xff" * 30])
async def test_api_versions_too_new_is_answered_in_version_0(
    server: ToyServer, body: bytes
) -> None:
    """KIP-511: the client learns the ranges and asks again in a version that is served."""
    async with await server.connect() as client:
        header = struct.pack(">hhih", 18, 99, 77, 3) + b"new"
        client.send_bytes(struct.pack(">i", len(header) + len(body)) + header + body)
        frame = await client.receive_frame()

        assert struct.unpack_from(">i", frame)[0] == 77
        answer = decode(ApiVersionsResponse, 0, frame, 4)
        assert answer.error_code == 35
        assert [(one.api_key, one.max_version) for one in answer.api_keys] == [(18, 4)]

        again = await client.ask(ApiVersionsRequest("raw", "1"), 4, ApiVersionsResponse)
        assert again.error_code == 0


async def test_flexible_requests_may_carry_tags_in_their_header(server: ToyServer) -> None:
    async with await server.connect() as client:
        header = struct.pack(">hhih", 18, 3, 5, -1) + bytes([1, 9, 2]) + b"ab"
        body = bytes([2]) + b"x" + bytes([2]) + b"1" + bytes([0])
        client.send_bytes(struct.pack(">i", len(header) + len(body)) + header + body)

        assert await client.receive(ApiVersionsResponse, 3, 5)


async def test_handlers_are_told_which_connection_asks(server: ToyServer) -> None:
    async with await server.connect() as first, await server.connect() as second:
        ids = [
            (await client.ask(HeartbeatRequest(), 3, HeartbeatResponse)).throttle_time_ms
            for client in (first, second, first)
        ]

        assert ids[0] == ids[2] != ids[1]
