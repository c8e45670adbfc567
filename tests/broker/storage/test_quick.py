"""What the event loop may append itself: the same as any append, never anything that rolls, syncs,
packs or unpacks."""

import random
from collections.abc import Callable, Sequence
from struct import Struct

import pytest
from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import KafkaError
from broker.records.batch import CRC_START, HEADER_BYTES, build_batch
from broker.records.compression import Codec
from broker.records.control import ControlType, EndTransactionMarker, build_marker
from broker.records.record import Record
from broker.storage.append import AppendRequest, Origin
from broker.storage.appender import append_many
from broker.storage.log import AppendInfo, Log, LogConfig
from broker.storage.quick import QUICK_BYTES_MAX, QUICK_UNPACKED_BYTES_MAX, take_in, write_quickly
from tests.support.batches import DIRECTORY, NOW_MS, append, batch, open_log, read_values
from tests.support.memory_files import MemoryFiles

HOUR_MS = 3_600_000
CRC = Struct(">I")


def request(
    records: memoryview, *, origin: Origin = Origin.CLIENT, now_ms: int = NOW_MS
) -> AppendRequest:
    return AppendRequest(records, 0, now_ms, origin)


def begun(config: LogConfig | None = None) -> Log:
    """A log with a first batch."""
    log = open_log(MemoryFiles(), config)
    append(log, batch(b"first"))
    return log


def append_quickly(log: Log, requests: Sequence[AppendRequest]) -> Sequence[AppendInfo] | None:
    """What is answered; None when nothing was done."""
    staged = write_quickly(log, requests)
    if staged is None:
        return None
    take_in(log, staged, NOW_MS)
    return staged[0]


def is_quick(log: Log, *requests: AppendRequest) -> bool:
    """Whether the log takes them quickly; if not, nothing has changed."""
    before = log.end_offset, log.size_bytes, dict(log.producer_state.entries)
    taken = append_quickly(log, requests) is not None
    after = log.end_offset, log.size_bytes, dict(log.producer_state.entries)
    assert taken or before == after
    return taken


def test_small_batches_for_a_plain_log_are_quick() -> None:
    log = begun()

    infos = append_quickly(log, [request(batch(b"x", b"y")), request(batch(b"z"))])

    assert infos == [
        AppendInfo(1, 2, -1, 0, False, len(batch(b"x", b"y"))),
        AppendInfo(3, 3, -1, 0, False, len(batch(b"z"))),
    ]
    assert read_values(log) == [b"first", b"x", b"y", b"z"]
    assert log.end_offset == 4


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(LogConfig(message_timestamp_type="LogAppendTime"), id="a clock of its own"),
        pytest.param(LogConfig(compression_type="gzip"), id="a codec of its own"),
    ],
)
def test_what_the_broker_changes_is_not(config: LogConfig) -> None:
    assert not is_quick(begun(config), request(batch(b"x")))


def test_batches_that_unpack_to_much_are_not() -> None:
    much = batch(bytes(QUICK_UNPACKED_BYTES_MAX), codec=Codec.ZSTD)

    assert len(much) < QUICK_BYTES_MAX
    assert not is_quick(begun(), request(much))
    assert append_many(begun(), [request(much)])[0] == AppendInfo(1, 1, -1, 0, False, len(much))


def test_in_compacted_topics_records_with_keys_are() -> None:
    log = open_log(MemoryFiles(), LogConfig(cleanup_policy=frozenset({"compact"})))
    keyed = memoryview(build_batch([Record(0, NOW_MS, b"k", b"v")]))
    append(log, keyed)

    assert is_quick(log, request(keyed))


def test_records_of_our_own_coordinators_need_no_look_for_keys() -> None:
    log = open_log(MemoryFiles(), LogConfig(cleanup_policy=frozenset({"compact"})))
    append_many(log, [request(batch(b"x"), origin=Origin.COORDINATOR)])

    assert not is_quick(log, request(batch(b"x")))
    assert is_quick(log, request(batch(b"x"), origin=Origin.COORDINATOR))


@pytest.mark.parametrize("origin", [Origin.CLIENT, Origin.COORDINATOR])
def test_the_end_of_a_transaction_is_not_quick(origin: Origin) -> None:
    end = EndTransactionMarker(ControlType.ABORT, 0)
    marker = build_marker(end, producer_id=7, producer_epoch=0, now_ms=NOW_MS)

    assert not is_quick(begun(), request(memoryview(marker), origin=origin))


@pytest.mark.parametrize("size", [0, 60, QUICK_BYTES_MAX + 1])
def test_what_is_no_small_batch_is_not_quick(size: int) -> None:
    assert not is_quick(begun(), request(memoryview(bytes(size))))


def test_an_empty_segment_or_a_new_leader_epoch_is_not_quick() -> None:
    assert not is_quick(open_log(MemoryFiles()), request(batch(b"x")))
    assert not is_quick(begun(), AppendRequest(batch(b"x"), 1, NOW_MS))


