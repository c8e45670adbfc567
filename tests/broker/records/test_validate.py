"""What a client may append: each rule with the code Kafka gives."""

import struct
from collections.abc import Callable

import pytest

from broker.errors import ErrorCode, KafkaError
from broker.records.batch import assemble, build_batch, fields_of, read_header
from broker.records.compression import Codec, compress
from broker.records.header import LOG_APPEND_TIME_BIT
from broker.records.record import Record, encode_record, encode_records
from broker.records.validate import ProduceLimits, RecordsRefused, validate_produce

NOW_MS = 1_000_000
LIMITS = ProduceLimits()
CORRUPT = ErrorCode.CORRUPT_MESSAGE
KEYED = [Record(0, NOW_MS, b"k", b"v"), Record(0, NOW_MS, b"k", None)]


def changed(**fields: int) -> bytes:
    """A sound batch but for these header fields; its CRC is right."""
    batch = build_batch(KEYED)
    return assemble(fields_of(read_header(batch))._replace(**fields), batch[61:])


def refusal_of(records: bytes | None, limits: ProduceLimits = LIMITS) -> ErrorCode:
    with pytest.raises(KafkaError) as refusal:
        validate_produce(
            None if records is None else memoryview(records), limits=limits, now_ms=NOW_MS
        )
    return refusal.value.code


def test_a_sound_batch_is_taken() -> None:
    batch = build_batch(KEYED, producer_id=1, producer_epoch=0, base_sequence=0)

    taken = validate_produce(memoryview(batch), limits=LIMITS, now_ms=NOW_MS)

    assert (taken.header, bytes(taken.batch)) == (read_header(batch), batch)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: None, ErrorCode.INVALID_RECORD),
        (lambda: b"", ErrorCode.INVALID_RECORD),
        (lambda: build_batch(KEYED) * 2, ErrorCode.INVALID_RECORD),
        (lambda: build_batch(KEYED)[:-1], ErrorCode.INVALID_RECORD),
        (lambda: build_batch(KEYED) + build_batch(KEYED)[:-1] + b"x", ErrorCode.INVALID_RECORD),
        (lambda: build_batch(KEYED) + bytes(12), ErrorCode.CORRUPT_MESSAGE),
        (lambda: build_batch(KEYED) + bytes(11) + b"\x0e" + bytes(4) + b"\3", CORRUPT),
        (lambda: bytes(17), ErrorCode.CORRUPT_MESSAGE),
        (lambda: build_batch(KEYED)[:61], ErrorCode.INVALID_RECORD),
        (lambda: build_batch(KEYED)[:30], ErrorCode.INVALID_RECORD),
        (lambda: build_batch(KEYED)[:1], ErrorCode.INVALID_RECORD),
        (lambda: build_batch(KEYED, base_offset=5), ErrorCode.INVALID_RECORD),
        (lambda: build_batch(KEYED, base_offset=5, codec=Codec.GZIP), ErrorCode.INVALID_RECORD),
        (lambda: build_batch(KEYED)[:-1] + b"x", ErrorCode.CORRUPT_MESSAGE),
        (lambda: build_batch(KEYED, control=True), ErrorCode.INVALID_RECORD),
        (lambda: changed(record_count=3), ErrorCode.INVALID_RECORD),
        (lambda: changed(record_count=0), ErrorCode.INVALID_RECORD),
        (lambda: changed(record_count=-1), ErrorCode.INVALID_RECORD),
        (lambda: changed(last_offset_delta=-1), ErrorCode.INVALID_RECORD),
        (lambda: changed(record_count=0, last_offset_delta=-1), ErrorCode.INVALID_RECORD),
        (lambda: changed(attributes=5), ErrorCode.UNKNOWN_SERVER_ERROR),
        (lambda: changed(attributes=7), ErrorCode.UNKNOWN_SERVER_ERROR),
        (lambda: changed(attributes=0x10), ErrorCode.INVALID_RECORD),
        (lambda: changed(producer_id=1, producer_epoch=0), ErrorCode.INVALID_RECORD),
    ],
)
def test_a_bad_batch_is_refused_with_kafkas_code(
    make: Callable[[], bytes | None], code: ErrorCode
) -> None:
    assert refusal_of(make()) == code


