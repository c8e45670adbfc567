"""AddRaftVoter (API key 80): adds a voter to the metadata quorum (KIP-853)."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import ARRAY, BOOLEAN, INT16, INT32, STRING, UINT16, UUID, wire


@dataclass(slots=True)
class Listener:
    name: str = wire(STRING)
    host: str = wire(STRING)
    port: int = wire(UINT16)


@dataclass(slots=True)
class AddRaftVoterRequest:
    API_KEY: ClassVar = ApiKey.ADD_RAFT_VOTER
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    cluster_id: str | None = wire(STRING, nullable=0)
    timeout_ms: int = wire(INT32)
    voter_id: int = wire(INT32)
    voter_directory_id: bytes = wire(UUID)
    listeners: list[Listener] = wire(ARRAY(Listener))
    ack_when_committed: bool = wire(BOOLEAN, since=1, default=True)


@dataclass(slots=True)
class AddRaftVoterResponse:
    API_KEY: ClassVar = ApiKey.ADD_RAFT_VOTER
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 1)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
