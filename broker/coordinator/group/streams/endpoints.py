"""Where the state of an application can be asked: endpoints and the partitions behind them."""

from collections.abc import Iterable

from broker.coordinator.group.streams.group import StreamsGroup
from broker.coordinator.group.streams.messages import EndpointPartitions
from broker.coordinator.group.streams.tasks import Task, by_subtopology
from broker.coordinator.group.streams.topology import ConfiguredTopology
from broker.metadata.image import ClusterImage


def endpoint_partitions(group: StreamsGroup, image: ClusterImage) -> tuple[EndpointPartitions, ...]:
    """Of every member that named an endpoint; none while nobody knows which tasks there are.

    Kafka fails then, so that an application with endpoints cannot wait for its source topics.
    """
    configured = group.memory.configured
    if configured is None or not configured.subtopologies:
        return ()
    return tuple(
        EndpointPartitions(
            member.endpoint,
            _partitions(member.owns.assigned.active.keys(), configured, image),
            _partitions(member.owns.assigned.standby, configured, image),
        )
        for member in group.members.values()
        if member.endpoint is not None
    )


def _partitions(
    tasks: Iterable[Task], configured: ConfiguredTopology, image: ClusterImage
) -> dict[str, list[int]]:
    """A task has the partition of its number in each topic that is large enough to have one."""
    found: dict[str, list[int]] = {}
    for subtopology, numbers in by_subtopology(tasks).items():
        for topic in configured.subtopologies[subtopology].read_topics():
            count = len(image.topics[topic].partitions) if topic in image.topics else 0
            partitions = [number for number in numbers if number < count]
            if partitions:
                found[topic] = partitions
    return found
