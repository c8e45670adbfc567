"""Keys and values of Kafka's internal topics as people read them.

Layouts as Apache Kafka documents them in its message schemas (OffsetCommitKey/Value,
GroupMetadataKey/Value, TransactionLogKey/Value, ShareSnapshotKey/Value, ShareUpdateKey/Value; of
newer groups see `group_records`); all numbers big-endian, strings with an int16 length, -1 for
none. A version or byte that is not known gives None, and the record is shown raw.

    key    version int16 | what it is about
    value  version int16 | fields
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from dashboard.decoders import group_records
from dashboard.decoders.kafka_bytes import UUID_BYTES, KafkaBytes, NotKnown

Shown = Mapping[str, Any] | None

_TRANSACTION_STATES: Final = (
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
)
_SHARE_KINDS: Final = ("share snapshot", "share update")  # by the version of the key
_DELIVERY_STATES: Final = ("Available", "Acquired", "Acknowledged", "Archiving", "Archived")


def _offsets_key(data: KafkaBytes) -> Shown:
    version = data.int16()
    if version in (0, 1):
        return {
            "kind": "offset commit",
            "group": data.text(),
            "topic": data.text(),
            "partition": data.int32(),
        }
    if version == 2:
        return {"kind": "group", "group": data.text()}
    return group_records.key(version, data)


def _offset_value(data: KafkaBytes) -> Shown:
    """Version 4, of Kafka 4.2, has a compact text and may have the id of the topic."""
    version = data.int16()
    if not 0 <= version <= 4:
        return None
    shown: dict[str, Any] = {"version": version, "offset": data.int64()}
    if version >= 3:
        shown["leader_epoch"] = data.int32()
    shown["metadata"] = data.compact_text() if version == 4 else data.text()
    shown["commit_timestamp_ms"] = data.int64()
    if version == 1:
        shown["expire_timestamp_ms"] = data.int64()
    if version == 4:
        _topic_id(data, shown)
    return shown


def _topic_id(data: KafkaBytes, shown: dict[str, Any]) -> None:
    """The one tagged field that there is, in Kafka's letters for an id."""
    for _ in data.count(data.uvarint()):
        if (data.uvarint(), data.uvarint()) != (0, UUID_BYTES):
            raise NotKnown
        shown["topic_id"] = data.uuid()


def _group_value(data: KafkaBytes) -> Shown:
    version = data.int16()
    if not 0 <= version <= 3:
        return None
    shown: dict[str, Any] = {
        "version": version,
        "protocol_type": data.text(),
        "generation": data.int32(),
        "protocol": data.text(),
        "leader": data.text(),
    }
    if version >= 2:
        shown["state_timestamp_ms"] = data.int64()
    shown["members"] = [_member(data, version) for _ in data.count(data.int32())]
    return shown


def _member(data: KafkaBytes, version: int) -> dict[str, Any]:
    member: dict[str, Any] = {"member_id": data.text()}
    if version >= 3:
        member["group_instance_id"] = data.text()
    member["client_id"] = data.text()
    member["client_host"] = data.text()
    if version >= 1:
        member["rebalance_timeout_ms"] = data.int32()
    member["session_timeout_ms"] = data.int32()
    for field in ("subscription_bytes", "assignment_bytes"):
        length = data.int32()
        member[field] = length
        for _ in data.count(max(0, length)):
            data.int8()
    return member


def _transaction_key(data: KafkaBytes) -> Shown:
    return {"transactional_id": data.text()} if data.int16() == 0 else None


def _transaction_value(data: KafkaBytes) -> Shown:
    """Version 0 is plain; version 1 (KIP-890) has compact texts and tagged fields."""
    version = data.int16()
    if version not in (0, 1):
        return None
    shown: dict[str, Any] = {
        "version": version,
        "producer_id": data.int64(),
        "producer_epoch": data.int16(),
        "timeout_ms": data.int32(),
    }
    state = data.int8()
    if not 0 <= state < len(_TRANSACTION_STATES):
        return None
    shown["state"] = _TRANSACTION_STATES[state]
    shown["partitions"] = _transaction_topics(data, compact=version == 1)
    shown["updated_ms"] = data.int64()
    shown["started_ms"] = data.int64()
    return shown


