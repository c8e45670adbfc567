"""StreamsGroupHeartbeat (API key 88): membership of a Kafka Streams client (KIP-1071).

Epoch 0 joins, with the topology; -1 leaves. Internal topics that are missing are made here, the
next heartbeat finds them. As in Kafka 4.2 there are no static members, task offsets or warm-ups.
Answers: INVALID_REQUEST, STREAMS_INVALID_TOPOLOGY, UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH,
GROUP_MAX_SIZE_REACHED, GROUP_ID_NOT_FOUND, TOPIC_AUTHORIZATION_FAILED, NOT_COORDINATOR,
COORDINATOR_LOAD_IN_PROGRESS, UNSUPPORTED_VERSION (streams.version 0).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from broker.coordinator.group.streams.messages import Endpoint, EndpointPartitions, StreamsHeartbeat
from broker.coordinator.group.streams.messages import StreamsHeartbeatResponse as Told
from broker.coordinator.group.streams.records import (
    CopartitionGroup,
    KeyValue,
    StreamsGroupTopologyValue,
    Subtopology,
    TopicInfo,
)
from broker.coordinator.group.streams.tasks import Tasks, by_subtopology
from broker.coordinator.group.streams.topology import InternalTopic, StatusCode
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, words_of
from broker.metadata.controller import USE_DEFAULT, TopicSpec, check_topic_name
from broker.metadata.records import INTERNAL_TOPICS
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages import streams_group_heartbeat as wire
from broker.protocol.messages.streams_group_heartbeat import (
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
)
from broker.security.acls import Operation, Resource

_FAILURES_TOLD = 3


async def streams_group_heartbeat(
    request: StreamsGroupHeartbeatRequest, context: RequestContext
) -> StreamsGroupHeartbeatResponse:
    try:
        context.services.groups.settings.require_protocol("streams")
        context.require(Operation.READ, Resource.GROUP, request.group_id)
        _check_topics(request.topology, context)
        _check_features(request)
        told = await context.services.groups.streams.heartbeat(_request(request, context))
    except KafkaError as refusal:
        return StreamsGroupHeartbeatResponse(
            error_code=refusal.code, error_message=words_of(refusal)
        )
    if told.to_create:
        told = await _with_topics_made(told, context)
    return _response(told)


def _check_topics(topology: wire.Topology | None, context: RequestContext) -> None:
    """Names that a topology may have, and that its user may know."""
    if topology is None:
        return
    names: dict[str, None] = {}
    for sub in topology.subtopologies:
        names.update(dict.fromkeys((*sub.source_topics, *sub.repartition_sink_topics)))
        for topic in (*sub.repartition_source_topics, *sub.state_changelog_topics):
            names[topic.name] = None
    prohibited = [name for name in names if name in INTERNAL_TOPICS]
    if prohibited:
        raise KafkaError(
            ErrorCode.STREAMS_INVALID_TOPOLOGY,
            f"Use of Kafka internal topics {','.join(prohibited)} in a Kafka Streams topology is"
            " prohibited.",
        )
    invalid = [name for name in names if not _is_valid(name)]
    if invalid:
        raise KafkaError(
            ErrorCode.STREAMS_INVALID_TOPOLOGY,
            f"Topic names {','.join(invalid)} are not valid topic names.",
        )
    for name in names:
        context.require(Operation.DESCRIBE, Resource.TOPIC, name)


def _is_valid(name: str) -> bool:
    try:
        check_topic_name(name)
    except KafkaError:
        return False
    return True


def _check_features(request: StreamsGroupHeartbeatRequest) -> None:
    """INVALID_REQUEST for what the protocol has words for and Kafka 4.2 does not do."""
    problem = None
    if request.instance_id is not None:
        problem = "Static membership is not yet supported."
    elif request.task_offsets is not None:
        problem = "TaskOffsets are not supported yet."
    elif request.task_end_offsets is not None:
        problem = "TaskEndOffsets are not supported yet."
    lists = (request.active_tasks, request.standby_tasks, request.warmup_tasks)
    if problem is None and len({tasks is None for tasks in lists}) > 1:
        problem = "If one task-type is non-null, all must be non-null."
    if problem is not None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, problem)


def _request(request: StreamsGroupHeartbeatRequest, context: RequestContext) -> StreamsHeartbeat:
    owned = None
    if request.active_tasks is not None:
        owned = Tasks(
            _tasks(request.active_tasks),
            _tasks(request.standby_tasks or ()),
            _tasks(request.warmup_tasks or ()),
        )
    endpoint, tags = request.user_endpoint, request.client_tags
    return StreamsHeartbeat(
        group_id=request.group_id,
        member_id=request.member_id,
        member_epoch=request.member_epoch,
        client_id=context.client_id or "",
        client_host=context.client_host,
        endpoint_epoch=request.endpoint_information_epoch,
        rack_id=request.rack_id,
        rebalance_timeout_ms=request.rebalance_timeout_ms,
        topology=None if request.topology is None else _topology(request.topology),
        owned=owned,
        process_id=request.process_id,
        endpoint=None if endpoint is None else Endpoint(endpoint.host, endpoint.port),
        client_tags=None if tags is None else tuple((tag.key, tag.value) for tag in tags),
        shutdown_application=request.shutdown_application,
    )


def _tasks(ids: Iterable[wire.TaskIds]) -> frozenset[tuple[str, int]]:
    return frozenset((one.subtopology_id, index) for one in ids for index in one.partitions)


def _topology(topology: wire.Topology) -> StreamsGroupTopologyValue:
    return StreamsGroupTopologyValue(
        topology.epoch,
        [
            Subtopology(
                sub.subtopology_id,
                sub.source_topics,
                sub.source_topic_regex,
                [_topic_info(topic) for topic in sub.state_changelog_topics],
                sub.repartition_sink_topics,
                [_topic_info(topic) for topic in sub.repartition_source_topics],
                [
                    CopartitionGroup(
                        group.source_topics,
                        group.source_topic_regex,
                        group.repartition_source_topics,
                    )
                    for group in sub.copartition_groups
                ],
            )
            for sub in topology.subtopologies
        ],
    )


def _topic_info(topic: wire.TopicInfo) -> TopicInfo:
    configs = [KeyValue(one.key, one.value) for one in topic.topic_configs]
    return TopicInfo(topic.name, topic.partitions, topic.replication_factor, configs)


# -- internal topics -------------------------------------------------------------------------


async def _with_topics_made(told: Told, context: RequestContext) -> Told:
    """Make the topics the application needs; what stood in the way goes into the status."""
    topics = told.to_create
    if not context.is_authorized(Operation.CREATE, Resource.CLUSTER):
        refused = [
            topic.name
            for topic in topics
            if not context.is_authorized(Operation.CREATE, Resource.TOPIC, topic.name)
        ]
        if refused:
            return _with_detail(told, f"; Unauthorized to CREATE on topics {', '.join(refused)}.")
    made = await context.services.cluster.create_topics([_spec(topic) for topic in topics])
    failures = [
        f"{topic.name} ({result.message})"
        for topic, result in zip(topics, made, strict=True)
        if isinstance(result, KafkaError) and result.code is not ErrorCode.TOPIC_ALREADY_EXISTS
    ]
    if not failures:
        return told
    more = len(failures) - _FAILURES_TOLD
    listed = ", ".join(failures[:_FAILURES_TOLD]) + (f" and {more} more" if more > 0 else "")
    return _with_detail(told, f"; Creation failed: {listed}.")


def _with_detail(told: Told, detail: str) -> Told:
    status = tuple(
        replace(one, detail=one.detail + detail)
        if one.code is StatusCode.MISSING_INTERNAL_TOPICS
        else one
        for one in told.status
    )
    return replace(told, status=status)


def _spec(topic: InternalTopic) -> TopicSpec:
    return TopicSpec(
        topic.name,
        topic.partitions,
        topic.replication_factor or USE_DEFAULT,
        configs=dict(topic.configs),
    )


# -- the answer ------------------------------------------------------------------------------


def _response(told: Told) -> StreamsGroupHeartbeatResponse:
    tasks = told.tasks
    return StreamsGroupHeartbeatResponse(
        member_id=told.member_id,
        member_epoch=told.member_epoch,
        heartbeat_interval_ms=told.heartbeat_interval_ms,
        status=[wire.Status(one.code, one.detail) for one in told.status],
        active_tasks=None if tasks is None else _task_ids(tasks.active),
        standby_tasks=None if tasks is None else _task_ids(tasks.standby),
        warmup_tasks=None if tasks is None else _task_ids(tasks.warmup),
        endpoint_information_epoch=told.endpoint_epoch,
        partitions_by_user_endpoint=_endpoints(told.endpoints),
    )


def _task_ids(tasks: Iterable[tuple[str, int]]) -> list[wire.TaskIds]:
    return [wire.TaskIds(name, numbers) for name, numbers in by_subtopology(tasks).items()]


def _endpoints(
    endpoints: Sequence[EndpointPartitions] | None,
) -> list[wire.EndpointToPartitions] | None:
    if endpoints is None:
        return None
    return [
        wire.EndpointToPartitions(
            wire.Endpoint(one.endpoint.host, one.endpoint.port),
            [wire.TopicPartition(topic, numbers) for topic, numbers in one.active.items()],
            [wire.TopicPartition(topic, numbers) for topic, numbers in one.standby.items()],
        )
        for one in endpoints
    ]


HANDLER = Handler(
    ApiKey.STREAMS_GROUP_HEARTBEAT,
    Versions(0, 0),
    StreamsGroupHeartbeatRequest,
    streams_group_heartbeat,
)
