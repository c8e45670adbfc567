"""DescribeLogDirs (API key 35): log directories, the partitions in them and their sizes.

A partition on its way into a directory is told there as its future, with what it still lacks.
v2 is flexible, v3 adds a top-level error, v4 the room on the disk.
"""

from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.describe_log_dirs import (
    DescribeLogDirsPartition,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
    DescribeLogDirsTopic,
)
from broker.security.acls import Operation, Resource


async def describe_log_dirs(
    request: DescribeLogDirsRequest, context: RequestContext
) -> DescribeLogDirsResponse:
    if not context.is_authorized(Operation.DESCRIBE, Resource.CLUSTER):
        return DescribeLogDirsResponse(error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    wanted = None
    if request.topics is not None:
        wanted = {(topic.topic, index) for topic in request.topics for index in topic.partitions}
    response = DescribeLogDirsResponse()
    for directory in await context.services.partitions.directories():
        result = DescribeLogDirsResult(
            error_code=ErrorCode.NONE if directory.is_online else ErrorCode.KAFKA_STORAGE_ERROR,
            log_dir=directory.path,
            total_bytes=directory.total_bytes,
            usable_bytes=directory.usable_bytes,
        )
        by_topic: dict[str, list[DescribeLogDirsPartition]] = {}
        for partition in directory.partitions:
            if wanted is None or (partition.topic, partition.index) in wanted:
                by_topic.setdefault(partition.topic, []).append(
                    DescribeLogDirsPartition(partition.index, partition.log.size_bytes)
                )
        for move in context.services.log_moves.into(directory.path):
            partition = move.partition
            if wanted is None or (partition.topic, partition.index) in wanted:
                by_topic.setdefault(partition.topic, []).append(
                    DescribeLogDirsPartition(
                        partition.index, move.size_bytes, move.offset_lag, is_future_key=True
                    )
                )
        result.topics = [DescribeLogDirsTopic(name, parts) for name, parts in by_topic.items()]
        response.results.append(result)
    return response


HANDLER = Handler(
    ApiKey.DESCRIBE_LOG_DIRS,
    versions=Versions(1, 4),
    request_type=DescribeLogDirsRequest,
    handle=describe_log_dirs,
    tells_waits=True,
)
