"""CreateDelegationToken (API key 38): hands out the right to act as a user, for a while (KIP-48).

v3 lets one user ask for a token of another (KIP-373): needs CREATE_TOKENS on that user. Only who is
authenticated may ask: DELEGATION_TOKEN_REQUEST_NOT_ALLOWED; without a secret key
DELEGATION_TOKEN_AUTH_DISABLED; INVALID_PRINCIPAL_TYPE for renewers that are no users.
"""

from broker.errors import KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.create_delegation_token import (
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
)
from broker.protocol.primitives import uuid_text
from broker.security.acls import Operation, Resource
from broker.security.delegation_tokens import TokenWish


async def create_delegation_token(
    request: CreateDelegationTokenRequest, context: RequestContext
) -> CreateDelegationTokenResponse:
    owner = context.principal
    if request.owner_principal_name:
        owner = f"{request.owner_principal_type}:{request.owner_principal_name}"
    owner_type, _, owner_name = owner.partition(":")
    asker_type, _, asker_name = context.principal.partition(":")
    response = CreateDelegationTokenResponse(
        principal_type=owner_type,
        principal_name=owner_name,
        token_requester_principal_type=asker_type,
        token_requester_principal_name=asker_name,
        issue_timestamp_ms=-1,
        expiry_timestamp_ms=-1,
        max_timestamp_ms=-1,
    )
    renewers = [f"{one.principal_type}:{one.principal_name}" for one in request.renewers]
    wish = TokenWish(owner, context.principal, renewers, request.max_lifetime_ms)
    cluster, tokens = context.services.cluster, context.services.security.tokens
    try:
        context.require_identity()
        if owner != context.principal:
            context.require(Operation.CREATE_TOKENS, Resource.USER, owner)
        token_id = uuid_text(cluster.new_id())
        token = await cluster.write_records(
            lambda image: tokens.create(wish, token_id, context.now_ms)
        )
    except KafkaError as refusal:
        response.error_code = refusal.code
        return response
    response.issue_timestamp_ms = token.issue_timestamp
    response.expiry_timestamp_ms = token.expiration_timestamp
    response.max_timestamp_ms = token.max_timestamp
    response.token_id = token.token_id
    response.hmac = tokens.hmac(token.token_id)
    return response


HANDLER = Handler(
    ApiKey.CREATE_DELEGATION_TOKEN,
    versions=Versions(1, 3),
    request_type=CreateDelegationTokenRequest,
    handle=create_delegation_token,
)
