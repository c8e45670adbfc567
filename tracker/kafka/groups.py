"""Streams groups (KIP-1071) and share groups (KIP-932), which no client library describes.

kafka-python carries and codes the messages; what is in them stands in `tracker/kafka/messages` as
in Kafka's protocol (docs/adr/0033). Brokers that do not know such groups have none of them.
"""

import importlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tracker.kafka.answers import GroupDescription, GroupMember
from tracker.kafka.line import Line, client_library
from tracker.topics import TopicPartition

NOT_COORDINATOR: Final = (14, 15, 16)  # loading, not there, elsewhere: ask anew, find it anew


@dataclass(frozen=True, slots=True)
class Subtopology:
    """A part of a streams application whose tasks run by themselves."""

    id: str
    sources: tuple[str, ...]  # topics, repartition topics among them
    repartitions: tuple[str, ...]  # topics it writes for other parts
    changelogs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tasks:
    """What one member of a streams group does: tasks `subtopology_partition`."""

    member_id: str
    process_id: str
    active: tuple[str, ...]
    standby: tuple[str, ...]
    warmup: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StreamsGroup:
    """A streams group as its coordinator describes it."""

    group: GroupDescription
    epoch: int
    topology_epoch: int  # -1: it has no topology yet
    subtopologies: tuple[Subtopology, ...]
    tasks: tuple[Tasks, ...]


@dataclass(frozen=True, slots=True)
class ShareStart:
    """Where a share group stands in one partition."""

    start: int | None  # the first record not yet done with; None: nothing was delivered yet
    lag: int | None  # records not yet done with; None: brokers before 4.2 do not tell


@dataclass(frozen=True, slots=True)
class ShareGroup:
    """A share group: a queue read by all of its members."""

    group_id: str
    state: str
    assignor: str = ""
    members: tuple[GroupMember, ...] = ()
    starts: Mapping[TopicPartition, ShareStart] | None = None  # None: not told

    @property
    def lag(self) -> int | None:
        """Of all partitions; None while no partition tells one."""
        told = [one.lag for one in (self.starts or {}).values() if one.lag is not None]
        return sum(told) if told else None

    def lag_of(self, topic: str) -> int | None:
        """The same of one topic."""
        starts = (self.starts or {}).items()
        told = [one.lag for at, one in starts if at.topic == topic and one.lag is not None]
        return sum(told) if told else None

    @property
    def topics(self) -> tuple[str, ...]:
        named = {place.topic for place in self.starts or ()}
        named |= {place.topic for member in self.members for place in member.assignment}
        return tuple(sorted(named))


