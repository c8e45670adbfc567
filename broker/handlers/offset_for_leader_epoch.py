"""OffsetForLeaderEpoch (API key 23): where a leader epoch ended (KIP-320).

Brokers asked it of each other first: the right to act for the cluster is enough, for all topics.
"""

from broker.errors import KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.offset_for_leader_epoch import (
    EpochEndOffset,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderTopicResult,
)
from broker.security.acls import Operation, Resource


async def offset_for_leader_epoch(
    request: OffsetForLeaderEpochRequest, context: RequestContext
) -> OffsetForLeaderEpochResponse:
    response = OffsetForLeaderEpochResponse()
    is_broker = context.is_authorized(Operation.CLUSTER_ACTION, Resource.CLUSTER)
    for topic in request.topics:
        result = OffsetForLeaderTopicResult(topic.topic)
        for wanted in topic.partitions:
            answer = EpochEndOffset(partition=wanted.partition)
            try:
                if not is_broker:
                    context.require(Operation.DESCRIBE, Resource.TOPIC, topic.topic)
                partition = context.services.partitions.get(topic.topic, wanted.partition)
                partition.check_usable(wanted.current_leader_epoch)
                answer.leader_epoch, answer.end_offset = partition.end_offset_for_epoch(
                    wanted.leader_epoch
                )
            except KafkaError as refusal:
                answer.error_code = refusal.code
            result.partitions.append(answer)
        response.topics.append(result)
    return response


HANDLER = Handler(
    ApiKey.OFFSET_FOR_LEADER_EPOCH,
    versions=Versions(2, 4),
    request_type=OffsetForLeaderEpochRequest,
    handle=offset_for_leader_epoch,
)
