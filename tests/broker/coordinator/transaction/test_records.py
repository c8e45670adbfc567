"""Records of __transaction_state against the layout that Apache Kafka publishes."""

import struct

from hypothesis import given
from hypothesis.strategies import builds, frozensets, integers, sampled_from, text, tuples

from broker.coordinator.transaction.records import (
    decode_key,
    decode_value,
    encode_key,
    encode_value,
    value_version,
)
from broker.coordinator.transaction.transaction import Producer, Transaction, TransactionState

INT64 = integers(-(2**63), 2**63 - 1)
NAMES = text("abcxyz._-", min_size=1, max_size=20)


def test_a_key_is_a_version_and_a_string() -> None:
    assert encode_key("shop") == struct.pack(">hh", 0, 4) + b"shop"


def test_keys_of_a_later_format_are_passed_over() -> None:
    assert decode_key(struct.pack(">hh", 7, 4) + b"shop") is None


def test_an_empty_transaction_is_stored_with_null_partitions() -> None:
    transaction = Transaction("shop", Producer(7, 0), 60_000, updated_at_ms=5)

    value = encode_value(transaction, 1)

    assert value == struct.pack(">hqhibBqqB", 1, 7, 0, 60_000, 0, 0, 5, -1, 0)


def test_without_transaction_version_there_are_no_tagged_fields() -> None:
    transaction = Transaction(
        "shop", Producer(7, 0), 60_000, previous_producer_id=6, client_version=2, updated_at_ms=5
    )

    value = encode_value(transaction, value_version(0))

    assert value == struct.pack(">hqhibiqq", 0, 7, 0, 60_000, 0, -1, 5, -1)
    assert decode_value("shop", value) == Transaction(
        "shop", Producer(7, 0), 60_000, updated_at_ms=5
    )
    assert [value_version(level) for level in (1, 2)] == [1, 1]


@given(
    builds(
        Transaction,
        transactional_id=NAMES,
        producer=builds(Producer, id=INT64, epoch=integers(0, 32767)),
        timeout_ms=integers(1, 2**31 - 1),
        state=sampled_from([s for s in TransactionState if s is not TransactionState.EMPTY]),
        partitions=frozensets(tuples(NAMES, integers(0, 1000)), max_size=5),
        previous_producer_id=INT64,
        next_producer_id=INT64,
        started_at_ms=INT64,
        updated_at_ms=INT64,
        client_version=sampled_from([0, 2]),
    )
)
def test_what_is_written_is_read_back(transaction: Transaction) -> None:
    key, value = encode_key(transaction.transactional_id), encode_value(transaction, 1)

    transactional_id = decode_key(key)

    assert transactional_id == transaction.transactional_id
    assert decode_value(transactional_id, value) == transaction
