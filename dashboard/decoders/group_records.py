"""Records of KIP-848, share and streams groups in __consumer_offsets, by their fields.

Names and order as in Apache Kafka 4.2's message schemas of the group coordinator. Keys are plain;
values are of version 0 and flexible: compact texts and arrays, tagged fields at the end of each
struct, of which those that are not known are passed over, as Kafka does.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from dashboard.decoders.kafka_bytes import KafkaBytes, NotKnown

Reader = Callable[[KafkaBytes], Any]
Field = tuple[str, Reader]

INT8: Final = KafkaBytes.int8
INT16: Final = KafkaBytes.int16
INT32: Final = KafkaBytes.int32
INT64: Final = KafkaBytes.int64
TEXT: Final = KafkaBytes.compact_text
UUID: Final = KafkaBytes.uuid


def uint16(data: KafkaBytes) -> int:
    return data.number(">H")


def bytes_count(data: KafkaBytes) -> int:
    """How many there are: what is in them is the client's own."""
    return len(data.take(data.uvarint() - 1))


def array(item: Reader) -> Reader:
    """Compact; null is None."""

    def read(data: KafkaBytes) -> list[Any] | None:
        length = data.uvarint() - 1
        return None if length == -1 else [item(data) for _ in data.count(length)]

    return read


def struct(*fields: Field, tagged: Mapping[int, Field] | None = None) -> Reader:
    """`tagged`: by tag, only shown where they are written."""

    def read(data: KafkaBytes) -> dict[str, Any]:
        shown = {name: reader(data) for name, reader in fields}
        for _ in data.count(data.uvarint()):
            tag, part = data.uvarint(), KafkaBytes(data.take(data.uvarint()))
            if tagged and tag in tagged:
                name, reader = tagged[tag]
                shown[name] = reader(part)
        return shown

    return read


def nullable(item: Reader) -> Reader:
    """A struct behind a byte that says whether there is one: 1, or -1, and 0 in a tagged field."""
    return lambda data: item(data) if data.int8() > 0 else None


_PAIR: Final = struct(("key", TEXT), ("value", TEXT))
_PARTITIONS: Final = struct(("topic_id", UUID), ("partitions", array(INT32)))
_NAMED: Final = (("topic_id", UUID), ("topic_name", TEXT))
_NAMED_PARTITIONS: Final = struct(*_NAMED, ("partitions", array(INT32)))
_TARGET_EPOCH: Final = struct(("assignment_epoch", INT32))
_TARGET: Final = struct(("topic_partitions", array(_PARTITIONS)))
_MEMBER: Final[tuple[Field, ...]] = (("client_id", TEXT), ("client_host", TEXT))
_IDS: Final[tuple[Field, ...]] = (("instance_id", TEXT), ("rack_id", TEXT))
_EPOCHS: Final[tuple[Field, ...]] = (
    ("member_epoch", INT32),
    ("previous_member_epoch", INT32),
    ("state", INT8),
)
_ASSIGNED: Final[Field] = ("assigned_partitions", array(_PARTITIONS))
_CLASSIC: Final = struct(
    ("session_timeout_ms", INT32),
    ("supported_protocols", array(struct(("name", TEXT), ("metadata", bytes_count)))),
)
_TASK_FIELDS: Final[tuple[Field, ...]] = (("subtopology_id", TEXT), ("partitions", array(INT32)))
_TASKS: Final = array(struct(*_TASK_FIELDS))
_OWNED: Final = array(struct(*_TASK_FIELDS, tagged={0: ("assignment_epochs", array(INT32))}))
_TASK_KINDS: Final = ("active_tasks", "standby_tasks", "warmup_tasks")
_TOPIC: Final = struct(
    ("name", TEXT),
    ("partitions", INT32),
    ("replication_factor", INT16),
    ("topic_configs", array(_PAIR)),
)
_SUBTOPOLOGY: Final = struct(
    ("subtopology_id", TEXT),
    ("source_topics", array(TEXT)),
    ("source_topic_regex", array(TEXT)),
    ("state_changelog_topics", array(_TOPIC)),
    ("repartition_sink_topics", array(TEXT)),
    ("repartition_source_topics", array(_TOPIC)),
    (
        "copartition_groups",
        array(
            struct(
                ("source_topics", array(INT16)),
                ("source_topic_regex", array(INT16)),
                ("repartition_source_topics", array(INT16)),
            )
        ),
    ),
)


