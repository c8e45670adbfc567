"""DeleteTopics (API key 20): deletes topics by name, from v6 also by id.

Answers: UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, INVALID_REQUEST, TOPIC_DELETION_DISABLED.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, for_allowed
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.delete_topics import (
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from broker.protocol.primitives import ZERO_UUID
from broker.security.acls import Operation, Resource

FIRST_VERSION_BY_ID = 6

FIRST_STRICT_VERSION = 5  # clients from here on know THROTTLING_QUOTA_EXCEEDED (KIP-599)


async def delete_topics(
    request: DeleteTopicsRequest, context: RequestContext
) -> DeleteTopicsResponse:
    if context.api_version >= FIRST_VERSION_BY_ID:
        states = request.topics
    else:
        states = [DeleteTopicState(name=name) for name in request.topic_names]
    response = DeleteTopicsResponse()
    wanted = []
    for state in states:
        if (state.name is None) == (state.topic_id == ZERO_UUID):
            response.responses.append(
                DeletableTopicResult(
                    name=state.name,
                    topic_id=state.topic_id,
                    error_code=ErrorCode.INVALID_REQUEST,
                    error_message="Exactly one of topic name and topic ID must be given.",
                )
            )
        else:
            wanted.append(state)
    results = await for_allowed(
        wanted,
        lambda state: _check_rights(state, context),
        lambda states: context.services.cluster.delete_topics(
            [state.topic_id if state.name is None else state.name for state in states]
        ),
    )
    for state, result in zip(wanted, results, strict=True):
        if isinstance(result, KafkaError):
            answer = DeletableTopicResult(
                name=state.name,
                topic_id=state.topic_id,
                error_code=result.code,
                error_message=result.message,
            )
        else:
            answer = DeletableTopicResult(
                name=result.name, topic_id=result.topic_id, error_code=ErrorCode.NONE
            )
        response.responses.append(answer)
    return response


def _check_rights(state: DeleteTopicState, context: RequestContext) -> None:
    image = context.services.cluster.image
    name = image.names_by_id.get(state.topic_id) if state.name is None else state.name
    if name is None:
        return
    context.require(Operation.DELETE, Resource.TOPIC, name)
    if name in image.topics:
        partitions = len(image.topics[name].partitions)
        context.pay_for_changes(partitions, strict=context.api_version >= FIRST_STRICT_VERSION)


HANDLER = Handler(
    ApiKey.DELETE_TOPICS,
    versions=Versions(1, 6),
    request_type=DeleteTopicsRequest,
    handle=delete_topics,
)
