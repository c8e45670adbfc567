"""How a fenced producer is told so: by a code that its version of an API knows (KIP-588)."""

from broker.errors import ErrorCode, KafkaError

FENCED_SINCE_VERSION = 2  # of AddPartitionsToTxn, AddOffsetsToTxn and EndTxn


def code_for(refusal: KafkaError, version: int, known_since: int = FENCED_SINCE_VERSION) -> int:
    """The code of `refusal` for a client that speaks `version` of an API."""
    if refusal.code is ErrorCode.PRODUCER_FENCED and version < known_since:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    return refusal.code
