"""Metadata (API key 3): brokers, topics, partitions and their leaders.

v1 tells all topics for null (v0: for an empty list), v4 lets the client forbid auto-creation, v7
adds leader epochs, v9 is flexible, v10 adds topic ids, v12 asks by id alone, v13 has an error of
its own (KIP-1102). A topic that is asked for by name and may be created is made, but as in Kafka
still unknown in this answer: clients ask again, and some look whether it was there before.
"""

from collections.abc import Awaitable, Hashable

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, for_allowed
from broker.metadata.controller import check_topic_name
from broker.metadata.image import NO_LEADER, TopicImage
from broker.metadata.internal_topics import spec_of
from broker.metadata.records import INTERNAL_TOPICS
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from broker.protocol.primitives import ZERO_UUID
from broker.security.acls import Operation, Resource

FIRST_VERSION_BY_ID = 12


async def metadata(request: MetadataRequest, context: RequestContext) -> MetadataResponse:
    cluster = context.services.cluster
    if context.api_version < FIRST_VERSION_BY_ID and _asks_by_id(request):
        return _refused(request, ErrorCode.INVALID_REQUEST)
    asked = _asked(request, context)
    if asked is not None and any(one.name is None and one.topic_id == ZERO_UUID for one in asked):
        return _refused(request, ErrorCode.UNKNOWN_SERVER_ERROR)
    response = MetadataResponse(
        cluster_id=cluster.cluster_id,
        controller_id=cluster.node_id,
        brokers=[
            MetadataResponseBroker(
                cluster.node_id, context.listener.host, context.listener.port, cluster.rack
            )
        ],
    )
    if asked is None or (context.api_version == 0 and not asked):
        response.topics = _all_topics(context)
    else:
        unknown = await _create_missing(request, asked, context)
        response.topics = [_answer(wanted, unknown, context) for wanted in asked]
    _tell_operations(response, request, context)
    return response


def _tell_operations(
    response: MetadataResponse, request: MetadataRequest, context: RequestContext
) -> None:
    """What the client may do, with each topic it may know of and with the cluster (KIP-430)."""
    if request.include_topic_authorized_operations:
        for topic in response.topics:
            if topic.error_code != ErrorCode.TOPIC_AUTHORIZATION_FAILED and topic.name is not None:
                topic.topic_authorized_operations = context.authorized_operations(
                    Resource.TOPIC, topic.name
                )
    if request.include_cluster_authorized_operations:
        response.cluster_authorized_operations = 0
        if context.is_authorized(Operation.DESCRIBE, Resource.CLUSTER):
            response.cluster_authorized_operations = context.authorized_operations(Resource.CLUSTER)


def _asked(request: MetadataRequest, context: RequestContext) -> list[MetadataRequestTopic] | None:
    """Each topic once; where there are ids they alone count, unknown ones first, as in Kafka."""
    if request.topics is None:
        return None
    by_id = {one.topic_id: one for one in request.topics if one.topic_id != ZERO_UUID}
    if not by_id:
        return list({one.name: one for one in request.topics}.values())
    known = context.services.cluster.image.topic_by_id
    return sorted(by_id.values(), key=lambda one: known(one.topic_id) is not None)


def _all_topics(context: RequestContext) -> list[MetadataResponseTopic]:
    topics = context.services.cluster.image.topics.values()
    return [_described(topic, context) for topic in topics if _may_see(topic.name, context)]


def _may_see(topic: str, context: RequestContext) -> bool:
    return context.is_authorized(Operation.DESCRIBE, Resource.TOPIC, topic)


def _asks_by_id(request: MetadataRequest) -> bool:
    return any(one.name is None or one.topic_id != ZERO_UUID for one in request.topics or ())


def _refused(request: MetadataRequest, code: ErrorCode) -> MetadataResponse:
    """What Apache Kafka answers to ids in v10 and v11, which carry them but cannot ask by them, and
    to a topic with neither name nor id: every topic refused, and no cluster."""
    return MetadataResponse(
        topics=[
            MetadataResponseTopic(
                error_code=code,
                name=one.name or "",
                topic_id=one.topic_id,
            )
            for one in request.topics or ()
        ]
    )


