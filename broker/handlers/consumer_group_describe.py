"""ConsumerGroupDescribe (API key 69): epochs, members and assignments of KIP-848 groups.

Answers for each group: INVALID_GROUP_ID, GROUP_ID_NOT_FOUND, NOT_COORDINATOR,
COORDINATOR_LOAD_IN_PROGRESS, UNSUPPORTED_VERSION (the protocol is off).
"""

from collections.abc import Iterable, Mapping

from broker.coordinator.group.descriptions import ConsumerMemberDescription
from broker.coordinator.group.partitions import Partition, to_topics
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, require_group_id, words_of
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.consumer_group_describe import (
    Assignment,
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    DescribedGroup,
    Member,
    TopicPartitions,
)
from broker.security.acls import Operation, Resource

_CLASSIC_MEMBER, _CONSUMER_MEMBER = 0, 1  # member_type of v1


async def consumer_group_describe(
    request: ConsumerGroupDescribeRequest, context: RequestContext
) -> ConsumerGroupDescribeResponse:
    described = [_describe(group_id, context) for group_id in request.group_ids]
    if request.include_authorized_operations:
        for group in described:
            if group.error_code == ErrorCode.NONE:
                group.authorized_operations = context.authorized_operations(
                    Resource.GROUP, group.group_id
                )
    return ConsumerGroupDescribeResponse(groups=described)


def _describe(group_id: str, context: RequestContext) -> DescribedGroup:
    try:
        context.services.groups.settings.require_protocol("consumer")
        require_group_id(group_id)
        context.require(Operation.DESCRIBE, Resource.GROUP, group_id)
        group = context.services.groups.consumer.describe(group_id)
    except KafkaError as refusal:
        return DescribedGroup(
            error_code=refusal.code, error_message=words_of(refusal), group_id=group_id
        )
    names = context.services.cluster.image.names_by_id
    for name in _topics_of(group.members, names):
        if not context.is_authorized(Operation.DESCRIBE, Resource.TOPIC, name):
            return DescribedGroup(
                error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED,
                error_message="The group has described topic(s) that the client is not authorized"
                " to describe.",
                group_id=group_id,
            )
    return DescribedGroup(
        group_id=group_id,
        group_state=group.state,
        group_epoch=group.epoch,
        assignment_epoch=group.target_epoch,
        assignor_name=group.assignor,
        members=[_member(described, names) for described in group.members],
    )


def _topics_of(
    members: Iterable[ConsumerMemberDescription], names: Mapping[bytes, str]
) -> set[str]:
    """Names of topics that the members have, or wait for."""
    held = (
        topic_id
        for described in members
        for topic_id, _ in (*described.member.owns.assigned, *described.target)
    )
    return {names[topic_id] for topic_id in held if topic_id in names}


def _member(described: ConsumerMemberDescription, names: Mapping[bytes, str]) -> Member:
    member = described.member
    return Member(
        member_id=member.member_id,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        member_epoch=member.owns.epoch,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=sorted(member.topic_names),
        subscribed_topic_regex=member.topic_regex or "",
        assignment=_assignment(member.owns.assigned, names),
        target_assignment=_assignment(described.target, names),
        member_type=_CONSUMER_MEMBER if member.classic is None else _CLASSIC_MEMBER,
    )


def _assignment(partitions: Iterable[Partition], names: Mapping[bytes, str]) -> Assignment:
    """Topics that were deleted meanwhile are left out: they have no name any more."""
    return Assignment(
        [
            TopicPartitions(topic.topic_id, names[topic.topic_id], topic.partitions)
            for topic in to_topics(partitions)
            if topic.topic_id in names
        ]
    )


HANDLER = Handler(
    ApiKey.CONSUMER_GROUP_DESCRIBE,
    Versions(0, 1),
    ConsumerGroupDescribeRequest,
    consumer_group_describe,
)
