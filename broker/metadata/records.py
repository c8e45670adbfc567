"""Records of `__cluster_metadata-0`: what the controller decided, in the order it decided it.

Names, fields and numbers are those of Kafka's metadata log (KIP-631). A value in the log is
    uvarint frame version (1) | uvarint record type | uvarint record version (0) | flexible body
"""

from dataclasses import dataclass
from typing import ClassVar

from broker.errors import StorageError
from broker.protocol.codec import decode, encode_bytes
from broker.protocol.primitives import read_uvarint, write_uvarint
from broker.protocol.schema import (
    ARRAY,
    BOOLEAN,
    BYTES,
    FLOAT64,
    INT8,
    INT16,
    INT32,
    INT64,
    STRING,
    UINT16,
    UUID,
    wire,
)

METADATA_TOPIC = "__cluster_metadata"
METADATA_TOPIC_ID = bytes(15) + b"\x01"  # reserved for it in Kafka
OFFSETS_TOPIC = "__consumer_offsets"
TRANSACTIONS_TOPIC = "__transaction_state"
SHARE_STATE_TOPIC = "__share_group_state"
INTERNAL_TOPICS = frozenset({OFFSETS_TOPIC, TRANSACTIONS_TOPIC, SHARE_STATE_TOPIC})

FRAME_VERSION = 1
RECORD_VERSION = 0


@dataclass(slots=True)
class BrokerEndpoint:
    """Where a broker listens."""

    name: str = wire(STRING, default="")
    host: str = wire(STRING, default="")
    port: int = wire(UINT16, default=0)
    security_protocol: int = wire(INT16, default=0)


@dataclass(slots=True)
class BrokerFeature:
    """A feature a broker can do, by its range of levels."""

    name: str = wire(STRING, default="")
    min_supported_version: int = wire(INT16, default=0)
    max_supported_version: int = wire(INT16, default=0)


@dataclass(slots=True)
class RegisterBrokerRecord:
    """A broker joined the cluster, or came back: its epoch is greater than the one before."""

    RECORD_TYPE: ClassVar[int] = 0
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    broker_id: int = wire(INT32, default=0)
    incarnation_id: bytes = wire(UUID, default=bytes(16))
    broker_epoch: int = wire(INT64, default=0)
    end_points: list[BrokerEndpoint] = wire(ARRAY(BrokerEndpoint))
    features: list[BrokerFeature] = wire(ARRAY(BrokerFeature))
    rack: str | None = wire(STRING, nullable=0, default=None)
    fenced: bool = wire(BOOLEAN, default=True)


@dataclass(slots=True)
class TopicRecord:
    """A topic came to be."""

    RECORD_TYPE: ClassVar[int] = 2
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    name: str = wire(STRING, default="")
    topic_id: bytes = wire(UUID, default=bytes(16))


@dataclass(slots=True)
class PartitionRecord:
    """A partition came to be, or is from now on as written here."""

    RECORD_TYPE: ClassVar[int] = 3
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    partition_id: int = wire(INT32, default=-1)
    topic_id: bytes = wire(UUID, default=bytes(16))
    replicas: list[int] = wire(ARRAY(INT32))
    isr: list[int] = wire(ARRAY(INT32))
    removing_replicas: list[int] = wire(ARRAY(INT32))
    adding_replicas: list[int] = wire(ARRAY(INT32))
    leader: int = wire(INT32, default=-1)
    leader_epoch: int = wire(INT32, default=-1)
    partition_epoch: int = wire(INT32, default=-1)


@dataclass(slots=True)
class ConfigRecord:
    """A setting was given a value; None takes it away."""

    RECORD_TYPE: ClassVar[int] = 4
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    resource_type: int = wire(INT8, default=0)
    resource_name: str = wire(STRING, default="")
    name: str = wire(STRING, default="")
    value: str | None = wire(STRING, nullable=0, default=None)


@dataclass(slots=True)
class RemoveTopicRecord:
    """A topic is gone, with its partitions and settings."""

    RECORD_TYPE: ClassVar[int] = 9
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    topic_id: bytes = wire(UUID, default=bytes(16))


@dataclass(slots=True)
class FeatureLevelRecord:
    """A feature of the cluster is at this level; 0: off."""

    RECORD_TYPE: ClassVar[int] = 12
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    name: str = wire(STRING, default="")
    feature_level: int = wire(INT16, default=0)


@dataclass(slots=True)
class QuotaEntity:
    """Part of whom a quota is for; a None name is the default of its type."""

    entity_type: str = wire(STRING, default="")
    entity_name: str | None = wire(STRING, nullable=0, default=None)


@dataclass(slots=True)
class ClientQuotaRecord:
    """A quota was set or removed."""

    RECORD_TYPE: ClassVar[int] = 14
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    entity: list[QuotaEntity] = wire(ARRAY(QuotaEntity))
    key: str = wire(STRING, default="")
    value: float = wire(FLOAT64, default=0.0)
    remove: bool = wire(BOOLEAN, default=False)


@dataclass(slots=True)
class ProducerIdsRecord:
    """A broker was given the producer ids below `next_producer_id`."""

    RECORD_TYPE: ClassVar[int] = 15
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    broker_id: int = wire(INT32, default=0)
    broker_epoch: int = wire(INT64, default=-1)
    next_producer_id: int = wire(INT64, default=0)


