"""DescribeQuorum (API key 55): leader and voters of the metadata log (KIP-595); here one broker."""

from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.records import METADATA_TOPIC
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_quorum import (
    DescribeQuorumRequest,
    DescribeQuorumResponse,
    Listener,
    Node,
    PartitionDataResponse,
    ReplicaState,
    TopicDataResponse,
)
from broker.security.acls import Operation, Resource


async def describe_quorum(
    request: DescribeQuorumRequest, context: RequestContext
) -> DescribeQuorumResponse:
    response = DescribeQuorumResponse(error_message=None)
    if not context.is_authorized(Operation.DESCRIBE, Resource.CLUSTER):
        response.error_code = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
        return response
    for topic in request.topics:
        answers = [
            _described(context)
            if topic.topic_name == METADATA_TOPIC and wanted.partition_index == 0
            else PartitionDataResponse(
                wanted.partition_index, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None
            )
            for wanted in topic.partitions
        ]
        response.topics.append(TopicDataResponse(topic.topic_name, answers))
    listener = context.listener
    response.nodes = [
        Node(
            context.services.cluster.node_id,
            [Listener(listener.name, listener.host, listener.port)],
        )
    ]
    return response


def _described(context: RequestContext) -> PartitionDataResponse:
    cluster = context.services.cluster
    partition = cluster.partition
    return PartitionDataResponse(
        partition_index=0,
        error_code=ErrorCode.NONE,
        error_message=None,
        leader_id=cluster.node_id,
        leader_epoch=partition.leader_epoch,
        high_watermark=partition.high_watermark,
        current_voters=[
            ReplicaState(
                replica_id=cluster.node_id,
                log_end_offset=partition.log_end_offset,
                last_fetch_timestamp=context.now_ms,
                last_caught_up_timestamp=context.now_ms,
            )
        ],
    )


HANDLER = Handler(
    ApiKey.DESCRIBE_QUORUM,
    versions=Versions(0, 2),
    request_type=DescribeQuorumRequest,
    handle=describe_quorum,
)