async def _create_missing(
    request: MetadataRequest, asked: list[MetadataRequestTopic], context: RequestContext
) -> dict[str, ErrorCode]:
    """Make the topics that are asked for by name and not there yet; what to say of each for now.

    Why a topic cannot be made is not told, but for a right that is missing.
    """
    cluster = context.services.cluster
    missing = [
        wanted.name
        for wanted in asked
        if wanted.name is not None
        and wanted.topic_id == ZERO_UUID
        and wanted.name not in cluster.image.topics
        and _may_see(wanted.name, context)
    ]
    if not (
        missing
        and request.allow_auto_topic_creation
        and context.services.config.auto_create_topics_enable
    ):
        return {}
    names = list(dict.fromkeys(missing))
    may_create_all = context.is_authorized(Operation.CREATE, Resource.CLUSTER)

    def check(name: str) -> None:
        if not may_create_all:
            context.require(Operation.CREATE, Resource.TOPIC, name)

    def create(names: list[str]) -> Awaitable[list[TopicImage | KafkaError]]:
        return cluster.create_topics([spec_of(name, cluster.config) for name in names])

    made = await for_allowed(names, check, create)
    return {
        name: ErrorCode.TOPIC_AUTHORIZATION_FAILED if _is_refused(result) else _code_for_now(name)
        for name, result in zip(names, made, strict=True)
        if not _is_there_by_now(result)
    }


def _code_for_now(name: str) -> ErrorCode:
    """Kafka looks at the name alone."""
    try:
        check_topic_name(name)
    except KafkaError as refusal:
        return refusal.code
    return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def _is_refused(result: object) -> bool:
    return isinstance(result, KafkaError) and result.code is ErrorCode.TOPIC_AUTHORIZATION_FAILED


def _is_there_by_now(result: object) -> bool:
    """Another request made it in the meantime."""
    return isinstance(result, KafkaError) and result.code is ErrorCode.TOPIC_ALREADY_EXISTS


def _answer(
    wanted: MetadataRequestTopic, unknown: dict[str, ErrorCode], context: RequestContext
) -> MetadataResponseTopic:
    image = context.services.cluster.image
    if wanted.topic_id != ZERO_UUID:
        topic = image.topic_by_id(wanted.topic_id)
        if topic is not None and _may_see(topic.name, context):
            return _described(topic, context)
        code = ErrorCode.UNKNOWN_TOPIC_ID if topic is None else ErrorCode.TOPIC_AUTHORIZATION_FAILED
        return MetadataResponseTopic(error_code=code, name=None, topic_id=wanted.topic_id)
    name = wanted.name or ""
    if not _may_see(name, context):
        return MetadataResponseTopic(error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED, name=name)
    topic = image.topics.get(name)
    if topic is not None and name not in unknown:
        return _described(topic, context)
    return MetadataResponseTopic(error_code=unknown.get(name) or _code_for_now(name), name=name)


def _described(topic: TopicImage, context: RequestContext) -> MetadataResponseTopic:
    """Where its only disk failed, or is away, a partition has no leader, as in Kafka."""
    offline = context.services.partitions.offline
    return MetadataResponseTopic(
        error_code=ErrorCode.NONE,
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.name in INTERNAL_TOPICS,
        partitions=[
            MetadataResponsePartition(
                ErrorCode.LEADER_NOT_AVAILABLE if is_offline else ErrorCode.NONE,
                partition.index,
                NO_LEADER if is_offline else partition.leader,
                partition.leader_epoch,
                list(partition.replicas),
                list(partition.isr),
                list(partition.replicas) if is_offline else [],
            )
            for partition in topic.partitions
            for is_offline in [bool(offline) and (topic.name, partition.index) in offline]
        ],
    )


def same_answer(request: MetadataRequest, context: RequestContext) -> Hashable:
    """Everybody who asks for the same topics over the same listener is answered alike.

    Not where rights are looked at, nor when a topic may have to be made first.
    """
    if context.services.security.authorizer is not None:
        return None
    known = context.services.cluster.image.topics
    asked = None
    if request.topics is not None:
        asked = tuple([(one.name, one.topic_id) for one in request.topics])
        if any(name not in known for name, topic_id in asked if topic_id == ZERO_UUID):
            return None
    return (
        context.listener,
        asked,
        context.services.partitions.offline,
        request.include_topic_authorized_operations,
        request.include_cluster_authorized_operations,
    )


HANDLER = Handler(
    ApiKey.METADATA,
    versions=Versions(0, 13),
    request_type=MetadataRequest,
    handle=metadata,
    same_answer=same_answer,
)
