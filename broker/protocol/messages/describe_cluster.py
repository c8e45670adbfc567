"""DescribeCluster (API key 60): tells brokers or controllers and the cluster id."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT8, INT16, INT32, STRING, wire


@dataclass(slots=True)
class DescribeClusterRequest:
    API_KEY: ClassVar = ApiKey.DESCRIBE_CLUSTER
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 2)

    include_cluster_authorized_operations: bool = wire(BOOLEAN)
    endpoint_type: int = wire(INT8, since=1, default=1)
    include_fenced_brokers: bool = wire(BOOLEAN, since=2)


@dataclass(slots=True)
class DescribeClusterBroker:
    broker_id: int = wire(INT32)
    host: str = wire(STRING)
    port: int = wire(INT32)
    rack: str | None = wire(STRING, nullable=0, default=None)
    is_fenced: bool = wire(BOOLEAN, since=2)


@dataclass(slots=True)
class DescribeClusterResponse:
    API_KEY: ClassVar = ApiKey.DESCRIBE_CLUSTER
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 2)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0, default=None)
    endpoint_type: int = wire(INT8, since=1, default=1)
    cluster_id: str = wire(STRING)
    controller_id: int = wire(INT32, default=-1)
    brokers: list[DescribeClusterBroker] = wire(ARRAY(DescribeClusterBroker))
    cluster_authorized_operations: int = wire(INT32, default=-2147483648)
