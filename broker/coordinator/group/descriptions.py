"""Groups as tools see them: DescribeGroups and ListGroups."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from broker.coordinator.group.classic.consumer_protocol import CONSUMER_PROTOCOL_TYPE
from broker.coordinator.group.classic.group import ClassicGroup, ClassicState
from broker.coordinator.group.consumer.group import ConsumerGroup, ConsumerMember
from broker.coordinator.group.partitions import Partition
from broker.coordinator.group.share.group import ShareGroup
from broker.coordinator.group.streams.group import STREAMS_PROTOCOL_TYPE, StreamsGroup

CLASSIC = "classic"
CONSUMER = "consumer"
SHARE = "share"
STREAMS = "streams"


@dataclass(frozen=True, slots=True)
class MemberDescription:
    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    metadata: bytes
    assignment: bytes


@dataclass(frozen=True, slots=True)
class GroupDescription:
    group_id: str
    state: str
    protocol_type: str
    protocol: str
    members: tuple[MemberDescription, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupListing:
    """A group of any kind in the answer to ListGroups."""

    group_id: str
    protocol_type: str
    state: str
    group_type: str


def describe(group: ClassicGroup[Any]) -> GroupDescription:
    """The group now. Subscriptions are shown only while they hold (Stable); assignments are those
    of before while a rebalance is under way."""
    settled = group.state is ClassicState.STABLE
    members = tuple(
        MemberDescription(
            member_id=member.member_id,
            group_instance_id=member.group_instance_id,
            client_id=member.client_id,
            client_host=member.client_host,
            metadata=member.metadata_for(group.protocol_name) if settled else b"",
            assignment=member.assignment,
        )
        for member in group.members.values()
    )
    protocol = (group.protocol_name or "") if settled else ""
    return GroupDescription(
        group.group_id, str(group.state), group.protocol_type or "", protocol, members
    )


@dataclass(frozen=True, slots=True)
class ConsumerMemberDescription:
    member: ConsumerMember
    target: frozenset[Partition]


@dataclass(frozen=True, slots=True)
class ConsumerGroupDescription:
    group_id: str
    state: str
    epoch: int
    target_epoch: int
    assignor: str
    members: tuple[ConsumerMemberDescription, ...]


def describe_consumer(group: ConsumerGroup) -> ConsumerGroupDescription:
    """The group now: what each member owns, and what it shall own."""
    members = tuple(
        ConsumerMemberDescription(member, group.target.get(member.member_id, frozenset()))
        for member in group.members.values()
    )
    return ConsumerGroupDescription(
        group.group_id,
        str(group.state),
        group.epoch,
        group.target_epoch,
        group.favourite_assignor(),
        members,
    )


def listing(
    group: ClassicGroup[Any] | ConsumerGroup | ShareGroup | StreamsGroup,
) -> GroupListing:
    if isinstance(group, StreamsGroup):
        return GroupListing(group.group_id, STREAMS_PROTOCOL_TYPE, str(group.state), STREAMS)
    if isinstance(group, ShareGroup):
        return GroupListing(group.group_id, SHARE, str(group.state), SHARE)
    if isinstance(group, ConsumerGroup):
        return GroupListing(group.group_id, CONSUMER_PROTOCOL_TYPE, str(group.state), CONSUMER)
    return GroupListing(group.group_id, group.protocol_type or "", str(group.state), CLASSIC)


def passes(group: GroupListing, states: Collection[str], types: Collection[str]) -> bool:
    """Whether both filters let the group through; an empty filter lets all; case is ignored."""
    state_ok = not states or group.state.lower() in {state.lower() for state in states}
    return state_ok and (not types or group.group_type.lower() in {kind.lower() for kind in types})