def _only_older(data: KafkaBytes) -> Any:
    """Kafka 4.2 writes no such value any more, only tombstones."""
    raise NotKnown


_GROUP: Final = ("group",)
_GROUP_MEMBER: Final = ("group", "member")
_KINDS: Final[Mapping[int, tuple[str, tuple[str, ...], Reader]]] = {
    3: (
        *("consumer group", _GROUP),
        struct(("epoch", INT32), tagged={0: ("metadata_hash", INT64)}),
    ),
    4: ("consumer group topics", _GROUP, _only_older),
    5: (
        *("consumer group member", _GROUP_MEMBER),
        struct(
            *_IDS,
            *_MEMBER,
            ("subscribed_topic_names", array(TEXT)),
            ("subscribed_topic_regex", TEXT),
            ("rebalance_timeout_ms", INT32),
            ("server_assignor", TEXT),
            tagged={0: ("classic_member_metadata", nullable(_CLASSIC))},
        ),
    ),
    6: ("consumer group target epoch", _GROUP, _TARGET_EPOCH),
    7: ("consumer group target", _GROUP_MEMBER, _TARGET),
    8: (
        *("consumer group assignment", _GROUP_MEMBER),
        struct(*_EPOCHS, _ASSIGNED, ("partitions_pending_revocation", array(_PARTITIONS))),
    ),
    10: (
        *("share group member", _GROUP_MEMBER),
        struct(("rack_id", TEXT), *_MEMBER, ("subscribed_topic_names", array(TEXT))),
    ),
    11: ("share group", _GROUP, struct(("epoch", INT32), ("metadata_hash", INT64))),
    12: ("share group target epoch", _GROUP, _TARGET_EPOCH),
    13: ("share group target", _GROUP_MEMBER, _TARGET),
    14: ("share group assignment", _GROUP_MEMBER, struct(*_EPOCHS, _ASSIGNED)),
    15: (
        *("share group partitions", _GROUP),
        struct(
            ("initializing_topics", array(_NAMED_PARTITIONS)),
            ("initialized_topics", array(_NAMED_PARTITIONS)),
            ("deleting_topics", array(struct(*_NAMED))),
        ),
    ),
    16: (
        *("consumer group expression", ("group", "regular_expression")),
        struct(("topics", array(TEXT)), ("metadata_version", INT64), ("timestamp", INT64)),
    ),
    17: (
        *("streams group", _GROUP),
        struct(
            *(("epoch", INT32), ("metadata_hash", INT64)),
            tagged={
                0: ("validated_topology_epoch", INT32),
                1: ("last_assignment_configs", array(_PAIR)),
            },
        ),
    ),
    19: (
        *("streams group member", _GROUP_MEMBER),
        struct(
            *_IDS,
            *_MEMBER,
            ("rebalance_timeout_ms", INT32),
            ("topology_epoch", INT32),
            ("process_id", TEXT),
            ("user_endpoint", nullable(struct(("host", TEXT), ("port", uint16)))),
            ("client_tags", array(_PAIR)),
        ),
    ),
    20: ("streams group target epoch", _GROUP, _TARGET_EPOCH),
    21: (
        *("streams group target", _GROUP_MEMBER),
        struct(*((name, _TASKS) for name in _TASK_KINDS)),
    ),
    22: (
        *("streams group assignment", _GROUP_MEMBER),
        struct(
            *_EPOCHS,
            *((name, _OWNED) for name in _TASK_KINDS),
            *((f"{name}_pending_revocation", _OWNED) for name in _TASK_KINDS),
        ),
    ),
    23: (
        *("streams group topology", _GROUP),
        struct(("epoch", INT32), ("subtopologies", array(_SUBTOPOLOGY))),
    ),
}
"""By the version of the key: what it is of, the texts of the key, the value."""


def key(version: int, data: KafkaBytes) -> Mapping[str, Any] | None:
    """Behind its version."""
    if version not in _KINDS:
        return None
    kind, names, _ = _KINDS[version]
    return {"kind": kind} | {name: data.text() for name in names}


def value_of(version: int) -> Callable[[KafkaBytes], Mapping[str, Any] | None]:
    """What reads the value of a record whose key has this version; raises NotKnown."""

    def read(data: KafkaBytes) -> Mapping[str, Any]:
        if data.int16() != 0:
            raise NotKnown
        shown: dict[str, Any] = _KINDS[version][2](data)
        return {"version": 0} | shown

    return read
