"""RemoveRaftVoter (API key 81): removes a voter from the metadata quorum (KIP-853)."""

from dataclasses import dataclass
from typing import ClassVar

from broker.protocol.api_keys import ApiKey
from broker.protocol.schema import INT16, INT32, STRING, UUID, wire


@dataclass(slots=True)
class RemoveRaftVoterRequest:
    API_KEY: ClassVar = ApiKey.REMOVE_RAFT_VOTER
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    cluster_id: str | None = wire(STRING, nullable=0)
    voter_id: int = wire(INT32)
    voter_directory_id: bytes = wire(UUID)


@dataclass(slots=True)
class RemoveRaftVoterResponse:
    API_KEY: ClassVar = ApiKey.REMOVE_RAFT_VOTER
    FLEXIBLE_SINCE: ClassVar[int | None] = 0
    VERSIONS: ClassVar = (0, 0)

    throttle_time_ms: int = wire(INT32)
    error_code: int = wire(INT16)
    error_message: str | None = wire(STRING, nullable=0)
