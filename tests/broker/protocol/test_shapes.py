"""A shape says of a frame what the codec says, or nothing."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.protocol.codec import decode, encode, encode_bytes, join
from broker.protocol.frame import (
    RequestHeader,
    decode_request_header,
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
from tests.support.request_header import encode_request_header

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


def records_by_shape(shape: RequestShape, frame: bytes) -> tuple[int, list[bytes]] | None:
    """Correlation id and records, if the frame has the shape."""
    view = memoryview(frame)
    if len(view) < shape.layout.size:
        return None
    start, correlation_id, key = shape.layout.unpack_from(view)
    if (start, key) != (shape.start, shape.key):
        return None
    records = shape.records_of(view)
    return None if records is None else (correlation_id, [bytes(one) for one in records])


RECORDS = st.binary(min_size=1, max_size=300)


@pytest.mark.parametrize("version", VERSIONS)
@given(
    sizes=st.lists(st.tuples(RECORDS, RECORDS), min_size=1, max_size=5),
    correlation_id=st.integers(0, (1 << 31) - 1),
)
def test_a_frame_with_other_records_gives_them(
    version: int, sizes: list[tuple[bytes, bytes]], correlation_id: int
) -> None:
    first, second = ([pair[which] for pair in sizes] for which in (0, 1))
    shape = shape_of(produce_frame(version, 1, *first), version)
    assert shape is not None

    found = records_by_shape(shape, produce_frame(version, correlation_id, *second))

    assert found == (correlation_id, second)


@pytest.mark.parametrize("size", [126, 127, 16_382, 16_383, 100_000])
@pytest.mark.parametrize("version", [8, 9])
def test_any_length_of_records_fits_the_same_shape(version: int, size: int) -> None:
    shape = shape_of(produce_frame(version, 1, b"short"), version)
    assert shape is not None

    assert records_by_shape(shape, produce_frame(version, 2, bytes(size))) == (2, [bytes(size)])


@pytest.mark.parametrize("version", [8, 9, 13])
@given(data=st.data())
def test_a_damaged_frame_is_read_as_the_codec_reads_it_or_not_at_all(
    version: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, 3))
    shape = shape_of(produce_frame(version, 1, *[b"records"] * count), version)
    assert shape is not None
    frame = bytearray(produce_frame(version, 2, *[b"other records"] * count))
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    del frame[data.draw(st.integers(len(frame) - 5, len(frame))) :]

    found = records_by_shape(shape, bytes(frame))

    if found is not None:
        request, _ = decoded(memoryview(bytes(frame)), version)
        (topic,) = request.topic_data
        assert found[1] == [one.records for one in topic.partition_data]
        assert [one.index for one in topic.partition_data] == list(range(count))
        assert (request.acks, request.timeout_ms) == (-1, 1000)


def test_another_topic_has_another_shape() -> None:
    shape = shape_of(produce_frame(9, 1, b"records"), 9)
    assert shape is not None

    assert records_by_shape(shape, produce_frame(9, 1, b"records", topic="other")) is None


@pytest.mark.parametrize("count", [1, 3])
def test_more_or_fewer_records_have_another_shape(count: int) -> None:
    shape = shape_of(produce_frame(9, 1, b"one", b"two"), 9)
    assert shape is not None

    assert records_by_shape(shape, produce_frame(9, 1, *[b"one"] * count)) is None


def test_without_records_there_is_no_shape() -> None:
    assert shape_of(produce_frame(9, 1), 9) is None


def test_bytes_that_our_codec_would_not_write_have_no_shape() -> None:
    assert shape_of(produce_frame(9, 1, b"records") + b"more", 9) is None


@pytest.mark.parametrize("version", range(5, 14))
def test_a_response_is_filled_in_as_the_codec_writes_it(version: int) -> None:
    def frame(correlation_id: int, numbers: Sequence[tuple[int, int, int]]) -> bytes:
        answers = [PartitionProduceResponse(index, 0, *one) for index, one in enumerate(numbers)]
        response = ProduceResponse(responses=[TopicProduceResponse("pages", b"i" * 16, answers)])
        prefix = b"size" + correlation_id.to_bytes(4, "big")
        return join(encode(response, version, prefix))

    blanks = [(111_111_111, 222_222_222, 333_333_333), (444_444_444, 555_555_555, 666_666_666)]
    shape = ResponseShape(frame(0, blanks), blanks)

    for numbers in ([(5, -1, 1 << 40), (6, 0, 1)], [(1, 2, 3), (1, 2, 3)]):
        assert shape.fill(77, numbers) == frame(77, numbers)


def test_blanks_that_are_not_there_or_twice_are_no_blanks() -> None:
    for frame in (bytes(20), bytes(8) + (7).to_bytes(8, "big") * 2):
        with pytest.raises(ValueError, match="times"):
            ResponseShape(frame, [(7,)])
