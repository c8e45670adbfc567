"""Records of __consumer_offsets: what a group coordinator remembers, in Kafka's own format.

    key    int16 type | fields of the type, never flexible      value    int16 version | fields
Types: 0, 1 committed offset (offset_records); 2 classic group (classic); 3-8 and 16 KIP-848 group
(consumer; 4 is of Kafka 4.0 only and ignored); 10-15 share group (share); 17, 19-23 streams group
(streams). A null value is a tombstone. Other types (formats of the future) are ignored on load, as
Kafka does.
Field names and versions: Kafka's `group-coordinator` message definitions, 4.2.
"""

import struct
from typing import Any

from broker.coordinator.group.classic.records import CLASSIC_TYPES
from broker.coordinator.group.consumer.records import CONSUMER_TYPES
from broker.coordinator.group.offset_records import OFFSET_TYPES, OffsetCommitValue
from broker.coordinator.group.record_parts import Record
from broker.coordinator.group.share.records import SHARE_TYPES
from broker.coordinator.group.streams.records import STREAMS_TYPES
from broker.protocol.codec import decode, encode_bytes
from broker.protocol.primitives import ProtocolError

_TYPE = struct.Struct(">h")


_TYPES: dict[int, tuple[type[Any], type[Any], int]] = {
    **OFFSET_TYPES,
    **CLASSIC_TYPES,
    **CONSUMER_TYPES,
    **SHARE_TYPES,
    **STREAMS_TYPES,
}
"""type -> key, value, version of the value that we write"""
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
