"""Control batches: one record that ends a transaction (KIP-98).

Key: version i16 (0) | type i16 (0 abort, 1 commit).  Value: version i16 (0) | coordinator_epoch i32
"""

from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from broker.errors import ErrorCode, KafkaError
from broker.records.batch import build_batch
from broker.records.header import BatchHeader
from broker.records.record import Record, decode_records

_KEY = Struct(">hh")
_VALUE = Struct(">hi")
_VERSION = 0


class ControlType(IntEnum):
    """Types of control record that end a transaction; others belong to the metadata quorum."""

    ABORT = 0
    COMMIT = 1


class EndTransactionMarker(NamedTuple):
    """What a marker says; the producer stands in its batch header."""

    control_type: ControlType
    coordinator_epoch: int


def build_marker(
    marker: EndTransactionMarker, *, producer_id: int, producer_epoch: int, now_ms: int
) -> bytes:
    """The control batch that ends a producer's transaction in one partition."""
    record = Record(
        offset=0,
        timestamp_ms=now_ms,
        key=_KEY.pack(_VERSION, marker.control_type),
        value=_VALUE.pack(_VERSION, marker.coordinator_epoch),
    )
    return build_batch(
        [record],
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        transactional=True,
        control=True,
    )


def read_marker(
    header: BatchHeader, batch: bytes | bytearray | memoryview
) -> EndTransactionMarker | None:
    """The marker in a whole control batch; None for control records of another type.

    CORRUPT_MESSAGE when the batch does not hold a control record at all.
    """
    records = decode_records(header, batch)
    if not records:
        return None  # compaction emptied the batch
    key, value = records[0].key, records[0].value
    if key is None or len(key) < _KEY.size:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"control record with key {key!r}")
    _, control_type = _KEY.unpack_from(key)
    if control_type not in (ControlType.ABORT, ControlType.COMMIT):
        return None
    if value is None or len(value) < _VALUE.size:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"marker with value {value!r}")
    _, coordinator_epoch = _VALUE.unpack_from(value)
    return EndTransactionMarker(ControlType(control_type), coordinator_epoch)