class Groups:
    """One cluster's."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def streams(self, group_ids: Sequence[str], timeout_s: float) -> dict[str, StreamsGroup]:
        """Members, tasks and topology; those that are not described are left out."""
        answers = self._asked("StreamsGroupDescribe", group_ids, timeout_s)
        return {
            group.group_id: _streams(group, node)
            for node, answer in answers
            for group in answer.groups
            if group.error_code == 0
        }

    def share(self, group_ids: Sequence[str], timeout_s: float) -> dict[str, ShareGroup]:
        """Members and where they stand; those that are not described are left out."""
        described = self._asked("ShareGroupDescribe", group_ids, timeout_s)
        told = self._asked("DescribeShareGroupOffsets", group_ids, timeout_s)
        starts = {
            group.group_id: _starts(group)
            for _, answer in told
            for group in answer.groups
            if group.error_code == 0
        }
        return {
            group.group_id: ShareGroup(
                group.group_id,
                _word(group.group_state),
                group.assignor_name,
                tuple(_share_member(member) for member in group.members),
                starts.get(group.group_id),
            )
            for _, answer in described
            for group in answer.groups
            if group.error_code == 0
        }

    def _asked(
        self, name: str, group_ids: Sequence[str], timeout_s: float
    ) -> list[tuple[int, Any]]:
        """Answers of the coordinators of these groups, by node."""
        if not group_ids:
            return []

        async def asked(client: Any) -> list[tuple[int, Any]]:
            manager, answers = client._manager, []
            nodes: dict[int, list[str]] = {}
            for group_id, node in (await client._find_coordinator_ids(group_ids)).items():
                nodes.setdefault(node, []).append(group_id)
            for node, named in nodes.items():
                sent = manager.send(
                    _question(name, named), node_id=node, request_timeout_ms=timeout_s * 1000
                )
                answer = await sent
                if any(group.error_code in NOT_COORDINATOR for group in answer.groups):
                    raise LookupError(f"node {node} does not coordinate all of {len(named)} groups")
                answers.append((node, answer))
            return answers

        return self._line.ask(lambda client: client._manager.run(asked, client), timeout_s)


def _question(name: str, group_ids: Sequence[str]) -> Any:
    request = message(f"{name}Request")
    message(f"{name}Response")  # known from now on to who takes answers apart
    if name == "DescribeShareGroupOffsets":
        named = [request.RequestGroup(group_id=one, topics=None) for one in group_ids]
        return request(groups=named)
    return request(group_ids=list(group_ids), include_authorized_operations=False)


@cache
def message(name: str) -> Any:
    """kafka-python's class for a message that stands in `tracker/kafka/messages`."""
    client_library()  # imported with care, whoever asks first
    parent = importlib.import_module("kafka.protocol.api_message").ApiMessage
    with warnings.catch_warnings():  # it reads files in an old way
        warnings.simplefilter("ignore", DeprecationWarning)
        return type(parent)(name, (parent,), {}, load_json="tracker.kafka.messages")


def _word(state: str) -> str:
    """Kafka's state in our words: `not_ready` of `NotReady`."""
    return "".join("_" + c.lower() if c.isupper() else c for c in state).lstrip("_")


def _streams(group: Any, node: int) -> StreamsGroup:
    topology = group.topology
    parts = () if topology is None else tuple(map(_subtopology, topology.subtopologies or ()))
    sources = {part.id: part.sources for part in parts}
    members = tuple(
        GroupMember(
            member.member_id,
            member.client_id,
            member.client_host,
            member.instance_id or "",
            tuple(
                TopicPartition(topic, partition)
                for task in member.assignment.active_tasks
                for topic in sources.get(task.subtopology_id, ())
                for partition in task.partitions
            ),
        )
        for member in group.members
    )
    return StreamsGroup(
        GroupDescription(group.group_id, "streams", _word(group.group_state), "", node, members),
        group.group_epoch,
        -1 if topology is None else topology.epoch,
        parts,
        tuple(_tasks(member) for member in group.members),
    )


def _subtopology(part: Any) -> Subtopology:
    repartitioned = [topic.name for topic in part.repartition_source_topics]
    return Subtopology(
        part.subtopology_id,
        (*part.source_topics, *repartitioned),
        tuple(part.repartition_sink_topics),
        tuple(topic.name for topic in part.state_changelog_topics),
    )


def _tasks(member: Any) -> Tasks:
    def told(tasks: Any) -> tuple[str, ...]:
        return tuple(f"{one.subtopology_id}_{index}" for one in tasks for index in one.partitions)

    has = member.assignment
    return Tasks(
        member.member_id,
        member.process_id,
        told(has.active_tasks),
        told(has.standby_tasks),
        told(has.warmup_tasks),
    )


def _share_member(member: Any) -> GroupMember:
    places = tuple(
        TopicPartition(topic.topic_name, index)
        for topic in member.assignment.topic_partitions
        for index in topic.partitions
    )
    return GroupMember(member.member_id, member.client_id, member.client_host, "", places)


def _starts(group: Any) -> dict[TopicPartition, ShareStart]:
    return {
        TopicPartition(topic.topic_name, part.partition_index): ShareStart(
            part.start_offset if part.start_offset >= 0 else None,
            part.lag if part.lag >= 0 else None,
        )
        for topic in group.topics
        for part in topic.partitions
        if part.error_code == 0
    }
