import sys

import pytest
from hypothesis import given
from hypothesis.strategies import binary, integers, text

from broker.protocol.primitives import (
    ProtocolError,
    java_hash_bucket,
    java_map_order,
    java_string_hash,
    partitions_of_name,
    read_uvarint,
    skip_tagged_fields,
    uuid_bytes,
    uuid_text,
    write_uvarint,
)


@given(integers(0, 2**35 - 1))
def test_unsigned_varint_reads_back(value: int) -> None:
    out = bytearray()

    write_uvarint(out, value)

    assert read_uvarint(out, 0) == (value, len(out))


@pytest.mark.parametrize(
    ("value", "encoded"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (16384, "808001")]
)
def test_unsigned_varint_takes_seven_bits_a_byte(value: int, encoded: str) -> None:
    out = bytearray()

    write_uvarint(out, value)

    assert out.hex() == encoded


def test_varint_beyond_its_width_is_refused() -> None:
    with pytest.raises(ProtocolError, match="longer than 5 bytes"):
        read_uvarint(b"\xff" * 20, 0)


def test_tagged_fields_that_nobody_knows_are_skipped() -> None:
    two_fields = bytes([2, 0, 3]) + b"abc" + bytes([200, 1, 1]) + b"x"

    assert skip_tagged_fields(two_fields + b"rest", 0, 100) == len(two_fields)


def test_tagged_field_longer_than_its_message_is_refused() -> None:
    with pytest.raises(ProtocolError, match="after 4"):
        skip_tagged_fields(bytes([1, 0, 100, 0]), 0, 4)


@given(binary(min_size=16, max_size=16))
def test_uuid_reads_back_from_its_text(uuid: bytes) -> None:
    assert len(uuid_text(uuid)) == 22
    assert uuid_bytes(uuid_text(uuid)) == uuid


def test_uuid_text_is_the_one_of_kafka() -> None:
    metadata_topic_id = bytes(15) + b"\x01"  # KIP-516 reserves it

    assert uuid_text(metadata_topic_id) == "AAAAAAAAAAAAAAAAAAAAAQ"


@pytest.mark.parametrize(
    "wrong", ["", "short", "A" * 23, "!" * 22, "AAAAAAAAAAAAAAAAAAAA+/", "ä" * 22]
)
def test_text_that_is_no_uuid_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"22|16"):
        uuid_bytes(wrong)


@pytest.mark.parametrize(
    ("text_value", "hash_value"),
    [
        ("", 0),
        ("a", 97),
        ("hello", 99162322),
        ("Aa", 2112),
        ("BB", 2112),
        ("polygenelubricants", -(2**31)),
        ("𝄞", 31 * 0xD834 + 0xDD1E),  # two UTF-16 code units
    ],
)
def test_string_hash_is_the_one_of_java(text_value: str, hash_value: int) -> None:
    assert java_string_hash(text_value) == hash_value


@pytest.mark.parametrize(
    ("name", "now", "before"),
    [("readers", 28, 28), ("lagger", 0, 48), ("polygenelubricants", 0, 0)],
)
def test_a_name_has_the_partition_of_kafka_and_the_one_of_old_directories(
    name: str, now: int, before: int
) -> None:
    assert partitions_of_name(name, 50) == (now, before)


@pytest.mark.parametrize("length", [1, 255, 256, 1_000])
def test_a_name_asked_for_again_is_where_it_was_in_a_topic_of_as_many(length: int) -> None:
    name = "ж" * length
    value = java_string_hash(name)
    wanted = [(abs(value) % count, (value & 0x7FFFFFFF) % count) for count in (50, 7, 50)]

    found = [partitions_of_name(name, count) for count in (50, 7, 50)]

    assert found == wanted


@pytest.mark.parametrize(("length", "is_remembered"), [(255, True), (2_000, False)])
def test_long_names_of_whoever_asks_are_not_remembered(length: int, is_remembered: bool) -> None:
    name = "n" * length
    held = sys.getrefcount(name)

    partitions_of_name(name, 50)

    assert (sys.getrefcount(name) > held) == is_remembered


@pytest.mark.parametrize(("name", "bucket"), [("a", 1), ("p", 0), ("rr", 0), ("range", 9)])
def test_a_hash_map_of_java_keeps_a_string_in_this_bucket(name: str, bucket: int) -> None:
    assert java_hash_bucket(name) == bucket


def test_strings_are_put_in_the_order_of_a_hash_map_of_java() -> None:
    assert java_map_order([letter * 22 for letter in "PQR"]) == [letter * 22 for letter in "QRP"]


@given(text())
def test_string_hash_fits_in_32_bits(value: str) -> None:
    assert -(2**31) <= java_string_hash(value) < 2**31
