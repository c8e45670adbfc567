"""Records of __share_group_state: what becomes of each record of a share partition (KIP-932).

    key    int16 type | group, topic id, partition        value    int16 version | fields
Type 0 is a whole state, type 1 changes to the last one. A null value is a tombstone. Field names:
Kafka's `share-coordinator` message definitions, 4.2.
"""

import re
import struct
from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.codec import decode, encode_bytes
from broker.protocol.primitives import ProtocolError, uuid_text
from broker.protocol.schema import ARRAY, INT8, INT16, INT32, INT64, STRING, UUID, wire

_TYPE = struct.Struct(">h")
UNCHANGED = -1
"""`start_offset` of an update that leaves it where it is."""
NOT_COUNTED = -1
"""`delivery_complete_count` before a member answered: how much of the log is done with."""


@dataclass(frozen=True, slots=True)
class ShareKey:
    """One partition as one share group reads it."""

    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    group_id: str = wire(STRING)
    topic_id: bytes = wire(UUID)
    partition: int = wire(INT32)

    def __str__(self) -> str:
        """The key that FindCoordinator is asked for."""
        return f"{self.group_id}:{uuid_text(self.topic_id)}:{self.partition}"


_KEY = re.compile(r"[^:]+:[A-Za-z0-9_-]{22}:[+-]?\d{1,10}")


def is_share_key(text: str) -> bool:
    """Whether FindCoordinator may be asked for it: a group, the id of a topic, a partition."""
    return _KEY.fullmatch(text) is not None


@dataclass(slots=True)
class StateBatch:
    """Records that share a fate; offsets inclusive."""

    first_offset: int = wire(INT64)
    last_offset: int = wire(INT64)
    delivery_state: int = wire(INT8)
    delivery_count: int = wire(INT16)


@dataclass(slots=True)
class ShareSnapshot:
    """A whole state; timestamps in ms."""

    TYPE: ClassVar[int] = 0
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    snapshot_epoch: int = wire(INT32)
    state_epoch: int = wire(INT32)
    leader_epoch: int = wire(INT32)
    start_offset: int = wire(INT64)
    create_timestamp: int = wire(INT64)
    write_timestamp: int = wire(INT64)
    state_batches: list[StateBatch] = wire(ARRAY(StateBatch))
    delivery_complete_count: int = wire(INT32, tag=0, default=NOT_COUNTED)


@dataclass(slots=True)
class ShareUpdate:
    """Changes since the snapshot of the same epoch."""

    TYPE: ClassVar[int] = 1
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    snapshot_epoch: int = wire(INT32)
    leader_epoch: int = wire(INT32)
    start_offset: int = wire(INT64)
    state_batches: list[StateBatch] = wire(ARRAY(StateBatch))
    delivery_complete_count: int = wire(INT32, tag=0, default=NOT_COUNTED)


Value = ShareSnapshot | ShareUpdate
_VALUES: dict[int, type[Value]] = {0: ShareSnapshot, 1: ShareUpdate}


def encode_record(key: ShareKey, value: Value) -> tuple[bytes, bytes]:
    """Key and value as they are appended."""
    return _key(key, value.TYPE), _TYPE.pack(0) + encode_bytes(value, 0)


def tombstones(key: ShareKey) -> list[tuple[bytes | None, bytes | None]]:
    """Records that forget the share partition."""
    return [(_key(key, kind), None) for kind in _VALUES]


def _key(key: ShareKey, kind: int) -> bytes:
    return _TYPE.pack(kind) + encode_bytes(key, 0)


def decode_record(
    key: bytes | None, value: bytes | None
) -> tuple[ShareKey, int, Value | None] | None:
    """(share partition, type, value), or None for a type that this broker does not know.

    Raises ProtocolError when the bytes do not follow the format of their type.
    """
    if key is None or len(key) < _TYPE.size:
        raise ProtocolError("a record of __share_group_state without a type")
    kind = _TYPE.unpack_from(key)[0]
    value_type = _VALUES.get(kind)
    if value_type is None:
        return None
    decoded_key = decode(ShareKey, 0, key, _TYPE.size)
    if value is None:
        return decoded_key, kind, None
    if len(value) < _TYPE.size:
        raise ProtocolError(f"a value without a version for {decoded_key}")
    return decoded_key, kind, decode(value_type, _TYPE.unpack_from(value)[0], value, _TYPE.size)
