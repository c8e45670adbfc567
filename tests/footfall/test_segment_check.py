"""Damage in a segment file is found where it lies."""

import struct
from pathlib import Path

import pytest
from crc32c import crc32c

from footfall.segment_check import Damage, check_segments

BATCH_BYTES = 61 + 10


def batch(base_offset: int) -> bytes:
    """An empty-looking batch as the format has it: what follows the CRC is not looked into."""
    checked = bytes(40) + b"0123456789"
    return struct.pack(">qiibI", base_offset, 9 + len(checked), 0, 2, crc32c(checked)) + checked


def segment(directory: Path, data: bytes) -> Path:
    path = directory / "events-0" / "00000000000000000000.log"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return path


def test_whole_batches_are_counted(tmp_path: Path) -> None:
    segment(tmp_path, batch(0) + batch(1) + batch(2))

    checked = check_segments(tmp_path)

    assert (checked.files, checked.batches, checked.damages) == (1, 3, ())


@pytest.mark.parametrize("kept", [1, 20, 21, 60, BATCH_BYTES - 1])
def test_half_a_batch_at_the_end_is_a_torn_tail(tmp_path: Path, kept: int) -> None:
    path = segment(tmp_path, batch(0) + batch(1)[:kept])

    (damage,) = check_segments(tmp_path).damages

    assert (damage.path, damage.position, damage.torn_tail) == (path, BATCH_BYTES, True)


def test_a_flipped_bit_is_found_at_its_batch(tmp_path: Path) -> None:
    data = bytearray(batch(0) + batch(1) + batch(2))
    data[BATCH_BYTES + 65] ^= 1
    path = segment(tmp_path, bytes(data))

    checked = check_segments(tmp_path)

    assert checked.damages == (Damage(path, BATCH_BYTES, "wrong CRC at offset 1", False),)


@pytest.mark.parametrize("bad", [bytes(80), batch(0) + batch(0), b"\xff" * 80])
def test_bytes_that_are_no_batch_are_damage(tmp_path: Path, bad: bytes) -> None:
    segment(tmp_path, bad)

    (damage,) = check_segments(tmp_path).damages

    assert not damage.torn_tail
    assert "not a batch header" in damage.reason


def test_no_directory_means_no_damage(tmp_path: Path) -> None:
    assert check_segments(tmp_path / "absent").files == 0
