"""Batches: the header as it stands in the bytes, and what is refused as one."""

import struct

import pytest

from broker.errors import ErrorCode, KafkaError
from broker.records.batch import (
    HEADER_BYTES,
    assemble,
    build_batch,
    crc_ok,
    fields_of,
    iterate,
    read_header,
)
from broker.records.record import Record

RECORDS = [Record(0, 1_000, b"k", b"v"), Record(0, 1_500, None, None)]


def test_a_batch_says_what_was_put_into_it() -> None:
    batch = build_batch(
        RECORDS,
        base_offset=40,
        leader_epoch=3,
        producer_id=7,
        producer_epoch=2,
        base_sequence=9,
        transactional=True,
    )

    header = read_header(batch)

    assert header.size_bytes == len(batch)
    assert (header.base_offset, header.last_offset, header.next_offset) == (40, 41, 42)
    assert (header.partition_leader_epoch, header.magic, header.codec) == (3, 2, 0)
    assert (header.base_timestamp, header.max_timestamp) == (1_000, 1_500)
    assert (header.producer_id, header.producer_epoch) == (7, 2)
    assert (header.base_sequence, header.last_sequence) == (9, 10)
    assert header.is_transactional
    assert not header.is_control
    assert not header.has_delete_horizon
    assert not header.is_log_append_time


def test_sequences_wrap_to_zero() -> None:
    batch = build_batch(RECORDS, producer_id=1, producer_epoch=0, base_sequence=(1 << 31) - 1)

    assert read_header(batch).last_sequence == 0


def test_base_offset_and_leader_epoch_lie_outside_the_crc() -> None:
    batch = bytearray(build_batch(RECORDS))

    struct.pack_into(">q", batch, 0, 123)
    struct.pack_into(">i", batch, 12, 9)

    assert crc_ok(batch, 0, read_header(batch))


@pytest.mark.parametrize("position", [21, 30, 60, -1])
def test_any_flipped_byte_after_the_crc_is_noticed(position: int) -> None:
    batch = bytearray(build_batch(RECORDS))
    header = read_header(batch)

    batch[position] ^= 0x40

    assert not crc_ok(batch, 0, header)


def test_a_batch_that_is_cut_off_has_no_valid_crc() -> None:
    batch = build_batch(RECORDS)

    assert not crc_ok(batch[:-1], 0, read_header(batch))


@pytest.mark.parametrize(
    ("position", "damage"),
    [(16, b"\x01"), (8, struct.pack(">i", 48)), (23, b"\xff"), (57, b"\xff")],
)
def test_nonsense_is_not_taken_for_a_header(position: int, damage: bytes) -> None:
    batch = bytearray(build_batch(RECORDS))
    batch[position : position + len(damage)] = damage

    with pytest.raises(KafkaError) as refusal:
        read_header(batch)

    assert refusal.value.code == ErrorCode.CORRUPT_MESSAGE


def test_a_header_needs_all_its_bytes() -> None:
    with pytest.raises(KafkaError):
        read_header(build_batch(RECORDS)[: HEADER_BYTES - 1])


def test_batches_end_to_end_are_walked_one_by_one() -> None:
    first, second = build_batch(RECORDS), build_batch(RECORDS[:1], base_offset=2)

    walked = [(position, header.base_offset) for position, header in iterate(first + second)]

    assert walked == [(0, 0), (len(first), 2)]


def test_walking_refuses_a_batch_that_is_cut_off() -> None:
    batch = build_batch(RECORDS)

    with pytest.raises(KafkaError):
        list(iterate(batch + batch[:-1]))


def test_a_batch_put_together_from_its_own_fields_is_the_same() -> None:
    batch = build_batch(RECORDS, base_offset=5, leader_epoch=1, producer_id=3, producer_epoch=1)

    assert assemble(fields_of(read_header(batch)), batch[HEADER_BYTES:]) == batch


def test_a_batch_needs_a_record() -> None:
    with pytest.raises(ValueError):
        build_batch([])
