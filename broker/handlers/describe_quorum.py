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
from broker.protocol.primitives import ZERO_UUID
from broker.security.acls import Operation, Resource


async def describe_quorum(
    request: DescribeQuorumRequest, context: RequestContext
) -> DescribeQuorumResponse:
    response = DescribeQuorumResponse(error_message="")
    if not context.is_authorized(Operation.DESCRIBE, Resource.CLUSTER):
        response.error_code = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
        response.error_message = "Cluster authorization failed."
        return response
    asked = [
        (one.topic_name, [p.partition_index for p in one.partitions]) for one in request.topics
    ]
    if asked != [(METADATA_TOPIC, [0])]:
        response.topics = [
            TopicDataResponse(name, [_unknown(index) for index in indexes])
            for name, indexes in asked
        ]
        return response
    response.topics = [TopicDataResponse(METADATA_TOPIC, [_described(context)])]
    listeners = context.services.controllers or (context.listener,)
    response.nodes = [
        Node(
            context.services.cluster.node_id,
            [Listener(one.name, one.host, one.port) for one in listeners],
        )
    ]
    return response


def _unknown(index: int) -> PartitionDataResponse:
    return PartitionDataResponse(
        index,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        "This server does not host this topic-partition.",
    )


def _described(context: RequestContext) -> PartitionDataResponse:
    cluster = context.services.cluster
    partition = cluster.partition
    return PartitionDataResponse(
        partition_index=0,
        error_code=ErrorCode.NONE,
        error_message="",
        leader_id=cluster.node_id,
        leader_epoch=partition.leader_epoch,
        high_watermark=partition.high_watermark,
        current_voters=[
            ReplicaState(
                replica_id=cluster.node_id,
                replica_directory_id=cluster.directory_id
                if cluster.may_quorum_change
                else ZERO_UUID,
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
