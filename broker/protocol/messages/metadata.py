"""Metadata (API key 3): tells brokers, topics, partitions and their leaders."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT16, INT32, STRING, UUID, wire


@dataclass(slots=True)
class MetadataRequestTopic:
    topic_id: bytes = wire(UUID, since=10)
    name: str | None = wire(STRING, nullable=10)


@dataclass(slots=True)
class MetadataRequest:
    API_KEY: ClassVar = ApiKey.METADATA
    FLEXIBLE_SINCE: ClassVar[int | None] = 9
    VERSIONS: ClassVar = (0, 13)

    topics: list[MetadataRequestTopic] | None = wire(ARRAY(MetadataRequestTopic), nullable=1)
    allow_auto_topic_creation: bool = wire(BOOLEAN, since=4, default=True)
    include_cluster_authorized_operations: bool = wire(BOOLEAN, since=8, until=10)
    include_topic_authorized_operations: bool = wire(BOOLEAN, since=8)


@dataclass(slots=True)
class MetadataResponseBroker:
    node_id: int = wire(INT32)
    host: str = wire(STRING)
    port: int = wire(INT32)
    rack: str | None = wire(STRING, since=1, nullable=1, default=None)


@dataclass(slots=True)
class MetadataResponsePartition:
    error_code: int = wire(INT16)
    partition_index: int = wire(INT32)
    leader_id: int = wire(INT32)
    leader_epoch: int = wire(INT32, since=7, default=-1)
    replica_nodes: list[int] = wire(ARRAY(INT32))
    isr_nodes: list[int] = wire(ARRAY(INT32))
    offline_replicas: list[int] = wire(ARRAY(INT32), since=5)


@dataclass(slots=True)
class MetadataResponseTopic:
    error_code: int = wire(INT16)
    name: str | None = wire(STRING, nullable=12)
    topic_id: bytes = wire(UUID, since=10)
    is_internal: bool = wire(BOOLEAN, since=1)
    partitions: list[MetadataResponsePartition] = wire(ARRAY(MetadataResponsePartition))
    topic_authorized_operations: int = wire(INT32, since=8, default=-2147483648)


@dataclass(slots=True)
class MetadataResponse:
    API_KEY: ClassVar = ApiKey.METADATA
    FLEXIBLE_SINCE: ClassVar[int | None] = 9
    VERSIONS: ClassVar = (0, 13)

    throttle_time_ms: int = wire(INT32, since=3)
    brokers: list[MetadataResponseBroker] = wire(ARRAY(MetadataResponseBroker))
    cluster_id: str | None = wire(STRING, since=2, nullable=2, default=None)
    controller_id: int = wire(INT32, since=1, default=-1)
    topics: list[MetadataResponseTopic] = wire(ARRAY(MetadataResponseTopic))
    cluster_authorized_operations: int = wire(INT32, since=8, until=10, default=-2147483648)
    error_code: int = wire(INT16, since=13)
