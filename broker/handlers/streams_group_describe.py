"""StreamsGroupDescribe (API key 89): topology, members and tasks of Kafka Streams applications."""

from collections.abc import Iterable

from broker.coordinator.group.calls.streams import StreamsGroupDescription
from broker.coordinator.group.streams.group import StreamsMember
from broker.coordinator.group.streams.records import Subtopology, TopicInfo
from broker.coordinator.group.streams.tasks import Task, Tasks, by_subtopology
from broker.coordinator.group.streams.topology import ConfiguredSubtopology, InternalTopic
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, require_group_id, words_of
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages import streams_group_describe as wire
from broker.protocol.messages.streams_group_describe import (
    DescribedGroup,
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
)
from broker.security.acls import Operation, Resource


async def streams_group_describe(
    request: StreamsGroupDescribeRequest, context: RequestContext
) -> StreamsGroupDescribeResponse:
    groups = [_describe(group_id, context) for group_id in request.group_ids]
    if request.include_authorized_operations:
        for group in groups:
            if group.error_code == ErrorCode.NONE:
                group.authorized_operations = context.authorized_operations(
                    Resource.GROUP, group.group_id
                )
    return StreamsGroupDescribeResponse(groups=groups)


def _describe(group_id: str, context: RequestContext) -> DescribedGroup:
    try:
        context.services.groups.settings.require_protocol("streams")
        require_group_id(group_id)
        context.require(Operation.DESCRIBE, Resource.GROUP, group_id)
        group = context.services.groups.streams.describe(group_id)
        topology = _topology(group)
        _require_topics(topology, context)
    except KafkaError as refusal:
        return DescribedGroup(
            error_code=refusal.code, error_message=words_of(refusal), group_id=group_id
        )
    return DescribedGroup(
        group_id=group_id,
        group_state=group.state,
        group_epoch=group.epoch,
        assignment_epoch=group.target_epoch,
        topology=topology,
        members=[_member(member, target) for member, target in group.members],
    )


def _require_topics(topology: wire.Topology | None, context: RequestContext) -> None:
    """A group is told to nobody who may not know all its topics."""
    subtopologies = [] if topology is None else topology.subtopologies or []
    for sub in subtopologies:
        internal = [t.name for t in (*sub.repartition_source_topics, *sub.state_changelog_topics)]
        for name in (*sub.source_topics, *sub.repartition_sink_topics, *internal):
            if not context.is_authorized(Operation.DESCRIBE, Resource.TOPIC, name):
                raise KafkaError(
                    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
                    "The described group uses topics that the client is not authorized to"
                    " describe.",
                )


def _topology(group: StreamsGroupDescription) -> wire.Topology | None:
    """With the numbers of partitions once they are known, else as the application sent it."""
    if group.topology is None:
        return None
    if group.configured is not None:
        configured = group.configured.subtopologies
        parts = [_configured(name, sub) for name, sub in configured.items()]
    else:
        subtopologies = sorted(group.topology.subtopologies, key=lambda sub: sub.subtopology_id)
        parts = [_asked_for(sub) for sub in subtopologies]
    return wire.Topology(group.topology.epoch, parts)


def _configured(name: str, sub: ConfiguredSubtopology) -> wire.Subtopology:
    return wire.Subtopology(
        name,
        list(dict.fromkeys(sub.source_topics)),
        list(dict.fromkeys(sub.repartition_sink_topics)),
        [_internal(topic) for topic in sub.state_changelog_topics],
        [_internal(topic) for topic in sub.repartition_source_topics],
    )


def _internal(topic: InternalTopic) -> wire.TopicInfo:
    configs = [wire.KeyValue(key, value) for key, value in topic.configs.items()]
    return wire.TopicInfo(topic.name, topic.partitions, topic.replication_factor, configs)


def _asked_for(sub: Subtopology) -> wire.Subtopology:
    return wire.Subtopology(
        sub.subtopology_id,
        sorted(sub.source_topics),
        sorted(sub.repartition_sink_topics),
        _topics(sub.state_changelog_topics),
        _topics(sub.repartition_source_topics),
    )


def _topics(topics: Iterable[TopicInfo]) -> list[wire.TopicInfo]:
    return [
        wire.TopicInfo(
            topic.name,
            topic.partitions,
            topic.replication_factor,
            [wire.KeyValue(one.key, one.value) for one in topic.topic_configs],
        )
        for topic in sorted(topics, key=lambda topic: topic.name)
    ]


def _member(member: StreamsMember, target: Tasks) -> wire.Member:
    endpoint = member.endpoint
    return wire.Member(
        member_id=member.member_id,
        member_epoch=member.owns.epoch,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        topology_epoch=member.topology_epoch,
        process_id=member.process_id,
        user_endpoint=None if endpoint is None else wire.Endpoint(endpoint.host, endpoint.port),
        client_tags=[wire.KeyValue(key, value) for key, value in member.client_tags],
        assignment=_assignment(member.owns.assigned.plain()),
        target_assignment=_assignment(target),
    )


def _assignment(tasks: Tasks) -> wire.Assignment:
    return wire.Assignment(
        _task_ids(tasks.active), _task_ids(tasks.standby), _task_ids(tasks.warmup)
    )


def _task_ids(tasks: Iterable[Task]) -> list[wire.TaskIds]:
    return [wire.TaskIds(name, numbers) for name, numbers in by_subtopology(tasks).items()]


HANDLER = Handler(
    ApiKey.STREAMS_GROUP_DESCRIBE,
    Versions(0, 0),
    StreamsGroupDescribeRequest,
    streams_group_describe,
)
