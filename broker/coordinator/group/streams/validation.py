"""What a StreamsGroupHeartbeat may say: refused before the group is looked at, in Kafka's order."""

from broker.coordinator.group.streams.group import JOINING, LEAVING
from broker.coordinator.group.streams.messages import StreamsHeartbeat
from broker.coordinator.group.streams.records import StreamsGroupTopologyValue, Subtopology
from broker.coordinator.group.streams.tasks import Tasks
from broker.coordinator.group.streams.topology import ConfiguredTopology
from broker.errors import ErrorCode, KafkaError


def validate(request: StreamsHeartbeat) -> None:
    """Raises INVALID_REQUEST, or STREAMS_INVALID_TOPOLOGY for a topology that cannot be."""
    problem = _problem(request)
    if problem is not None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, problem)
    if request.topology is not None:
        _validate_topology(request.topology)


def _problem(request: StreamsHeartbeat) -> str | None:
    if request.owned is not None and request.owned.warmup:
        return "WarmupTasks are not supported yet."
    topology = request.topology
    if topology is not None and any(sub.source_topic_regex for sub in topology.subtopologies):
        return "Regular expressions for source topics are not supported yet."
    if not request.member_id:
        return "MemberId can't be empty."
    if not request.group_id:
        return "GroupId can't be empty."
    if request.rack_id == "":
        return "RackId can't be empty."
    if request.member_epoch == JOINING:
        return _problem_with_join(request)
    if request.member_epoch == LEAVING - 1:
        return "InstanceId can't be null."
    if request.member_epoch < LEAVING:
        return f"MemberEpoch is {request.member_epoch}, but must be greater than or equal to -2."
    return None if topology is None else "Topology can only be provided when (re-)joining."


def _problem_with_join(request: StreamsHeartbeat) -> str | None:
    if request.rebalance_timeout_ms == -1:
        return "RebalanceTimeoutMs must be provided in first request."
    if request.owned is None or request.owned.active:
        return "ActiveTasks must be empty when (re-)joining."
    if request.owned.standby:
        return "StandbyTasks must be empty when (re-)joining."
    return None if request.topology else "Topology must be non-null when (re-)joining."


def _validate_topology(topology: StreamsGroupTopologyValue) -> None:
    ids = [sub.subtopology_id for sub in topology.subtopologies]
    if topology.epoch < 0:
        raise _invalid("Topology epoch must be non-negative.")
    if len(set(ids)) < len(ids):
        raise _invalid("Two subtopologies have the same id.")
    for sub in topology.subtopologies:
        for topic in sub.state_changelog_topics:
            if topic.partitions:
                raise _invalid(
                    f"Changelog topic {topic.name} must have an undefined partition count, but it"
                    f" is set to {topic.partitions}."
                )
        for topic in sub.repartition_source_topics:
            if topic.partitions < 0:
                raise _invalid(f"Repartition topic {topic.name} has {topic.partitions} partitions.")
        _validate_indexes(sub)


def _validate_indexes(sub: Subtopology) -> None:
    for group in sub.copartition_groups:
        for indexes, topics in (
            (group.source_topics, len(sub.source_topics)),
            (group.repartition_source_topics, len(sub.repartition_source_topics)),
        ):
            if any(not 0 <= index < topics for index in indexes):
                raise _invalid(f"A copartition group of {sub.subtopology_id} names no topic.")


def validate_tasks(owned: Tasks, configured: ConfiguredTopology) -> None:
    """INVALID_REQUEST when a member says it has a task that there is not."""
    for name, partition in sorted(owned.active | owned.standby | owned.warmup):
        sub = configured.subtopologies.get(name)
        if sub is None:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST, f"Subtopology {name} does not exist in the topology."
            )
        if not 0 <= partition < sub.task_count:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"Task {partition} for subtopology {name} is invalid. Number of tasks for this"
                f" subtopology: {sub.task_count}",
            )


def _invalid(reason: str) -> KafkaError:
    return KafkaError(ErrorCode.STREAMS_INVALID_TOPOLOGY, reason)
