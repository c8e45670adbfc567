"""ShareAcknowledge (API key 79): a share consumer answers for records that it was given.

v2 (Kafka 4.2) can renew the locks of records.
"""

from broker.coordinator.share.messages import acknowledgements
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.share_acknowledge import (
    LeaderIdAndEpoch,
    PartitionData,
    ShareAcknowledgeRequest,
    ShareAcknowledgeResponse,
    ShareAcknowledgeTopicResponse,
)
from broker.security.acls import Operation, Resource


async def share_acknowledge(
    request: ShareAcknowledgeRequest, context: RequestContext
) -> ShareAcknowledgeResponse:
    share = context.services.share
    group_id, member_id = request.group_id or "", request.member_id or ""
    try:
        share.require_enabled()
        context.require(Operation.READ, Resource.GROUP, group_id)
        if not group_id or not member_id:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "group id and member id are needed")
        said = acknowledgements(request.topics, context.api_version)
        outcomes = await share.acknowledge((group_id, member_id), request.share_session_epoch, said)
    except KafkaError as refusal:
        return ShareAcknowledgeResponse(error_code=refusal.code, error_message=refusal.message)
    topics: dict[bytes, ShareAcknowledgeTopicResponse] = {}
    for (topic_id, index), outcome in outcomes.items():
        topic = topics.setdefault(topic_id, ShareAcknowledgeTopicResponse(topic_id))
        data = PartitionData(index, current_leader=LeaderIdAndEpoch(-1, -1))
        if outcome is not None:
            data.error_code, data.error_message = outcome.code, outcome.message
        topic.partitions.append(data)
    return ShareAcknowledgeResponse(
        acquisition_lock_timeout_ms=share.lock_ms(group_id), responses=list(topics.values())
    )


HANDLER = Handler(
    ApiKey.SHARE_ACKNOWLEDGE, Versions(1, 2), ShareAcknowledgeRequest, share_acknowledge
)
