"""Groups that change between the classic and the KIP-848 protocol while they have members.

Up: the first KIP-848 member that joins a classic group makes a KIP-848 group of it; the classic
members stay in, with what they were assigned, and go on with JoinGroup, SyncGroup and Heartbeat
(hosted_classic). Down: when the last KIP-848 member is gone, what is left becomes a classic group,
whose members join anew; a static one may also come back with the classic protocol, and then nobody
has to. Source: KIP-848, online migration.
"""

from typing import Any

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.consumer_protocol import (
    CONSUMER_PROTOCOL_TYPE,
    assigned_partitions,
    decode_assignment,
    decode_subscription,
    encode_assignment,
)
from broker.coordinator.group.classic.group import UNDER_WAY, ClassicGroup, GroupLimits
from broker.coordinator.group.classic.member import Member, Protocol, Token
from broker.coordinator.group.classic.messages import Answer, JoinResponse, Step, SyncResponse
from broker.coordinator.group.consumer.group import ConsumerGroup, ConsumerMember, Ownership
from broker.coordinator.group.consumer.heartbeat import Draft
from broker.coordinator.group.consumer.records import (
    ClassicMemberMetadata,
    ClassicProtocol,
    ConsumerGroupMetadataKey,
    ConsumerGroupMetadataValue,
    ConsumerGroupTargetAssignmentMetadataKey,
)
from broker.coordinator.group.record_parts import Record, TargetAssignmentMetadata
from broker.coordinator.group.settings import GroupSettings
from broker.coordinator.group.subscribed import metadata_hash
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage


def upgrade(
    group: ClassicGroup[Token], image: ClusterImage, step: Step[Token]
) -> tuple[ConsumerGroup, list[Record]]:
    """The KIP-848 group that the classic one becomes, and the records that make it.

    Requests that wait in the classic group are told to join again. Raises GROUP_ID_NOT_FOUND when
    its members do not speak the consumer protocol, or an assignor of their own does.
    """
    if group.protocol_type != CONSUMER_PROTOCOL_TYPE:
        raise not_upgraded(group.group_id, "the group does not use the consumer embedded protocol.")
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


def not_upgraded(group_id: str, reason: str) -> KafkaError:
    """In Kafka's words."""
    return KafkaError(
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Cannot upgrade classic group {group_id} to consumer group because {reason}",
    )


def _to_consumer(
    group: ClassicGroup[Token], member: Member[Token], image: ClusterImage
) -> tuple[ConsumerMember, Ownership]:
    subscription = decode_subscription(member.protocols[0].metadata if member.protocols else b"")
    assigned = decode_assignment(member.assignment)
    if subscription is None or assigned is None:
        raise not_upgraded(group.group_id, "the embedded consumer protocol is malformed.")
    if assigned.user_data:  # which a KIP-848 group could not hand on
        raise not_upgraded(group.group_id, _CUSTOM_ASSIGNOR)
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
    owned = assigned_partitions(assigned, image)
    return converted, Ownership(group.generation, group.generation, assigned=owned)


_CUSTOM_ASSIGNOR = (
    "an unsupported custom assignor is in use. Please refer to the documentation or switch to a"
    " default assignor before re-attempting the upgrade."
)


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
    """Records that make a classic group of these members, in which each has what it has now."""
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
    return [*group.tombstones(), record]


def close(draft: Draft, settings: GroupSettings, step: Step[Any]) -> None:
    """Somebody left: the records of that, and of becoming a classic group if that is due."""
    step.records.extend(draft.records)
    group = draft.group
    if draft.records and settings.may_downgrade and _is_left_classic(group, settings.classic):
        _go_back(draft, step, is_settled=False)  # nobody covers what the last one left


def close_join(
    draft: Draft, instance_id: str | None, settings: GroupSettings, step: Step[Any]
) -> None:
    """A classic member joined: the records of that. If it took the seat of a static member, and all
    are classic now, the group becomes classic, and goes on as it is unless somebody waits for
    partitions."""
    step.records.extend(draft.records)
    group = draft.group
    took_a_seat = instance_id in draft.original.static_members
    if took_a_seat and settings.may_downgrade and _is_left_classic(group, settings.classic):
        has_all = all(
            member.owns.assigned == group.target.get(member_id, frozenset())
            for member_id, member in group.members.items()
        )
        _go_back(draft, step, is_settled=has_all and group.epoch == draft.original.epoch)


def _go_back(draft: Draft, step: Step[Any], *, is_settled: bool) -> None:
    generation = draft.original.epoch  # the one that the members know
    *forgotten, record = downgrade(draft.group, generation, draft.image, draft.now)
    if not is_settled:
        record.value.current_state_timestamp = UNDER_WAY
    step.records.extend((*forgotten, record))
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
