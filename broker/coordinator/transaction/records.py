"""Records of `__transaction_state`, byte for byte in Apache Kafka's format.

Key:   version i16 (0) | transactional_id string
Value: version i16 (0 or 1, by the level of transaction.version) | the fields of `StateValue`
A null value is a tombstone: the transactional id expired. Unknown key versions are of a later
Kafka and are passed over.
"""

import struct
from dataclasses import dataclass
from typing import ClassVar

from broker.coordinator.transaction.transaction import (
    Producer,
    TopicPartition,
    Transaction,
    TransactionState,
)
from broker.protocol.codec import decode, encode_bytes
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, INT64, STRING, wire

_VERSION = struct.Struct(">h")
_KEY_VERSION = 0


@dataclass(slots=True)
class StateKey:
    """Whose state the value is."""

    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    transactional_id: str = wire(STRING)


@dataclass(slots=True)
class StatePartitions:
    """Partitions of one topic in the transaction."""

    topic: str = wire(STRING)
    partition_ids: list[int] = wire(ARRAY(INT32))


@dataclass(slots=True)
class StateValue:
    """A transaction; `transaction_partitions` is null while it is Empty."""

    FLEXIBLE_SINCE: ClassVar[int | None] = 1
    VERSIONS: ClassVar[tuple[int, int]] = (0, 1)
    producer_id: int = wire(INT64)
    previous_producer_id: int = wire(INT64, since=1, tag=0, tag_since=1, default=-1)
    next_producer_id: int = wire(INT64, since=1, tag=1, tag_since=1, default=-1)
    producer_epoch: int = wire(INT16)
    transaction_timeout_ms: int = wire(INT32)
    transaction_status: int = wire(INT8)
    transaction_partitions: list[StatePartitions] | None = wire(ARRAY(StatePartitions), nullable=0)
    transaction_last_update_timestamp_ms: int = wire(INT64)
    transaction_start_timestamp_ms: int = wire(INT64)
    client_transaction_version: int = wire(INT16, since=1, tag=2, tag_since=1)


def encode_key(transactional_id: str) -> bytes:
    """The key of a transactional id's records."""
    return _VERSION.pack(_KEY_VERSION) + encode_bytes(StateKey(transactional_id), _KEY_VERSION)


def decode_key(key: bytes) -> str | None:
    """The transactional id of a key; None for a key version that is not ours to read."""
    (version,) = _VERSION.unpack_from(key)
    if version != _KEY_VERSION:
        return None
    return decode(StateKey, _KEY_VERSION, key, _VERSION.size).transactional_id


def value_version(level: int) -> int:
    """Of values at a level of transaction.version: 1 has tagged fields (KIP-890)."""
    return 0 if level == 0 else 1


def encode_value(transaction: Transaction, version: int) -> bytes:
    """`transaction` as a value."""
    empty = transaction.state is TransactionState.EMPTY
    value = StateValue(
        producer_id=transaction.producer.id,
        previous_producer_id=transaction.previous_producer_id,
        next_producer_id=transaction.next_producer_id,
        producer_epoch=transaction.producer.epoch,
        transaction_timeout_ms=transaction.timeout_ms,
        transaction_status=transaction.state,
        transaction_partitions=None if empty else _by_topic(transaction.partitions),
        transaction_last_update_timestamp_ms=transaction.updated_at_ms,
        transaction_start_timestamp_ms=transaction.started_at_ms,
        client_transaction_version=transaction.client_version,
    )
    return _VERSION.pack(version) + encode_bytes(value, version)


def decode_value(transactional_id: str, value: bytes) -> Transaction:
    """The transaction in a value; ProtocolError when it is not one."""
    (version,) = _VERSION.unpack_from(value)
    state = decode(StateValue, version, value, _VERSION.size)
    partitions = frozenset(
        (entry.topic, index)
        for entry in state.transaction_partitions or ()
        for index in entry.partition_ids
    )
    return Transaction(
        transactional_id=transactional_id,
        producer=Producer(state.producer_id, state.producer_epoch),
        timeout_ms=state.transaction_timeout_ms,
        state=TransactionState(state.transaction_status),
        partitions=partitions,
        previous_producer_id=state.previous_producer_id,
        next_producer_id=state.next_producer_id,
        started_at_ms=state.transaction_start_timestamp_ms,
        updated_at_ms=state.transaction_last_update_timestamp_ms,
        client_version=state.client_transaction_version,
    )


def _by_topic(partitions: frozenset[TopicPartition]) -> list[StatePartitions]:
    topics: dict[str, list[int]] = {}
    for topic, index in sorted(partitions):
        topics.setdefault(topic, []).append(index)
    return [StatePartitions(topic, indexes) for topic, indexes in topics.items()]
