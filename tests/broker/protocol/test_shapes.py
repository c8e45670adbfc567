"""A shape says of a frame what the codec says, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.protocol.codec import decode, encode, encode_bytes, join
from broker.protocol.frame import (
    RequestHeader,
    decode_request_header,
    encode_request_header,
    skip_header_tags,
)
from broker.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from broker.protocol.schema import is_flexible
from broker.protocol.shapes import RequestShape, ResponseShape, request_shape

VERSIONS = range(3, 14)


def produce_frame(
    version: int, correlation_id: int, *records: bytes, topic: str = "pages"
) -> bytes:
    request = ProduceRequest(
        acks=-1,
        timeout_ms=1000,
        topic_data=[
            TopicProduceData(
                topic,
                b"i" * 16,
                [PartitionProduceData(n, memoryview(one)) for n, one in enumerate(records)],
            )
        ],
    )
    header = RequestHeader(0, version, correlation_id, "client")
    return encode_request_header(header, is_flexible(ProduceRequest, version)) + encode_bytes(
        request, version
    )


def decoded(frame: memoryview, version: int) -> tuple[ProduceRequest, int]:
    """The request, and the size of its body."""
    _, body = decode_request_header(frame)
    if is_flexible(ProduceRequest, version):
        body = body[skip_header_tags(body) :]
    return decode(ProduceRequest, version, body, leftover=True), len(body)


def shape_of(frame: bytes, version: int) -> RequestShape | None:
    view = memoryview(frame)
    request, body_bytes = decoded(view, version)
    return request_shape(view, body_bytes, request, version)


def records_by_shape(shape: RequestShape, frame: bytes) -> tuple[int, bytes] | None:
    """Correlation id and records, if the frame has the shape."""
    view = memoryview(frame)
    if len(view) < shape.layout.size:
        return None
    start, correlation_id, key = shape.layout.unpack_from(view)
    if (start, key) != (shape.start, shape.key):
        return None
    records = shape.records_of(view)
    return None if records is None else (correlation_id, bytes(records))


@pytest.mark.parametrize("version", VERSIONS)
@given(
    first=st.binary(min_size=1, max_size=300),
    second=st.binary(min_size=4, max_size=300),
    correlation_id=st.integers(0, (1 << 31) - 1),
)
def test_a_frame_with_other_records_gives_them(
    version: int, first: bytes, second: bytes, correlation_id: int
) -> None:
    shape = shape_of(produce_frame(version, 1, first), version)
    assert shape is not None

    found = records_by_shape(shape, produce_frame(version, correlation_id, second))

    assert found == (correlation_id, second)


@pytest.mark.parametrize("size", [126, 127, 16_382, 16_383, 100_000])
@pytest.mark.parametrize("version", [8, 9])
def test_any_length_of_records_fits_the_same_shape(version: int, size: int) -> None:
    shape = shape_of(produce_frame(version, 1, b"short"), version)
    assert shape is not None

    assert records_by_shape(shape, produce_frame(version, 2, bytes(size))) == (2, bytes(size))


@pytest.mark.parametrize("version", [8, 9, 13])
@given(data=st.data())
def test_a_damaged_frame_is_read_as_the_codec_reads_it_or_not_at_all(
    version: int, data: st.DataObject
) -> None:
    shape = shape_of(produce_frame(version, 1, b"records"), version)
    assert shape is not None
    frame = bytearray(produce_frame(version, 2, b"other records"))
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    del frame[data.draw(st.integers(len(frame) - 5, len(frame))) :]

    found = records_by_shape(shape, bytes(frame))

    if found is not None:
        request, _ = decoded(memoryview(bytes(frame)), version)
        assert found[1] == request.topic_data[0].partition_data[0].records
        assert (request.acks, request.timeout_ms) == (-1, 1000)
        assert len(request.topic_data) == len(request.topic_data[0].partition_data) == 1


def test_another_topic_has_another_shape() -> None:
    shape = shape_of(produce_frame(9, 1, b"records"), 9)
    assert shape is not None

    assert records_by_shape(shape, produce_frame(9, 1, b"records", topic="other")) is None


@pytest.mark.parametrize("records", [[], [b"one", b"two"]])
def test_no_records_or_several_have_no_shape(records: list[bytes]) -> None:
    assert shape_of(produce_frame(9, 1, *records), 9) is None


def test_bytes_that_our_codec_would_not_write_have_no_shape() -> None:
    assert shape_of(produce_frame(9, 1, b"records") + b"more", 9) is None


@pytest.mark.parametrize("version", range(5, 14))
def test_a_response_is_filled_in_as_the_codec_writes_it(version: int) -> None:
    def frame(correlation_id: int, numbers: tuple[int, int, int]) -> bytes:
        base_offset, append_time_ms, start_offset = numbers
        answer = PartitionProduceResponse(3, 0, base_offset, append_time_ms, start_offset)
        response = ProduceResponse(responses=[TopicProduceResponse("pages", b"i" * 16, [answer])])
        prefix = b"size" + correlation_id.to_bytes(4, "big")
        return join(encode(response, version, prefix))

    blanks = (111_111_111, 222_222_222, 333_333_333)
    shape = ResponseShape(frame(0, blanks), blanks)

    assert shape.fill(77, (5, -1, 1 << 40)) == frame(77, (5, -1, 1 << 40))


def test_blanks_that_are_not_there_or_twice_are_no_blanks() -> None:
    for frame in (bytes(20), bytes(8) + (7).to_bytes(8, "big") * 2):
        with pytest.raises(ValueError, match="times"):
            ResponseShape(frame, (7,))
