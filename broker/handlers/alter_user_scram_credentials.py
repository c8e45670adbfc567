"""AlterUserScramCredentials (API key 51): sets and removes SCRAM credentials of users.

Needs ALTER on the cluster. Answers per user: UNACCEPTABLE_CREDENTIAL, RESOURCE_NOT_FOUND,
DUPLICATE_RESOURCE, UNSUPPORTED_SASL_MECHANISM (KIP-554). The salted password that the client sends
is turned into keys at once and forgotten.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    AlterUserScramCredentialsResult,
)
from broker.security.acls import Operation, Resource
from broker.security.credentials import ScramUpsertion, alter_scram


async def alter_user_scram_credentials(
    request: AlterUserScramCredentialsRequest, context: RequestContext
) -> AlterUserScramCredentialsResponse:
    deletions = [(one.name, one.mechanism) for one in request.deletions]
    upsertions = [
        ScramUpsertion(
            one.name, one.mechanism, one.iterations, bytes(one.salt), bytes(one.salted_password)
        )
        for one in request.upsertions
    ]
    results: dict[str, KafkaError | None]
    try:
        context.require(Operation.ALTER, Resource.CLUSTER)
        results = await context.services.cluster.write_records(
            lambda image: alter_scram(image, deletions, upsertions)
        )
    except KafkaError as refusal:
        users = [user for user, _ in deletions] + [one.user for one in upsertions]
        results = dict.fromkeys(users, refusal)
    return AlterUserScramCredentialsResponse(
        results=[
            AlterUserScramCredentialsResult(user, ErrorCode.NONE, None)
            if result is None
            else AlterUserScramCredentialsResult(user, result.code, result.message)
            for user, result in results.items()
        ]
    )


HANDLER = Handler(
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS,
    versions=Versions(0, 0),
    request_type=AlterUserScramCredentialsRequest,
    handle=alter_user_scram_credentials,
)
