"""Records of __consumer_offsets: what a group coordinator remembers, in Kafka's own format.

    key    int16 type | fields of the type, never flexible      value    int16 version | fields
Types: 0, 1 committed offset (always written as 1); 2 classic group; 3-8 and 16 KIP-848 consumer
group (consumer_records; 4 is of Kafka 4.0 only and ignored); 10-15 share group (share_records); 17
and 19-23 streams group (streams_records). A null value is a tombstone. Other types (formats of the
future) are ignored on load, as Kafka does.
Field names and versions: Kafka's `group-coordinator` message definitions, 4.2.
"""

import struct
from dataclasses import dataclass
from typing import Any, ClassVar

from broker.coordinator.group.consumer_records import CONSUMER_TYPES
from broker.coordinator.group.share_records import SHARE_TYPES
from broker.coordinator.group.streams_records import STREAMS_TYPES
from broker.protocol.codec import decode, encode_bytes
from broker.protocol.primitives import ProtocolError
from broker.protocol.schema import ARRAY, BYTES, INT32, INT64, STRING, UUID, wire

_TYPE = struct.Struct(">h")


@dataclass(frozen=True, slots=True)
class OffsetCommitKey:
    """A committed offset of one partition."""

    TYPE: ClassVar[int] = 1
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    group: str = wire(STRING)
    topic: str = wire(STRING)
    partition: int = wire(INT32)


@dataclass(slots=True)
class OffsetCommitValue:
    """`expire_timestamp` (ms) only in version 1; `topic_id` from Kafka 4.2 on."""

    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar[tuple[int, int]] = (0, 4)
    offset: int = wire(INT64)
    leader_epoch: int = wire(INT32, since=3, default=-1)
    metadata: str = wire(STRING)
    commit_timestamp: int = wire(INT64)
    expire_timestamp: int = wire(INT64, since=1, until=1, default=-1)
    topic_id: bytes = wire(UUID, since=4, tag=0, tag_since=4)


@dataclass(frozen=True, slots=True)
class GroupMetadataKey:
    """A classic group."""

    TYPE: ClassVar[int] = 2
    FLEXIBLE_SINCE: ClassVar[int | None] = None
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    group: str = wire(STRING)


@dataclass(slots=True)
class MemberMetadata:
    """A member of a classic group; timeouts in milliseconds, host as `/1.2.3.4`."""

    member_id: str = wire(STRING)
    group_instance_id: str | None = wire(STRING, since=3, nullable=3, default=None)
    client_id: str = wire(STRING)
    client_host: str = wire(STRING)
    rebalance_timeout: int = wire(INT32, since=1, default=-1)
    session_timeout: int = wire(INT32)
    subscription: bytes = wire(BYTES)
    assignment: bytes = wire(BYTES)


@dataclass(slots=True)
class GroupMetadataValue:
    """A classic group at one generation; `current_state_timestamp` in ms, -1: unknown."""

    FLEXIBLE_SINCE: ClassVar[int | None] = 4
    VERSIONS: ClassVar[tuple[int, int]] = (0, 4)
    protocol_type: str = wire(STRING)
    generation: int = wire(INT32)
    protocol: str | None = wire(STRING, nullable=0, default=None)
    leader: str | None = wire(STRING, nullable=0, default=None)
    current_state_timestamp: int = wire(INT64, since=2, default=-1)
    members: list[MemberMetadata] = wire(ARRAY(MemberMetadata))


@dataclass(frozen=True, slots=True)
class Record:
    """A key with its value, or with None: a tombstone."""

    key: Any
    value: Any


_TYPES: dict[int, tuple[type[Any], type[Any], int]] = {
    # type -> key, value, version of the value that we write
    0: (OffsetCommitKey, OffsetCommitValue, 3),
    1: (OffsetCommitKey, OffsetCommitValue, 3),
    2: (GroupMetadataKey, GroupMetadataValue, 3),
}
_TYPES.update(CONSUMER_TYPES)
_TYPES.update(SHARE_TYPES)
_TYPES.update(STREAMS_TYPES)
_WITH_EXPIRY = 1  # the only version of OffsetCommitValue that can say when the offset expires


def encode_record(record: Record) -> tuple[bytes, bytes | None]:
    """Key and value as they are appended."""
    key = _TYPE.pack(record.key.TYPE) + encode_bytes(record.key, 0)
    if record.value is None:
        return key, None
    version = _TYPES[record.key.TYPE][2]
    if isinstance(record.value, OffsetCommitValue) and record.value.expire_timestamp >= 0:
        version = _WITH_EXPIRY
    return key, _TYPE.pack(version) + encode_bytes(record.value, version)


def decode_record(key: bytes | None, value: bytes | None) -> Record | None:
    """The record, or None when it is of a type that this broker does not know.

    Raises ProtocolError when the bytes do not follow the format of their type.
    """
    if key is None or len(key) < _TYPE.size:
        raise ProtocolError("a record of __consumer_offsets without a type")
    known = _TYPES.get(_TYPE.unpack_from(key)[0])
    if known is None:
        return None
    key_type, value_type, _ = known
    decoded_key = decode(key_type, 0, key, _TYPE.size)
    if value is None:
        return Record(decoded_key, None)
    if len(value) < _TYPE.size:
        raise ProtocolError(f"a value without a version for {decoded_key}")
    return Record(decoded_key, decode(value_type, _TYPE.unpack_from(value)[0], value, _TYPE.size))
