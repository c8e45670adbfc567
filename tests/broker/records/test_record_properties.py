"""Records written are records read: by us, by kafka-python and by aiokafka, with every codec."""

import warnings

import pytest
from aiokafka.record.default_records import DefaultRecordBatch as AioBatch
from aiokafka.record.default_records import DefaultRecordBatchBuilder as AioBuilder
from hypothesis import given, settings
from hypothesis.strategies import binary, builds, integers, lists, none, one_of, text, tuples

from broker.errors import KafkaError
from broker.records.batch import build_batch, crc_ok, read_header
from broker.records.compression import Codec
from broker.records.record import Record, decode_records, decode_varint, encode_varint

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of kafka-python, at its import
    from kafka.record.default_records import DefaultRecordBatch as PythonBatch
    from kafka.record.default_records import DefaultRecordBatchBuilder as PythonBuilder

INT64 = integers(-(1 << 63), (1 << 63) - 1)
times = integers(0, 1 << 50)
nullable = one_of(none(), binary(max_size=50))
headers = lists(tuples(text(max_size=8), nullable), max_size=3).map(tuple)
records_lists = lists(
    builds(Record, integers(0, 0), times, nullable, nullable, headers), min_size=1, max_size=8
)
ORACLES = [PythonBatch, AioBatch]
BUILDERS = [PythonBuilder, AioBuilder]


@given(INT64)
def test_a_varint_comes_back(value: int) -> None:
    encoded = encode_varint(value)

    assert decode_varint(encoded, 0) == (value, len(encoded))


@given(binary(max_size=12))
def test_any_bytes_are_a_varint_or_refused(data: bytes) -> None:
    try:
        value, position = decode_varint(data, 0)
    except KafkaError:
        return

    assert -(1 << 63) <= value < 1 << 63
    assert 0 < position <= len(data)


@pytest.mark.parametrize("codec", list(Codec))
@given(records=records_lists, base_offset=integers(0, 1 << 60))
@settings(max_examples=40, deadline=None)
def test_records_come_back_from_a_batch(
    codec: Codec, records: list[Record], base_offset: int
) -> None:
    batch = build_batch(records, base_offset=base_offset, codec=codec)

    header = read_header(batch)

    assert crc_ok(batch, 0, header)
    assert decode_records(header, batch) == [
        record._replace(offset=base_offset + delta) for delta, record in enumerate(records)
    ]


@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("codec", list(Codec))
@given(records=records_lists)
@settings(max_examples=15, deadline=None)
def test_client_libraries_read_what_we_write(
    codec: Codec, oracle: type[PythonBatch], records: list[Record]
) -> None:
    batch = build_batch(records, base_offset=10, codec=codec)

    read = oracle(bytearray(batch))

    assert read.validate_crc()
    assert [(r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in read] == [
        (10 + delta, *record[1:]) for delta, record in enumerate(records)
    ]


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("codec", list(Codec))
@given(records=records_lists)
@settings(max_examples=15, deadline=None)
def test_we_read_what_client_libraries_write(
    codec: Codec, builder: type[PythonBuilder], records: list[Record]
) -> None:
    made = builder(2, int(codec), 0, -1, -1, -1, 1 << 20)
    for delta, record in enumerate(records):
        made.append(
            delta,
            timestamp=record.timestamp_ms,
            key=record.key,
            value=record.value,
            headers=list(record.headers),
        )
    batch = bytes(made.build())

    header = read_header(batch)

    assert crc_ok(batch, 0, header)
    assert decode_records(header, batch) == [
        record._replace(offset=delta) for delta, record in enumerate(records)
    ]


@given(records=records_lists, position=integers(61, 400), value=integers(0, 255))
@settings(max_examples=200)
def test_damaged_records_are_refused_or_as_many_with_one_changed(
    records: list[Record], position: int, value: int
) -> None:
    batch = bytearray(build_batch(records))
    batch[min(position, len(batch) - 1)] = value

    try:
        read = decode_records(read_header(batch), batch)
    except KafkaError:  # the only error it may raise
        return

    sent = [record._replace(offset=delta) for delta, record in enumerate(records)]
    assert len(read) == len(sent)
    assert sum(one != other for one, other in zip(read, sent, strict=True)) <= 1
