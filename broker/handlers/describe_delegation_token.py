"""DescribeDelegationToken (API key 41): lists tokens one owns, asked for, or may renew or describe.

null owners: of all; an empty list: none. As in Kafka, an "owner" that is asked for may also be who
asked for a token, or may renew it. Others' tokens are shown to who has DESCRIBE on the token
or DESCRIBE_TOKENS on its owner (KIP-48, KIP-373).
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.records import DelegationTokenRecord
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_delegation_token import (
    DescribedDelegationToken,
    DescribedDelegationTokenRenewer,
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
)
from broker.security.acls import Operation, Resource
from broker.security.delegation_tokens import parties_to


async def describe_delegation_token(
    request: DescribeDelegationTokenRequest, context: RequestContext
) -> DescribeDelegationTokenResponse:
    tokens = context.services.security.tokens
    try:
        context.require_identity()
        tokens.check_enabled()
    except KafkaError as refusal:
        return DescribeDelegationTokenResponse(error_code=refusal.code)
    owners = None
    if request.owners is not None:
        owners = [f"{one.principal_type}:{one.principal_name}" for one in request.owners]
    return DescribeDelegationTokenResponse(
        error_code=ErrorCode.NONE,
        tokens=[
            _described(token, tokens.hmac(token.token_id))
            for token in tokens.of(owners)
            if _may_see(token, context)
        ],
    )


def _may_see(token: DelegationTokenRecord, context: RequestContext) -> bool:
    if context.principal in parties_to(token):
        return True
    # Without an authorizer nobody gave a right to somebody else's password.
    return context.services.security.authorizer is not None and (
        context.is_authorized(Operation.DESCRIBE, Resource.DELEGATION_TOKEN, token.token_id)
        or context.is_authorized(Operation.DESCRIBE_TOKENS, Resource.USER, token.owner)
    )


def _described(token: DelegationTokenRecord, proof: bytes) -> DescribedDelegationToken:
    owner_type, _, owner_name = token.owner.partition(":")
    asker_type, _, asker_name = token.requester.partition(":")
    renewers = [renewer.partition(":") for renewer in token.renewers]
    return DescribedDelegationToken(
        principal_type=owner_type,
        principal_name=owner_name,
        token_requester_principal_type=asker_type,
        token_requester_principal_name=asker_name,
        issue_timestamp=token.issue_timestamp,
        expiry_timestamp=token.expiration_timestamp,
        max_timestamp=token.max_timestamp,
        token_id=token.token_id,
        hmac=proof,
        renewers=[DescribedDelegationTokenRenewer(kind, name) for kind, _, name in renewers],
    )


HANDLER = Handler(
    ApiKey.DESCRIBE_DELEGATION_TOKEN,
    versions=Versions(1, 3),
    request_type=DescribeDelegationTokenRequest,
    handle=describe_delegation_token,
)
