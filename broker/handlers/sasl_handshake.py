"""SaslHandshake (API key 17): a client chooses how to log in.

After v1 tokens come in SaslAuthenticate, after v0 as bare frames. A client that is logged in
chooses again to renew its session (KIP-368).
Answers: UNSUPPORTED_SASL_MECHANISM with the mechanisms that are offered, SASL_AUTHENTICATION_FAILED
(another mechanism than before), ILLEGAL_SASL_STATE (this listener asks for no log-in, the last one
is less than a second old, or one goes on: that ends the connection).
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse

VERSION_WITH_RAW_TOKENS = 0


async def sasl_handshake(
    request: SaslHandshakeRequest, context: RequestContext
) -> SaslHandshakeResponse:
    authentication = context.authentication
    if authentication is None:
        return SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)
    try:
        authentication.choose(
            request.mechanism, raw_tokens=context.api_version == VERSION_WITH_RAW_TOKENS
        )
    except KafkaError as refusal:
        if refusal.code is ErrorCode.ILLEGAL_SASL_STATE:
            return SaslHandshakeResponse(error_code=refusal.code)
        return SaslHandshakeResponse(error_code=refusal.code, mechanisms=authentication.offered)
    return SaslHandshakeResponse(mechanisms=authentication.offered)


HANDLER = Handler(
    ApiKey.SASL_HANDSHAKE,
    versions=Versions(0, 1),
    request_type=SaslHandshakeRequest,
    handle=sasl_handshake,
)
