"""ExpireDelegationToken (API key 40): ends a token, at once for a negative period (KIP-48).

Answers: DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, DELEGATION_TOKEN_AUTH_DISABLED,
DELEGATION_TOKEN_NOT_FOUND, DELEGATION_TOKEN_OWNER_MISMATCH, DELEGATION_TOKEN_EXPIRED.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.expire_delegation_token import (
    ExpireDelegationTokenRequest,
    ExpireDelegationTokenResponse,
)


async def expire_delegation_token(
    request: ExpireDelegationTokenRequest, context: RequestContext
) -> ExpireDelegationTokenResponse:
    tokens = context.services.security.tokens
    proof = bytes(request.hmac)
    try:
        context.require_identity()
        expires_ms = await context.services.cluster.write_records(
            lambda image: tokens.expire(
                image, proof, context.principal, request.expiry_time_period_ms, context.now_ms
            )
        )
    except KafkaError as refusal:
        return ExpireDelegationTokenResponse(error_code=refusal.code, expiry_timestamp_ms=-1)
    return ExpireDelegationTokenResponse(error_code=ErrorCode.NONE, expiry_timestamp_ms=expires_ms)


HANDLER = Handler(
    ApiKey.EXPIRE_DELEGATION_TOKEN,
    versions=Versions(1, 2),
    request_type=ExpireDelegationTokenRequest,
    handle=expire_delegation_token,
)
