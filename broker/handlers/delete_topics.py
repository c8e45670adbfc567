"""DeleteTopics (API key 20): deletes topics by name, from v6 also by id.

Answers: UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, INVALID_REQUEST, TOPIC_DELETION_DISABLED.
"""

from collections import Counter
from collections.abc import Sequence

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, check_time, for_allowed
from broker.metadata.image import TopicImage
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
    wanted, answers = _sorted_out(states, context)

    async def delete(states: list[DeleteTopicState]) -> Sequence[TopicImage | KafkaError]:
        check_time(request.timeout_ms)
        return await context.services.cluster.delete_topics(
            [state.topic_id if state.name is None else state.name for state in states]
        )

    try:
        results = await for_allowed(wanted, lambda state: _check_rights(state, context), delete)
    except KafkaError as refusal:  # of all of them
        return DeleteTopicsResponse(responses=[_refused(state, refusal) for state in states])
    for state, result in zip(wanted, results, strict=True):
        if isinstance(result, KafkaError):
            answers.append(_refused(_named(state, context), result))
        else:
            answers.append(
                DeletableTopicResult(
                    name=result.name, topic_id=result.topic_id, error_code=ErrorCode.NONE
                )
            )
    return DeleteTopicsResponse(responses=answers)


def _sorted_out(
    states: Sequence[DeleteTopicState], context: RequestContext
) -> tuple[list[DeleteTopicState], list[DeletableTopicResult]]:
    """Those that say clearly which topic they mean, and the answers for all others."""
    answers = [_refused(state, _invalid(_unclear(state))) for state in states if _unclear(state)]
    times = Counter((state.name, state.topic_id) for state in states if not _unclear(state))
    image = context.services.cluster.image
    wanted: dict[tuple[str | None, bytes], DeleteTopicState] = {}
    for (name, topic_id), count in times.items():
        state = DeleteTopicState(name, topic_id)
        topic = None if name is None else image.topics.get(name)
        if count > 1:
            what = "id" if name is None else "name"
            answers.append(_refused(state, _invalid(f"Duplicate topic {what}.")))
        elif topic is not None and (None, topic.topic_id) in times and context.sees(topic.name):
            words = "The provided topic name maps to an ID that was already supplied."
            state.topic_id = topic.topic_id
            answers.append(_refused(state, _invalid(words)))
            wanted.pop((None, topic.topic_id), None)
            times[None, topic.topic_id] = 0
        elif count:
            wanted[name, topic_id] = state
    return list(wanted.values()), answers


def _unclear(state: DeleteTopicState) -> str:
    """Why a request does not say which topic it means; empty if it does."""
    has_id = state.topic_id != ZERO_UUID
    if (state.name is None) == has_id:
        return ""
    if has_id:
        return "You may not specify both topic name and topic id."
    return "Neither topic name nor id were specified."


def _invalid(words: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, words)


def _refused(state: DeleteTopicState, refusal: KafkaError) -> DeletableTopicResult:
    return DeletableTopicResult(
        name=state.name,
        topic_id=state.topic_id,
        error_code=refusal.code,
        error_message=refusal.message or None,
    )


def _check_rights(state: DeleteTopicState, context: RequestContext) -> None:
    """Who may delete the cluster may delete its topics; who sees a topic may know it is gone."""
    image = context.services.cluster.image
    name = image.names_by_id.get(state.topic_id) if state.name is None else state.name
    if name is None or (name not in image.topics and context.sees(name)):
        return
    if not context.is_authorized(Operation.DELETE, Resource.CLUSTER):
        context.require(Operation.DELETE, Resource.TOPIC, name)
    if name in image.topics:
        partitions = len(image.topics[name].partitions)
        context.pay_for_changes(partitions, strict=context.api_version >= FIRST_STRICT_VERSION)


def _named(state: DeleteTopicState, context: RequestContext) -> DeleteTopicState:
    """A topic that is refused by its id, with its name if the client may know that."""
    name = context.services.cluster.image.names_by_id.get(state.topic_id)
    if state.name is None and name is not None and context.sees(name):
        return DeleteTopicState(name, state.topic_id)
    return state


HANDLER = Handler(
    ApiKey.DELETE_TOPICS,
    versions=Versions(1, 6),
    request_type=DeleteTopicsRequest,
    handle=delete_topics,
)