@pytest.mark.parametrize("magic", [0, 1])
def test_old_message_formats_are_refused(magic: int) -> None:
    message = struct.pack(">qiIbb", 0, 30, 0, magic, 0) + bytes(30)

    assert refusal_of(message) == ErrorCode.INVALID_RECORD


def test_the_size_limit_counts_the_whole_batch() -> None:
    batch = build_batch(KEYED)
    exact = ProduceLimits(max_message_bytes=len(batch))

    assert validate_produce(memoryview(batch), limits=exact, now_ms=NOW_MS)
    assert (
        refusal_of(batch, ProduceLimits(max_message_bytes=len(batch) - 1))
        == ErrorCode.MESSAGE_TOO_LARGE
    )


def test_timestamps_too_far_back_are_refused_when_the_topic_says_so() -> None:
    batch = build_batch([Record(0, NOW_MS - 101, b"k", b"v")])
    limits = ProduceLimits(message_timestamp_before_max_ms=100)

    assert refusal_of(batch, limits) == ErrorCode.INVALID_TIMESTAMP
    assert validate_produce(memoryview(batch), limits=LIMITS, now_ms=NOW_MS)


def test_with_log_append_time_the_clients_times_do_not_matter() -> None:
    batch = build_batch([Record(0, NOW_MS * 10, b"k", b"v")])

    assert refusal_of(batch) == ErrorCode.INVALID_TIMESTAMP
    assert validate_produce(
        memoryview(batch), limits=ProduceLimits(create_time=False), now_ms=NOW_MS
    )


def test_a_client_does_not_say_that_the_clock_was_the_brokers() -> None:
    limits = ProduceLimits(create_time=False)

    assert (
        refusal_of(changed(attributes=LOG_APPEND_TIME_BIT), limits) == ErrorCode.INVALID_TIMESTAMP
    )


@pytest.mark.parametrize("body", [b"", b"\xff" * 30, b"\0" * 30])
@pytest.mark.parametrize("codec", list(Codec))
def test_damaged_records_under_a_right_crc_are_not_to_be_sent_again(
    codec: Codec, body: bytes
) -> None:
    fields = fields_of(read_header(build_batch(KEYED)))._replace(attributes=codec)

    for damaged in (assemble(fields, body), assemble(fields, compress(codec, body))):
        assert refusal_of(damaged) == ErrorCode.INVALID_RECORD


@pytest.mark.parametrize("codec", list(Codec))
def test_a_compacted_topic_needs_a_key_in_every_record(codec: Codec) -> None:
    limits = ProduceLimits(keys_required=True)
    keyless = build_batch([*KEYED, Record(0, NOW_MS, None, b"v")], codec=codec)

    assert refusal_of(keyless, limits) == ErrorCode.INVALID_RECORD
    assert validate_produce(memoryview(keyless), limits=LIMITS, now_ms=NOW_MS)
    keyed = memoryview(build_batch(KEYED, codec=codec))
    assert validate_produce(keyed, limits=limits, now_ms=NOW_MS)


