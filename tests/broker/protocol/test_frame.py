import struct

import pytest
from hypothesis import given
from hypothesis.strategies import binary, integers, lists, text

from broker.protocol.frame import (
    BUFFER_BYTES,
    FrameReader,
    FrameTooLarge,
    RequestHeader,
    decode_request_header,
    response_header,
    skip_header_tags,
)
from broker.protocol.primitives import ProtocolError
from tests.support.request_header import encode_request_header


def framed(*payloads: bytes) -> bytes:
    return b"".join(struct.pack(">i", len(payload)) + payload for payload in payloads)


@given(
    payloads=lists(binary(max_size=300), max_size=8),
    cuts=lists(integers(1, 50), min_size=1, max_size=20),
)
def test_frames_come_out_whole_however_the_stream_is_cut(
    payloads: list[bytes], cuts: list[int]
) -> None:
    reader = FrameReader(1000)
    stream = framed(*payloads)
    frames: list[bytes] = []

    position = turn = 0
    while position < len(stream):
        size = cuts[turn % len(cuts)]
        frames += [bytes(frame) for frame in reader.feed(stream[position : position + size])]
        position, turn = position + size, turn + 1

    assert frames == payloads
    assert not reader.has_partial_frame


def test_frames_larger_than_a_buffer_and_their_followers_come_out_whole() -> None:
    reader = FrameReader(10_000_000)
    payloads = [bytes([n]) * (BUFFER_BYTES * n + n) for n in (1, 5, 0, 40, 2)]

    frames = reader.feed(framed(*payloads))

    assert [bytes(frame) for frame in frames] == payloads


def test_a_frame_handed_out_is_never_written_to_again() -> None:
    reader = FrameReader(1000)
    first = reader.feed(framed(b"a" * 900))[0]

    for _ in range(200):
        reader.feed(framed(b"b" * 900))

    assert bytes(first) == b"a" * 900


@pytest.mark.parametrize("size", [1001, 0x7FFFFFFF, -1, -(2**31)])
def test_a_frame_beyond_the_bound_is_refused_by_its_size_alone(size: int) -> None:
    reader = FrameReader(1000)

    with pytest.raises(FrameTooLarge, match=f"frame of {size} bytes is outside 0 to 1000"):
        reader.feed(struct.pack(">i", size))


def test_an_announced_size_alone_takes_no_memory() -> None:
    reader = FrameReader(1 << 30)

    reader.feed(struct.pack(">i", 1 << 29) + b"x")

    assert len(reader.space()) <= BUFFER_BYTES
    assert reader.has_partial_frame


@given(text(max_size=50))
def test_request_header_reads_back(client_id: str) -> None:
    header = RequestHeader(3, 9, 12345, client_id)

    read, body = decode_request_header(memoryview(encode_request_header(header, False) + b"body"))

    assert read == header
    assert bytes(body) == b"body"


def test_client_id_may_be_null_and_header_tags_are_skipped() -> None:
    header = RequestHeader(18, 3, 1, None)
    tags = bytes([1, 5, 2]) + b"ab"

    read, body = decode_request_header(
        memoryview(encode_request_header(header, False) + tags + b"body")
    )

    assert read == header
    assert bytes(body[skip_header_tags(body) :]) == b"body"


def test_client_id_that_is_not_utf8_does_not_end_the_connection() -> None:
    read, _ = decode_request_header(memoryview(struct.pack(">hhih", 0, 9, 1, 1) + b"\xff"))

    assert read.client_id == "\ufffd"


@pytest.mark.parametrize("data", [b"", b"\x00" * 9, struct.pack(">hhih", 0, 0, 1, 5) + b"abc"])
def test_truncated_request_header_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_request_header(memoryview(data))


def test_truncated_header_tags_are_refused() -> None:
    for data in (b"", bytes([1]), bytes([1, 0, 9])):
        with pytest.raises(ProtocolError):
            skip_header_tags(memoryview(data))


def test_response_header_has_tags_only_when_flexible() -> None:
    assert response_header(7, flexible=False) == b"\x00\x00\x00\x07"
    assert response_header(7, flexible=True) == b"\x00\x00\x00\x07\x00"
