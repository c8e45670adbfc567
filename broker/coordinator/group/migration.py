"""Groups that change between the classic and the KIP-848 protocol while they have members.

Up: the first KIP-848 member that joins a classic group makes a KIP-848 group of it; the classic
members stay in, with what they were assigned, and go on with JoinGroup, SyncGroup and Heartbeat
(hosted_classic). Down: when the last KIP-848 member is gone, what is left becomes a classic group,
whose members join anew. Source: KIP-848, online migration.
"""

from typing import Any

from broker.coordinator.group.classic_group import UNDER_WAY, ClassicGroup, GroupLimits
from broker.coordinator.group.consumer_group import ConsumerGroup, ConsumerMember, Ownership
from broker.coordinator.group.consumer_heartbeat import Draft
from broker.coordinator.group.consumer_records import (
    ClassicMemberMetadata,
    ClassicProtocol,
    ConsumerGroupMetadataKey,
    ConsumerGroupMetadataValue,
    ConsumerGroupTargetAssignmentMetadataKey,
)
from broker.coordinator.group.member import Member, Protocol, Token
from broker.coordinator.group.messages import Answer, JoinResponse, Moment, Step, SyncResponse
from broker.coordinator.group.record_parts import TargetAssignmentMetadata
from broker.coordinator.group.records import Record
from broker.coordinator.group.settings import GroupSettings
from broker.coordinator.group.subscribed import metadata_hash
from broker.coordinator.group.subscription import (
    CONSUMER_PROTOCOL_TYPE,
    decode_assignment,
    decode_subscription,
    encode_assignment,
)
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage


def upgrade(
    group: ClassicGroup[Token], image: ClusterImage, step: Step[Token]
) -> tuple[ConsumerGroup, list[Record]]:
    """The KIP-848 group that the classic one becomes, and the records that make it.

    Requests that wait in the classic group are told to join again. Raises GROUP_ID_NOT_FOUND when
    its members do not speak the consumer protocol.
    """
    if group.protocol_type != CONSUMER_PROTOCOL_TYPE:
        raise _not_a_consumer_group(group.group_id)
    members = [_to_consumer(group, member, image) for member in group.members.values()]
    made = ConsumerGroup(group.group_id, epoch=group.generation)
    records: list[Record] = []
    for member, owns in members:
        records += [
            made.member_record(member),
            made.target_record(member.member_id, owns.assigned),
            made.ownership_record(member.member_id, owns),
        ]
    topics = frozenset[str]().union(*(member.topic_names for member, _ in members))
    epoch = ConsumerGroupMetadataValue(group.generation, metadata_hash(topics, image))
    target_epoch = TargetAssignmentMetadata(group.generation)
    records += [
        Record(ConsumerGroupMetadataKey(group.group_id), epoch),
        Record(ConsumerGroupTargetAssignmentMetadataKey(group.group_id), target_epoch),
    ]
    for waiting in group.members.values():
        _send_away(waiting, step)
    return made, [*group.tombstones(), *records]


def _not_a_consumer_group(group_id: str) -> KafkaError:
    return KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a consumer group.")


def _to_consumer(
    group: ClassicGroup[Token], member: Member[Token], image: ClusterImage
) -> tuple[ConsumerMember, Ownership]:
    subscription = decode_subscription(member.protocols[0].metadata if member.protocols else b"")
    assigned = decode_assignment(member.assignment, image)
    if subscription is None or assigned is None:
        raise _not_a_consumer_group(group.group_id)
    converted = ConsumerMember(
        member.member_id,
        instance_id=member.group_instance_id,
        rack_id=subscription.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        topic_names=frozenset(subscription.topics),
        classic=to_metadata(member.session_timeout_ms, member.protocols),
    )
    return converted, Ownership(group.generation, group.generation, assigned=assigned)


def to_metadata(session_timeout_ms: int, protocols: tuple[Protocol, ...]) -> ClassicMemberMetadata:
    """What is remembered of a classic member's JoinGroup."""
    return ClassicMemberMetadata(
        session_timeout_ms, [ClassicProtocol(one.name, one.metadata) for one in protocols]
    )


def _send_away(member: Member[Token], step: Step[Token]) -> None:
    error = ErrorCode.REBALANCE_IN_PROGRESS
    if member.parked_join is not None:
        step.answers.append(Answer(member.parked_join, JoinResponse(error, member.member_id)))
    if member.parked_sync is not None:
        step.answers.append(Answer(member.parked_sync, SyncResponse(error)))


def _is_left_classic(group: ConsumerGroup, limits: GroupLimits) -> bool:
    """Only classic members are left, and they could be a classic group."""
    members = group.members.values()
    return bool(members) and len(members) <= limits.members_max and all(m.classic for m in members)


def downgrade(
    group: ConsumerGroup, generation: int, image: ClusterImage, now: Moment
) -> list[Record]:
    """Records that make a classic group of what is left; its next generation follows at once."""
    made: ClassicGroup[Any] = ClassicGroup(
        group.group_id, generation=generation, protocol_type=CONSUMER_PROTOCOL_TYPE
    )
    for member in group.members.values():
        made.members[member.member_id] = _to_classic(member)
    made.leader = next(iter(made.members))
    made.protocol_name = made.elect_protocol()
    assignments = {
        member.member_id: encode_assignment(
            member.owns.assigned, image, made.members[member.member_id].protocols[0].metadata
        )
        for member in group.members.values()
    }
    record = made.to_record(
        now, generation=generation, protocol_name=made.protocol_name, assignments=assignments
    )
    record.value.current_state_timestamp = UNDER_WAY  # nobody covers what the last one left
    return [*group.tombstones(), record]


def close(draft: Draft, settings: GroupSettings, step: Step[Any]) -> None:
    """Somebody left: the records of that, and of becoming a classic group if that is due."""
    step.records.extend(draft.records)
    group = draft.group
    if draft.records and settings.may_downgrade and _is_left_classic(group, settings.classic):
        generation = draft.original.epoch  # the one that the members know
        step.records.extend(downgrade(group, generation, draft.image, draft.now))
        step.restarts = True


def _to_classic(member: ConsumerMember) -> Member[Any]:
    assert member.classic is not None, member
    return Member(
        member_id=member.member_id,
        group_instance_id=member.instance_id,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        session_timeout_ms=member.classic.session_timeout_ms,
        protocols=tuple(
            Protocol(one.name, bytes(one.metadata)) for one in member.classic.supported_protocols
        ),
    )