@pytest.mark.parametrize("codec", [Codec.NONE, Codec.ZSTD])
def test_it_is_told_which_records_of_a_batch_are_at_fault(codec: Codec) -> None:
    keyless = [*KEYED, Record(0, NOW_MS, None, b"v"), KEYED[0], Record(0, NOW_MS, None, b"v")]
    late = [KEYED[0], Record(0, NOW_MS * 10, b"k", b"v"), Record(0, -1, b"k", b"v")]

    with pytest.raises(RecordsRefused) as without_key:
        validate_produce(
            memoryview(build_batch(keyless, codec=codec)),
            limits=ProduceLimits(keys_required=True),
            now_ms=NOW_MS,
        )
    with pytest.raises(RecordsRefused) as out_of_time:
        validate_produce(memoryview(build_batch(late, codec=codec)), limits=LIMITS, now_ms=NOW_MS)

    assert [index for index, _ in without_key.value.records] == [2, 4]
    assert [index for index, _ in out_of_time.value.records] == [1]


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("count", [1, 3])
def test_a_header_with_another_count_than_there_are_records_is_refused(
    codec: Codec, count: int
) -> None:
    miscounted = fields_of(read_header(build_batch(KEYED)))._replace(
        attributes=codec, record_count=count, last_offset_delta=count - 1
    )

    batch = assemble(miscounted, compress(codec, encode_records(KEYED, NOW_MS)))

    assert refusal_of(batch) == ErrorCode.INVALID_RECORD


@pytest.mark.parametrize("codec", [Codec.NONE, Codec.LZ4])
def test_records_numbered_out_of_order_are_refused(codec: Codec) -> None:
    first, second = (encode_record(KEYED[0], 0, delta) for delta in (0, 1))
    fields = fields_of(read_header(build_batch(KEYED)))._replace(attributes=codec)

    assert refusal_of(assemble(fields, compress(codec, second + first))) == (
        ErrorCode.INVALID_RECORD
    )


@pytest.mark.parametrize("largest_ms", [-1, NOW_MS - 5, NOW_MS + 5, NOW_MS * 100])
def test_a_wrong_largest_timestamp_is_put_right(largest_ms: int) -> None:
    records = [Record(0, NOW_MS, b"k", b"v"), Record(1, NOW_MS + 2, b"k", b"v")]
    right = build_batch(records)
    fields = fields_of(read_header(right))

    taken = validate_produce(
        memoryview(assemble(fields._replace(max_timestamp=largest_ms), right[61:])),
        limits=LIMITS,
        now_ms=NOW_MS,
    )

    assert (taken.header, bytes(taken.batch)) == (read_header(right), right)


def test_the_clock_is_the_producers_where_the_topic_says_so_whatever_the_batch_says() -> None:
    plain = build_batch(KEYED)

    taken = validate_produce(
        memoryview(changed(attributes=LOG_APPEND_TIME_BIT)), limits=LIMITS, now_ms=NOW_MS
    )

    assert bytes(taken.batch) == plain


@pytest.mark.parametrize(
    "rest", [b"x", bytes(11), bytes(11) + b"\x0e", build_batch(KEYED)[:62], build_batch(KEYED)[:-1]]
)
def test_what_is_cut_off_behind_the_batch_is_dropped(rest: bytes) -> None:
    batch = build_batch(KEYED)

    taken = validate_produce(memoryview(batch + rest), limits=LIMITS, now_ms=NOW_MS)

    assert (taken.header, bytes(taken.batch)) == (read_header(batch), batch)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"attributes": 0x40}, id="a delete horizon"),
        pytest.param({"producer_id": 1, "base_sequence": 0}, id="sequences without an epoch"),
        pytest.param({"producer_epoch": 1}, id="an epoch without a producer"),
        pytest.param({"attributes": 0x180}, id="bits without a meaning"),
    ],
)
def test_what_kafka_takes_though_no_client_sends_it_is_taken(fields: dict[str, int]) -> None:
    batch = changed(**fields)

    taken = validate_produce(memoryview(batch), limits=LIMITS, now_ms=NOW_MS)

    assert (taken.header, bytes(taken.batch)) == (read_header(batch), batch)


def test_times_before_the_first_records_count() -> None:
    early = build_batch([KEYED[0], Record(0, NOW_MS - 101, b"k", b"v")])
    limits = ProduceLimits(message_timestamp_before_max_ms=100)

    with pytest.raises(RecordsRefused) as refused:
        validate_produce(memoryview(early), limits=limits, now_ms=NOW_MS)

    assert [index for index, _ in refused.value.records] == [1]
    assert validate_produce(memoryview(early), limits=LIMITS, now_ms=NOW_MS).batch == early
