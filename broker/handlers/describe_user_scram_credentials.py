"""DescribeUserScramCredentials (API key 50): which SCRAM mechanisms users have, never the keys.

Needs DESCRIBE on the cluster. Answers per user: RESOURCE_NOT_FOUND, DUPLICATE_RESOURCE (KIP-554).
"""

from collections import Counter

from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.image import ClusterImage
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_user_scram_credentials import (
    CredentialInfo,
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
)
from broker.security.acls import Operation, Resource


async def describe_user_scram_credentials(
    request: DescribeUserScramCredentialsRequest, context: RequestContext
) -> DescribeUserScramCredentialsResponse:
    if not context.is_authorized(Operation.DESCRIBE, Resource.CLUSTER):
        code = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
        nobody = DescribeUserScramCredentialsResult("", code, None)
        return DescribeUserScramCredentialsResponse(
            error_code=code, error_message=None, results=[nobody]
        )
    image = context.services.cluster.image
    named = [user.name for user in request.users or ()]
    times_named = Counter(named or {user for user, _ in image.scram})
    return DescribeUserScramCredentialsResponse(
        error_code=ErrorCode.NONE,
        error_message="",
        results=[_described(user, times, image) for user, times in times_named.items()],
    )


def _described(user: str, times: int, image: ClusterImage) -> DescribeUserScramCredentialsResult:
    infos = [
        CredentialInfo(mechanism, record.iterations)
        for (name, mechanism), record in sorted(image.scram.items(), key=lambda item: item[0])
        if name == user
    ]
    code, message = ErrorCode.NONE, None
    if times > 1:
        code, infos = ErrorCode.DUPLICATE_RESOURCE, []
        message = (
            f"Cannot describe SCRAM credentials for the same user twice in a single request: {user}"
        )
    elif not infos:
        code = ErrorCode.RESOURCE_NOT_FOUND
        message = f"Attempt to describe a user credential that does not exist: {user}"
    return DescribeUserScramCredentialsResult(user, code, message, infos)


HANDLER = Handler(
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS,
    versions=Versions(0, 0),
    request_type=DescribeUserScramCredentialsRequest,
    handle=describe_user_scram_credentials,
)
