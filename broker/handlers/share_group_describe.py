"""ShareGroupDescribe (API key 77): members of share groups and the partitions they read."""

from broker.coordinator.group.partitions import to_topics
from broker.coordinator.group.share.group import SIMPLE_ASSIGNOR, ShareMember
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions, require_group_id, words_of
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.share_group_describe import (
    Assignment,
    DescribedGroup,
    Member,
    ShareGroupDescribeRequest,
    ShareGroupDescribeResponse,
    TopicPartitions,
)
from broker.security.acls import Operation, Resource


async def share_group_describe(
    request: ShareGroupDescribeRequest, context: RequestContext
) -> ShareGroupDescribeResponse:
    groups = [_describe(group_id, context) for group_id in request.group_ids]
    if request.include_authorized_operations:
        for group in groups:
            if group.error_code == ErrorCode.NONE:
                group.authorized_operations = context.authorized_operations(
                    Resource.GROUP, group.group_id
                )
    return ShareGroupDescribeResponse(groups=groups)


def _describe(group_id: str, context: RequestContext) -> DescribedGroup:
    try:
        context.services.share.require_enabled()
        require_group_id(group_id)
        context.require(Operation.DESCRIBE, Resource.GROUP, group_id)
        group = context.services.groups.share.describe(group_id)
    except KafkaError as refusal:
        return DescribedGroup(
            error_code=refusal.code, error_message=words_of(refusal), group_id=group_id
        )
    return DescribedGroup(
        group_id=group_id,
        group_state=group.state,
        group_epoch=group.epoch,
        assignment_epoch=group.target_epoch,
        assignor_name=SIMPLE_ASSIGNOR,
        members=[_member(member, context) for member in group.members],
    )


def _member(member: ShareMember, context: RequestContext) -> Member:
    names = context.services.cluster.image.names_by_id
    return Member(
        member_id=member.member_id,
        rack_id=member.rack_id,
        member_epoch=member.epoch,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=sorted(member.topic_names),
        assignment=Assignment(
            [
                TopicPartitions(topic.topic_id, names[topic.topic_id], topic.partitions)
                for topic in to_topics(member.assigned)
                if topic.topic_id in names
            ]
        ),
    )


HANDLER = Handler(
    ApiKey.SHARE_GROUP_DESCRIBE, Versions(1, 1), ShareGroupDescribeRequest, share_group_describe
)
