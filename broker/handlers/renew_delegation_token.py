"""RenewDelegationToken (API key 39): lets a token live on, by its owner or a renewer (KIP-48).

Answers: DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, DELEGATION_TOKEN_AUTH_DISABLED,
DELEGATION_TOKEN_NOT_FOUND, DELEGATION_TOKEN_OWNER_MISMATCH, DELEGATION_TOKEN_EXPIRED.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.renew_delegation_token import (
    RenewDelegationTokenRequest,
    RenewDelegationTokenResponse,
)


async def renew_delegation_token(
    request: RenewDelegationTokenRequest, context: RequestContext
) -> RenewDelegationTokenResponse:
    tokens = context.services.security.tokens
    proof = bytes(request.hmac)
    try:
        context.require_identity()
        expires_ms = await context.services.cluster.write_records(
            lambda image: tokens.renew(
                image, proof, context.principal, request.renew_period_ms, context.now_ms
            )
        )
    except KafkaError as refusal:
        return RenewDelegationTokenResponse(error_code=refusal.code, expiry_timestamp_ms=-1)
    return RenewDelegationTokenResponse(error_code=ErrorCode.NONE, expiry_timestamp_ms=expires_ms)


HANDLER = Handler(
    ApiKey.RENEW_DELEGATION_TOKEN,
    versions=Versions(1, 2),
    request_type=RenewDelegationTokenRequest,
    handle=renew_delegation_token,
)
