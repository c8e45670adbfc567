"""What a batch holds is found out record by record, by the parser and by the loop alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import ErrorCode, KafkaError
from broker.records.batch import HEADER_BYTES, assemble, build_batch, fields_of, read_header
from broker.records.record import Record, decode_records, encode_record, encode_varint
from broker.records.survey import COMPILED_BYTES_MAX, survey
from tests.support.batches import NOW_MS

RECORD = Record(0, NOW_MS, b"key", b"value")
records = st.lists(
    st.builds(
        Record,
        offset=st.just(0),
        timestamp_ms=st.integers(NOW_MS - 100_000, NOW_MS + 100_000),
        key=st.none() | st.binary(max_size=70),
        value=st.none() | st.binary(max_size=70) | st.just(bytes(9000)),
        headers=st.lists(st.tuples(st.text(max_size=4), st.none() | st.binary(max_size=4))).map(
            tuple
        ),
    ),
    min_size=1,
    max_size=8,
)


def sizes_of(data: bytes | None) -> bytes:
    return b"\x01" if data is None else encode_varint(len(data)) + data


def raw(
    *,
    delta: bytes = b"\x00",
    key: bytes = sizes_of(b"k"),
    value: bytes = sizes_of(b"v"),
    headers: bytes = b"\x00",
    attributes: bytes = b"\x00",
    size: int = 0,
) -> bytes:
    """One record from its parts; `size` is added to what its length should be."""
    body = attributes + b"\x00" + delta + key + value + headers
    return encode_varint(len(body) + size) + body


def is_sound(body: bytes, count: int = 1) -> bool:
    try:
        survey(body, count, keys=False)
    except KafkaError as refusal:
        assert refusal.code is ErrorCode.INVALID_RECORD
        return False
    return True


@given(records)
def test_sound_records_have_their_latest_time_and_their_keys_found(sent: list[Record]) -> None:
    body = build_batch(sent)[HEADER_BYTES:]
    latest = max(record.timestamp_ms for record in sent) - sent[0].timestamp_ms

    without, having = (survey(body, len(sent), keys=keys) for keys in (False, True))

    assert without == latest
    assert having == (None if None in [record.key for record in sent] else latest)


@given(records, st.data())
def test_what_passes_is_what_a_consumer_can_read(sent: list[Record], data: st.DataObject) -> None:
    batch = bytearray(build_batch(sent))
    place = data.draw(st.integers(HEADER_BYTES, len(batch) - 1))
    batch[place] = data.draw(st.integers(0, 255))
    changed = bytes(batch)

    if is_sound(changed[HEADER_BYTES:], len(sent)):
        read = decode_records(read_header(changed), changed)
        assert [record.offset for record in read] == list(range(len(sent)))


@given(st.binary(max_size=80), st.integers(1, 4))
def test_any_bytes_that_pass_are_as_many_records(body: bytes, count: int) -> None:
    header = read_header(build_batch([RECORD] * count))

    if is_sound(body, count):
        batch = assemble(fields_of(header), body)
        assert len(decode_records(read_header(batch), batch)) == count


def test_long_rows_of_records_are_too() -> None:
    row = b"".join(encode_record(RECORD, 0, delta) for delta in range(20_000))

    assert is_sound(row, 20_000)
    assert not is_sound(row, 19_999)
    assert not is_sound(row, 20_001)
    assert not is_sound(row[:-1], 20_000)


def test_rows_too_long_for_the_parser_are_walked() -> None:
    record = RECORD._replace(value=bytes(COMPILED_BYTES_MAX // 2))
    row = b"".join(encode_record(record, delta * 5, delta) for delta in range(3))

    assert survey(row, 3, keys=True) == 10
    assert not is_sound(row, 2)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(raw(size=1), id="longer than it is"),
        pytest.param(raw(size=-1), id="shorter than it is"),
        pytest.param(raw(size=-20), id="of a negative size"),
        pytest.param(raw(delta=b"\x02"), id="numbered 1"),
        pytest.param(raw(delta=b"\x01"), id="numbered -1"),
        pytest.param(raw(key=encode_varint(99) + b"k"), id="with a key past its end"),
        pytest.param(raw(value=encode_varint(99) + b"v"), id="with a value past its end"),
        pytest.param(raw(key=encode_varint(1 << 62) + b"k"), id="with an endless key"),
        pytest.param(raw(headers=encode_varint(-1)), id="with -1 headers"),
        pytest.param(raw(headers=encode_varint(1 << 30)), id="with endless headers"),
        pytest.param(raw(headers=b"\x02" + sizes_of(None) * 2), id="with a nameless header"),
        pytest.param(raw() + b"\x00", id="with a byte behind it"),
        pytest.param(raw(delta=b"\x80" * 10 + b"\x00"), id="with a number of eleven bytes"),
    ],
)
def test_a_record_is_refused(body: bytes) -> None:
    assert not is_sound(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(raw(key=encode_varint(-2)), id="a key of -2 bytes, which is none"),
        pytest.param(raw(value=encode_varint(-2)), id="a value of -2 bytes, which is none"),
        pytest.param(raw(attributes=b"\x7f"), id="attributes, which mean nothing"),
        pytest.param(raw(delta=b"\x80\x80\x80\x80\x00"), id="a number in five bytes"),
        pytest.param(raw(headers=b"\x02" + sizes_of(b"\xff") + b"\x01"), id="no UTF-8"),
    ],
)
def test_a_record_is_taken_as_by_kafka(body: bytes) -> None:
    assert is_sound(body)


def test_keys_of_headers_come_back_as_they_were() -> None:
    body = raw(headers=b"\x02" + sizes_of(b"\xffh") + sizes_of(b"x"))
    batch = build_batch([RECORD])[:HEADER_BYTES] + body
    header = read_header(batch)._replace(batch_length=len(batch) - 12)

    (record,) = decode_records(header, batch)

    assert encode_record(record, 0, 0) == body


def test_a_compacted_topic_takes_no_record_that_its_cleaner_could_not_read() -> None:
    """Attributes in two bytes: the parser takes them, Kafka does not."""
    sound = raw(delta=b"\x00")

    with pytest.raises(KafkaError) as refused:
        survey(sound + raw(attributes=b"\xff\x00", delta=b"\x02"), 2, keys=True)

    assert refused.value.code is ErrorCode.INVALID_RECORD
    assert survey(sound + raw(attributes=b"\xff", delta=b"\x02"), 2, keys=True) == 0
