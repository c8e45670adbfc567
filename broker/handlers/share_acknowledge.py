"""ShareAcknowledge (API key 79): a share consumer answers for records that it was given.

v2 (Kafka 4.2) can renew the locks of records (KIP-1222).
"""

from broker.coordinator.share.messages import Where, acknowledgements
from broker.errors import KafkaError
from broker.handlers.handler import (
    Handler,
    RequestContext,
    Versions,
    refusal_of,
    require_share_member_id,
)
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
        require_share_member_id(member_id)
        said = acknowledgements(request.topics)
        refused = dict.fromkeys(where for where in said if not _may_read(where, context))
        outcomes = await share.acknowledge(
            (group_id, member_id),
            request.share_session_epoch,
            {where: said[where] for where in said if where not in refused},
            connection_id=context.connection_id,
            renewing=request.is_renew_ack,
        )
        outcomes.update(dict.fromkeys(refused, refusal_of(Resource.TOPIC)))
    except KafkaError as refusal:
        return ShareAcknowledgeResponse(error_code=refusal.code)  # as in Kafka, without words
    topics: dict[bytes, ShareAcknowledgeTopicResponse] = {}
    for (topic_id, index), outcome in outcomes.items():
        topic = topics.setdefault(topic_id, ShareAcknowledgeTopicResponse(topic_id))
        data = PartitionData(index, current_leader=LeaderIdAndEpoch())
        if outcome is not None:
            data.error_code, data.error_message = outcome.code, outcome.message or None
        topic.partitions.append(data)
    return ShareAcknowledgeResponse(
        acquisition_lock_timeout_ms=share.lock_ms(group_id), responses=list(topics.values())
    )


def _may_read(where: Where, context: RequestContext) -> bool:
    """A topic that does not exist is answered as such later."""
    name = context.services.cluster.image.names_by_id.get(where[0])
    return name is None or context.is_authorized(Operation.READ, Resource.TOPIC, name)


HANDLER = Handler(
    ApiKey.SHARE_ACKNOWLEDGE, Versions(1, 2), ShareAcknowledgeRequest, share_acknowledge
)