def _transaction_topics(data: KafkaBytes, *, compact: bool) -> dict[str, list[int]] | None:
    length = data.uvarint() - 1 if compact else data.int32()
    if length == -1:
        return None
    topics: dict[str, list[int]] = {}
    for _ in data.count(length):
        name = (data.compact_text() if compact else data.text()) or ""
        parts = data.uvarint() - 1 if compact else data.int32()
        topics[name] = [data.int32() for _ in data.count(parts)]
        if compact and data.uvarint():
            raise NotKnown  # a tagged field that Kafka does not have today
    return topics


def _share_key(data: KafkaBytes) -> Shown:
    kind = data.int16()
    if not 0 <= kind < len(_SHARE_KINDS):
        return None
    return {
        "kind": _SHARE_KINDS[kind],
        "group": data.text(),
        "topic_id": data.uuid(),
        "partition": data.int32(),
    }


def _share_snapshot(data: KafkaBytes) -> Shown:
    """A whole state of a share partition."""
    if data.int16() != 0:
        return None
    shown: dict[str, Any] = {
        "version": 0,
        "snapshot_epoch": data.int32(),
        "state_epoch": data.int32(),
        "leader_epoch": data.int32(),
        "start_offset": data.int64(),
        "created_ms": data.int64(),
        "written_ms": data.int64(),
    }
    return _share_batches(data, shown)


def _share_update(data: KafkaBytes) -> Shown:
    """Changes since the snapshot; a start offset of -1 leaves it where it is."""
    if data.int16() != 0:
        return None
    shown: dict[str, Any] = {
        "version": 0,
        "snapshot_epoch": data.int32(),
        "leader_epoch": data.int32(),
        "start_offset": data.int64(),
    }
    return _share_batches(data, shown)


def _share_batches(data: KafkaBytes, shown: dict[str, Any]) -> Shown:
    """What both kinds of values end with: batches, and a tagged count of records done with."""
    shown["state_batches"] = [_share_batch(data) for _ in data.count(data.uvarint() - 1)]
    for _ in data.count(data.uvarint()):
        if (data.uvarint(), data.uvarint()) != (0, 4):
            raise NotKnown  # a tagged field that Kafka does not have today
        shown["delivery_complete_count"] = data.int32()
    return shown


def _share_batch(data: KafkaBytes) -> dict[str, Any]:
    first, last, state = data.int64(), data.int64(), data.int8()
    batch = {
        "first_offset": first,
        "last_offset": last,
        "delivery_state": _DELIVERY_STATES[state] if 0 <= state < len(_DELIVERY_STATES) else state,
        "delivery_count": data.int16(),
    }
    if data.uvarint():
        raise NotKnown  # likewise
    return batch


def _share_state(key: bytes | None, value: bytes | None) -> tuple[Shown, Shown]:
    shown = _try(_share_key, key)
    if shown is None:
        return None, None
    reader = _share_snapshot if shown["kind"] == _SHARE_KINDS[0] else _share_update
    return shown, _try(reader, value)


def decode(topic: str, key: bytes | None, value: bytes | None) -> tuple[Shown, Shown]:
    """Key and value as fields; None for what is not understood, or is not there."""
    if topic == "__transaction_state":
        return _try(_transaction_key, key), _try(_transaction_value, value)
    if topic == "__share_group_state":
        return _share_state(key, value)
    if topic != "__consumer_offsets":
        return None, None
    shown = _try(_offsets_key, key)
    if shown is None or key is None:
        return None, None
    kind = int.from_bytes(key[:2], "big")
    return shown, _try(_OFFSETS_VALUES.get(kind) or group_records.value_of(kind), value)


_OFFSETS_VALUES: Final = {0: _offset_value, 1: _offset_value, 2: _group_value}
"""By the version of the key; those of newer groups are elsewhere."""


def _try(reader: Callable[[KafkaBytes], Shown], part: bytes | None) -> Shown:
    if part is None:
        return None
    try:
        return reader(KafkaBytes(part))
    except NotKnown:
        return None
