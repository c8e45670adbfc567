"""The transactions of one shard: what records make of them, and who may end them."""

import pytest

from broker.coordinator.shard import Source
from broker.coordinator.transaction.records import encode_key, encode_value
from broker.coordinator.transaction.table import TransactionTable
from broker.coordinator.transaction.transaction import Producer, Transaction
from broker.errors import ErrorCode, KafkaError

FROM_LOG = Source(offset=0, timestamp_ms=0, producer_id=-1)
SHOP = Transaction("shop", Producer(7, 3), 60_000, updated_at_ms=5)


def test_the_last_record_of_an_id_is_what_it_is() -> None:
    table = TransactionTable(lambda: 1)

    table.replay(encode_key("shop"), encode_value(SHOP, 1), FROM_LOG)

    assert table.get("shop") == SHOP


def test_a_tombstone_forgets_an_id() -> None:
    table = TransactionTable(lambda: 1)
    table.replay(encode_key("shop"), encode_value(SHOP, 1), FROM_LOG)

    table.replay(encode_key("shop"), None, FROM_LOG)

    assert table.get("shop") is None
    assert table.all() == ()


def test_a_record_of_a_later_format_is_passed_over() -> None:
    table = TransactionTable(lambda: 1)

    table.replay(b"\x00\x63later", b"\x00\x00", FROM_LOG)

    assert table.all() == ()


def test_only_one_may_end_a_transaction_at_a_time() -> None:
    table = TransactionTable(lambda: 1)

    with (
        table.sole_end_of("shop"),
        pytest.raises(KafkaError) as refusal,
        table.sole_end_of("shop"),
    ):
        pass

    assert refusal.value.code is ErrorCode.CONCURRENT_TRANSACTIONS
    assert table.ending == set()
