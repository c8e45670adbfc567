"""Codecs: in the clients' framings, and never more memory than allowed."""

import struct
import tracemalloc

import cramjam
import pytest
import snappy
import zstandard
from hypothesis import given
from hypothesis.strategies import binary, sampled_from

from broker.errors import ErrorCode, KafkaError
from broker.records.compression import Codec, compress, decompress

PACKED = [Codec.GZIP, Codec.SNAPPY, Codec.LZ4, Codec.ZSTD]


@given(codec=sampled_from(list(Codec)), data=binary(max_size=100_000))
def test_data_comes_back(codec: Codec, data: bytes) -> None:
    assert decompress(codec, compress(codec, data)) == data


@pytest.mark.parametrize("codec", PACKED)
def test_exactly_the_limit_is_unpacked(codec: Codec) -> None:
    data = bytes(100_000)

    assert decompress(codec, compress(codec, data), len(data)) == data


@pytest.mark.parametrize("codec", list(Codec))
def test_a_bomb_is_refused(codec: Codec) -> None:
    bomb = compress(codec, bytes(10_000_000))

    with pytest.raises(KafkaError) as refusal:
        decompress(codec, bomb, 1_000_000)

    assert refusal.value.code == ErrorCode.CORRUPT_MESSAGE


@pytest.mark.parametrize("codec", PACKED)
def test_data_that_is_cut_off_is_refused(codec: Codec) -> None:
    packed = compress(codec, bytes(range(256)) * 40)

    with pytest.raises(KafkaError):
        decompress(codec, packed[: len(packed) - 9])


@given(codec=sampled_from(PACKED), data=binary(min_size=1, max_size=200))
def test_garbage_is_refused_or_unpacked_but_never_crashes(codec: Codec, data: bytes) -> None:
    try:
        unpacked = decompress(codec, data, 10_000)
    except KafkaError:
        return

    assert len(unpacked) <= 10_000


def test_raw_snappy_is_taken_as_well_as_framed() -> None:
    data = b"footfall " * 10_000

    assert decompress(Codec.SNAPPY, snappy.compress(data)) == data


def test_snappy_that_promises_too_much_is_refused_before_it_is_made() -> None:
    promise = b"\xff\xff\xff\xff\x0f" + b"\x00"

    with pytest.raises(KafkaError, match="promises 4294967295 bytes"):
        decompress(Codec.SNAPPY, promise)


def test_a_xerial_block_that_passes_the_end_is_refused() -> None:
    framed = b"\x82SNAPPY\x00" + struct.pack(">iii", 1, 1, 1_000)

    with pytest.raises(KafkaError, match="block of 1000 bytes"):
        decompress(Codec.SNAPPY, framed)


def test_zstandard_frames_without_a_content_size_are_taken() -> None:
    packer = zstandard.ZstdCompressor().compressobj()
    packed = packer.compress(bytes(300_000)) + packer.flush()

    assert decompress(Codec.ZSTD, packed) == bytes(300_000)


def test_several_members_of_gzip_are_one_text() -> None:
    packed = bytes(cramjam.gzip.compress(b"first ")) + bytes(cramjam.gzip.compress(b"second"))

    assert decompress(Codec.GZIP, packed) == b"first second"


def test_lz4_that_unpacks_to_many_times_its_size_comes_back_from_several_frames() -> None:
    first, second = bytes(700_000), b"footfall " * 100_000
    packed = bytes(compress(Codec.LZ4, first)) + bytes(compress(Codec.LZ4, second))

    assert decompress(Codec.LZ4, memoryview(packed)) == first + second


def test_lz4_takes_memory_by_what_it_unpacks_not_by_what_is_allowed() -> None:
    packed = compress(Codec.LZ4, b"footfall " * 1_000)

    tracemalloc.start()
    try:
        decompress(Codec.LZ4, packed, 50_000_000)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 1_000_000


def test_a_codec_that_does_not_exist_is_refused() -> None:
    with pytest.raises(KafkaError, match="codec 5 does not exist"):
        decompress(5, b"")


@pytest.mark.parametrize(
    ("codec", "low", "high"), [(Codec.GZIP, 1, 9), (Codec.LZ4, 9, 12), (Codec.ZSTD, -50, 19)]
)
def test_more_effort_packs_better(codec: Codec, low: int, high: int) -> None:
    data = b"".join(b"%d %d;" % (number * number % 9973, number) for number in range(5000))

    little, much = compress(codec, data, low), compress(codec, data, high)

    assert len(much) < len(little)
    assert decompress(codec, much) == decompress(codec, little) == data
