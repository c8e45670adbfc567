"""SaslAuthenticate (API key 36): carries the tokens of a log-in.

v1 tells how long the session lasts (KIP-368), v2 is flexible.
Answers: SASL_AUTHENTICATION_FAILED with a message, whereupon the connection is closed;
ILLEGAL_SASL_STATE (this listener asks for no log-in, or no mechanism was chosen).
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.sasl_authenticate import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
)
from broker.security.sasl import State


async def sasl_authenticate(
    request: SaslAuthenticateRequest, context: RequestContext
) -> SaslAuthenticateResponse:
    authentication = context.authentication
    try:
        if authentication is None:
            raise KafkaError(
                ErrorCode.ILLEGAL_SASL_STATE,
                "SaslAuthenticate request received after successful authentication",
            )
        answer = authentication.respond(bytes(request.auth_bytes))
    except KafkaError as refusal:
        return SaslAuthenticateResponse(error_code=refusal.code, error_message=refusal.message)
    done = authentication.state is State.AUTHENTICATED
    return SaslAuthenticateResponse(
        error_code=ErrorCode.NONE,
        error_message="",  # Kafka's default, and not null
        auth_bytes=answer,
        session_lifetime_ms=authentication.session_lifetime_ms if done else 0,
    )


HANDLER = Handler(
    ApiKey.SASL_AUTHENTICATE,
    versions=Versions(0, 2),
    request_type=SaslAuthenticateRequest,
    handle=sasl_authenticate,
)
