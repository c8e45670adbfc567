import tracemalloc
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from broker.protocol.codec import UnsupportedVersion, decode, encode, encode_bytes
from broker.protocol.messages.fetch import FetchableTopicResponse, FetchResponse, PartitionData
from broker.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic
from broker.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    TopicProduceData,
    TopicProduceResponse,
)
from broker.protocol.primitives import ProtocolError
from broker.protocol.schema import ARRAY, INT16, INT32, STRING, wire


@dataclass(slots=True)
class Part:
    number: int = wire(INT32)
    note: str | None = wire(STRING, since=1, nullable=1, tag=0)


@dataclass(slots=True)
class Sample:
    FLEXIBLE_SINCE: ClassVar[int | None] = 1
    VERSIONS: ClassVar = (0, 2)

    name: str = wire(STRING)
    old: int = wire(INT16, until=1, default=-1)
    part: Part | None = wire(Part, since=2, nullable=2)
    parts: list[Part] = wire(ARRAY(Part))


class SliceOfAFile:
    """As long as it says, and read by nobody but the server."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def read(self) -> bytes:
        return self._data


def fetch_response(*records: Any) -> FetchResponse:
    partitions = [PartitionData(index, records=part) for index, part in enumerate(records)]
    return FetchResponse(responses=[FetchableTopicResponse("t", partitions=partitions)])


def test_fields_travel_only_in_their_versions() -> None:
    message = Sample(name="n", old=7, part=Part(1), parts=[Part(2)])

    assert encode_bytes(message, 0).hex() == "0001" + "6e" + "0007" + "00000001" + "00000002"
    assert decode(Sample, 0, encode_bytes(message, 0)) == Sample("n", 7, None, [Part(2)])
    assert decode(Sample, 2, encode_bytes(message, 2)) == Sample("n", -1, Part(1), [Part(2)])


def test_tagged_field_travels_only_when_it_differs_from_its_default() -> None:
    without = encode_bytes(Sample(parts=[Part(2)]), 1)
    with_note = encode_bytes(Sample(parts=[Part(2, "hi")]), 1)

    assert without.hex() == "01" + "ffff" + "02" + "00000002" + "00" + "00"
    assert with_note.hex() == "01" + "ffff" + "02" + "00000002" + "01" + "00" + "03036869" + "00"
    assert decode(Sample, 1, with_note) == Sample(parts=[Part(2, "hi")])


def test_unknown_tagged_fields_are_skipped_beside_known_ones() -> None:
    data = bytes.fromhex("01" + "ffff" + "02" + "00000002" + "02000303686907026162" + "01050178")

    assert decode(Sample, 1, data) == Sample(parts=[Part(2, "hi")])


def test_known_tagged_field_of_another_size_is_refused() -> None:
    data = bytes.fromhex("01" + "ffff" + "02" + "00000002" + "0100040368690000" + "00")

    with pytest.raises(ProtocolError, match=r"Part\.note does not fill"):
        decode(Sample, 1, data)


def test_bytes_after_the_message_are_refused() -> None:
    data = encode_bytes(Sample(name="n"), 0) + b"more"

    with pytest.raises(ProtocolError, match="4 bytes too many"):
        decode(Sample, 0, data)


def test_null_where_none_is_allowed_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"Sample\.name must not be null"):
        decode(Sample, 0, bytes.fromhex("ffff"))
    with pytest.raises(ProtocolError, match=r"Sample\.parts must not be null"):
        decode(Sample, 0, bytes.fromhex("0000" + "ffff" + "ffffffff"))
    with pytest.raises(ProtocolError, match=r"Sample\.name must not be null"):
        decode(Sample, 1, bytes.fromhex("00"))


def test_null_is_read_where_the_version_allows_it() -> None:
    assert decode(MetadataRequest, 1, bytes.fromhex("ffffffff")).topics is None
    assert decode(MetadataRequest, 1, bytes.fromhex("00000000")).topics == []


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(ProtocolError, match="utf-8"):
        decode(Sample, 0, bytes.fromhex("0001ff" + "ffff" + "00000000"))


def test_version_outside_the_declared_ones_is_refused() -> None:
    with pytest.raises(UnsupportedVersion, match="v3 is outside versions 0 to 2"):
        decode(Sample, 3, b"")
    with pytest.raises(UnsupportedVersion, match="v14 is outside versions 3 to 13"):
        encode(ProduceRequest(), 14)


@pytest.mark.parametrize("count", [0x7FFFFFFF, 0x0FFFFFFF, 1000])
def test_count_that_the_message_cannot_hold_is_refused_before_memory_is_taken(count: int) -> None:
    data = count.to_bytes(4, "big") + b"\x00\x01a"
    decode(MetadataRequest, 1, bytes(4))  # compiled outside of what is measured
    tracemalloc.start()

    with pytest.raises(ProtocolError, match=r"MetadataRequest\.topics needs"):
        decode(MetadataRequest, 1, data)

    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


def test_decoded_records_are_a_view_of_the_request() -> None:
    records = b"r" * 1000
    request = ProduceRequest(
        acks=-1,
        topic_data=[TopicProduceData("t", partition_data=[PartitionProduceData(0, records)])],
    )
    buffer = bytearray(encode_bytes(request, 9))

    decoded = decode(ProduceRequest, 9, buffer)
    view = decoded.topic_data[0].partition_data[0].records

    assert view == records
    buffer[buffer.index(b"r")] = ord("X")
    assert bytes(view[:1]) == b"X"


def test_decoding_starts_where_it_is_told() -> None:
    assert decode(Sample, 0, b"header" + encode_bytes(Sample("n"), 0), 6).name == "n"


@pytest.mark.parametrize("version", [4, 11, 12, 17])
def test_encoded_records_are_chunks_of_their_own(version: int) -> None:
    in_file, in_memory = SliceOfAFile(b"f" * 500), memoryview(b"m" * 300)
    message = fetch_response(in_file, None, b"", in_memory)

    chunks = encode(message, version)

    assert any(chunk is in_file for chunk in chunks)
    assert any(chunk is in_memory for chunk in chunks)
    assert encode_bytes(message, version) == encode_bytes(
        fetch_response(b"f" * 500, None, b"", b"m" * 300), version
    )


def test_records_in_several_pieces_are_one_field() -> None:
    pieces = [SliceOfAFile(b"one"), b"two", memoryview(b"three")]

    message = fetch_response(pieces)

    assert encode_bytes(message, 12) == encode_bytes(fetch_response(b"onetwothree"), 12)


def test_prefix_stands_before_the_message_in_the_first_chunk() -> None:
    chunks = encode(MetadataRequest(topics=[MetadataRequestTopic(name="t")]), 0, b"head")

    assert len(chunks) == 1
    assert bytes(chunks[0]) == b"head" + encode_bytes(  # type: ignore[arg-type]
        MetadataRequest(topics=[MetadataRequestTopic(name="t")]), 0
    )


def test_message_without_a_single_field_is_empty() -> None:
    from broker.protocol.messages.api_versions import ApiVersionsRequest

    assert encode_bytes(ApiVersionsRequest(), 0) == b""
    assert decode(ApiVersionsRequest, 0, b"") == ApiVersionsRequest()


def test_defaults_of_two_messages_are_not_shared() -> None:
    first, second = TopicProduceResponse(), TopicProduceResponse()

    first.partition_responses.append(PartitionProduceResponse())

    assert second.partition_responses == []


@dataclass(slots=True)
class Crowd:
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    names: list[str] = wire(ARRAY(STRING))
    numbers: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class Crowds:
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    crowds: list[Crowd] = wire(ARRAY(Crowd))


@pytest.mark.parametrize("names", [20_000, 3_000_000])
def test_more_items_than_the_size_explains_are_refused_before_they_cost_memory(names: int) -> None:
    """An empty name is one byte in the frame and eight in a list; a struct is far more."""
    frame = encode_bytes(Crowd([""] * names, []), 0)
    decode(Crowd, 0, encode_bytes(Crowd([], []), 0))  # compiled before memory is counted

    tracemalloc.start()
    with pytest.raises(ProtocolError, match=rf"Crowd.names has {names} items: more than \d+ in a"):
        decode(Crowd, 0, frame)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 100_000


def test_items_of_all_arrays_count_together() -> None:
    few = Crowds([Crowd([""] * 1_000, [])] * 9)
    many = Crowds([Crowd([""] * 1_000, [])] * 30)

    assert len(decode(Crowds, 0, encode_bytes(few, 0)).crowds) == 9
    with pytest.raises(ProtocolError, match=r"Crowd.names has 1000 items"):
        decode(Crowds, 0, encode_bytes(many, 0))


def test_numbers_and_names_of_usual_length_are_never_too_many() -> None:
    """A hundred thousand partitions, or names, in one request are large and not hostile."""
    message = Crowd(["a-usual-name"] * 100_000, list(range(100_000)))

    assert decode(Crowd, 0, encode_bytes(message, 0)) == message