@dataclass(slots=True)
class UnregisterBrokerRecord:
    """A broker left for good."""

    RECORD_TYPE: ClassVar[int] = 1
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    broker_id: int = wire(INT32, default=0)
    broker_epoch: int = wire(INT64, default=0)


@dataclass(slots=True)
class DelegationTokenRecord:
    """A delegation token was made or renewed. Times in ms; its HMAC follows from the secret key."""

    RECORD_TYPE: ClassVar[int] = 10
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    owner: str = wire(STRING, default="")
    requester: str = wire(STRING, default="")
    renewers: list[str] = wire(ARRAY(STRING))
    issue_timestamp: int = wire(INT64, default=0)
    max_timestamp: int = wire(INT64, default=0)
    expiration_timestamp: int = wire(INT64, default=0)
    token_id: str = wire(STRING, default="")


@dataclass(slots=True)
class RemoveDelegationTokenRecord:
    """A delegation token ended."""

    RECORD_TYPE: ClassVar[int] = 26
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    token_id: str = wire(STRING, default="")


@dataclass(slots=True)
class UserScramCredentialRecord:
    """How a user proves a password that is not stored anywhere (RFC 5802)."""

    RECORD_TYPE: ClassVar[int] = 11
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    name: str = wire(STRING, default="")
    mechanism: int = wire(INT8, default=0)
    salt: bytes = wire(BYTES, default=b"")
    stored_key: bytes = wire(BYTES, default=b"")
    server_key: bytes = wire(BYTES, default=b"")
    iterations: int = wire(INT32, default=0)

    def __repr__(self) -> str:
        return f"UserScramCredentialRecord(name={self.name!r}, mechanism={self.mechanism})"


@dataclass(slots=True)
class RemoveUserScramCredentialRecord:
    """A user has no credential of this mechanism any more."""

    RECORD_TYPE: ClassVar[int] = 22
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    name: str = wire(STRING, default="")
    mechanism: int = wire(INT8, default=0)


@dataclass(slots=True)
class AccessControlEntryRecord:
    """Someone may, or may not, do something with some resources. Numbers: broker/security/acls."""

    RECORD_TYPE: ClassVar[int] = 18
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    id: bytes = wire(UUID, default=bytes(16))
    resource_type: int = wire(INT8, default=0)
    resource_name: str = wire(STRING, default="")
    pattern_type: int = wire(INT8, default=0)
    principal: str = wire(STRING, default="")
    host: str = wire(STRING, default="")
    operation: int = wire(INT8, default=0)
    permission_type: int = wire(INT8, default=0)


@dataclass(slots=True)
class RemoveAccessControlEntryRecord:
    """An access control entry is gone."""

    RECORD_TYPE: ClassVar[int] = 19
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar[tuple[int, int]] = (0, 0)
    id: bytes = wire(UUID, default=bytes(16))


MetadataRecord = (
    RegisterBrokerRecord
    | UnregisterBrokerRecord
    | TopicRecord
    | PartitionRecord
    | ConfigRecord
    | RemoveTopicRecord
    | FeatureLevelRecord
    | ClientQuotaRecord
    | ProducerIdsRecord
    | DelegationTokenRecord
    | RemoveDelegationTokenRecord
    | UserScramCredentialRecord
    | RemoveUserScramCredentialRecord
    | AccessControlEntryRecord
    | RemoveAccessControlEntryRecord
)

_RECORDS: tuple[type[MetadataRecord], ...] = (
    RegisterBrokerRecord,
    UnregisterBrokerRecord,
    TopicRecord,
    PartitionRecord,
    ConfigRecord,
    RemoveTopicRecord,
    FeatureLevelRecord,
    ClientQuotaRecord,
    ProducerIdsRecord,
    DelegationTokenRecord,
    RemoveDelegationTokenRecord,
    UserScramCredentialRecord,
    RemoveUserScramCredentialRecord,
    AccessControlEntryRecord,
    RemoveAccessControlEntryRecord,
)
_BY_TYPE = {record.RECORD_TYPE: record for record in _RECORDS}


class UnknownRecord(StorageError):
    """A record this version of the broker does not know: a newer one wrote this log."""


def encode_record(record: MetadataRecord) -> bytes:
    """The value that stands in the log for `record`."""
    out = bytearray()
    write_uvarint(out, FRAME_VERSION)
    write_uvarint(out, record.RECORD_TYPE)
    write_uvarint(out, RECORD_VERSION)
    return bytes(out) + encode_bytes(record, RECORD_VERSION)


def decode_record(value: bytes) -> MetadataRecord:
    """The record that stands in the log as `value`; raises UnknownRecord."""
    frame, position = read_uvarint(value, 0)
    record_type, position = read_uvarint(value, position)
    version, position = read_uvarint(value, position)
    known = _BY_TYPE.get(record_type)
    if frame != FRAME_VERSION or version != RECORD_VERSION or known is None:
        raise UnknownRecord(
            f"metadata record type {record_type} v{version}, frame v{frame} is not known here: a"
            " newer broker wrote this log, start that one"
        )
    return decode(known, RECORD_VERSION, value, position)