def test_what_would_roll_the_segment_is_not_quick() -> None:
    size = len(batch(b"x"))
    full = open_log(MemoryFiles(), LogConfig(segment_bytes=3 * size))
    old = open_log(MemoryFiles(), LogConfig(segment_ms=HOUR_MS))
    indexed = open_log(MemoryFiles(), LogConfig(segment_index_bytes=16, index_interval_bytes=0))
    for log in (full, old, indexed):
        append(log, batch(b"x"))
        append(log, batch(b"x"))

    later = batch(b"x", timestamp_ms=NOW_MS + HOUR_MS)

    assert not is_quick(full, request(batch(b"x")), request(batch(b"x")))
    assert is_quick(full, request(batch(b"x")))
    assert not is_quick(old, request(later))
    assert is_quick(old, request(batch(b"x")))
    assert is_quick(indexed, request(batch(b"x")))
    assert not is_quick(indexed, request(batch(b"x")))


def test_a_full_disk_leaves_the_producers_as_they_were() -> None:
    files = MemoryFiles()
    log = open_log(files)
    append(log, batch(b"first", producer=(7, 0), sequence=0))
    files.bytes_left = 10

    assert not is_quick(log, request(batch(b"x", producer=(7, 0), sequence=1)))

    files.bytes_left = 1 << 30
    assert is_quick(log, request(batch(b"x", producer=(7, 0), sequence=1)))
    assert read_values(log) == [b"first", b"x"]


def damaged(position: int, bit: int) -> Callable[[memoryview], memoryview]:
    def damage(records: memoryview) -> memoryview:
        changed = bytearray(records)
        changed[position] ^= 1 << bit
        return memoryview(changed)

    return damage


def unsound(place: int, bit: int) -> Callable[[memoryview], memoryview]:
    """Damage under a right CRC: it was there before the producer sent the batch."""

    def damage(records: memoryview) -> memoryview:
        changed = bytearray(records)
        changed[CRC_START + place % (len(changed) - CRC_START)] ^= 1 << bit
        CRC.pack_into(changed, CRC_START - CRC.size, crc32c(changed[CRC_START:]))
        return memoryview(changed)

    return damage


def as_it_is(records: memoryview) -> memoryview:
    return records


batches = st.builds(
    lambda value, producer, sequence, codec, transactional, ago_ms, damage: damage(
        batch(
            value,
            producer=(producer, 0 if producer >= 0 else -1),
            sequence=sequence if producer >= 0 else -1,
            codec=codec,
            transactional=transactional and producer >= 0,
            timestamp_ms=NOW_MS - ago_ms,
        )
    ),
    st.binary(max_size=20),
    st.sampled_from([-1, -1, 1, 2]),
    st.integers(0, 3),
    st.integers(0, 4),
    st.booleans(),
    st.sampled_from([0, 1, -HOUR_MS, -HOUR_MS - 1, 3 * HOUR_MS, NOW_MS + 1]),
    st.one_of(
        st.just(as_it_is),
        st.just(as_it_is),
        st.builds(damaged, st.integers(0, HEADER_BYTES - 1), st.integers(0, 7)),
        st.builds(unsound, st.integers(0, 200), st.integers(0, 7)),
    ),
)


@given(st.lists(st.lists(batches, min_size=1, max_size=4), max_size=6))
def test_it_answers_and_stores_what_any_append_does(groups: list[list[memoryview]]) -> None:
    config = LogConfig(index_interval_bytes=200, segment_bytes=2000)
    quick_files, plain_files = MemoryFiles(), MemoryFiles()
    quick, plain = open_log(quick_files, config), open_log(plain_files, config)

    for group in groups:
        requests = [request(records) for records in group]
        found = append_quickly(quick, requests)
        answers = append_many(quick, requests) if found is None else found
        expected = append_many(plain, requests)

        assert [told(answer) for answer in answers] == [told(answer) for answer in expected]
    for log in (quick, plain):
        log.close()
    names = plain_files.list_directory(DIRECTORY)
    assert quick_files.list_directory(DIRECTORY) == names
    for name in names:
        path = f"{DIRECTORY}/{name}"
        assert content(quick_files, path) == content(plain_files, path), name


def told(answer: AppendInfo | KafkaError) -> object:
    return answer.code if isinstance(answer, KafkaError) else answer


def content(files: MemoryFiles, path: str) -> bytes:
    file = files.open(path)
    return bytes(file.read(0, file.size))


def test_most_of_what_clients_send_is_quick() -> None:
    log, chance = begun(), random.Random(1)

    for number in range(50):
        size = chance.randrange(1, 4000)
        assert is_quick(log, request(batch(bytes(size), codec=chance.randrange(5))))
        assert is_quick(log, request(batch(b"x", producer=(9, 0), sequence=number)))
