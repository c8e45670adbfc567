"""DescribeLogDirs (API key 35): log directories, the partitions in them and their sizes.

v2 is flexible, v3 adds a top-level error, v4 the room on the disk.
"""

from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.partition.partition import Partition
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
        by_topic: dict[str, list[Partition]] = {}
        for partition in directory.partitions:
            if wanted is None or (partition.topic, partition.index) in wanted:
                by_topic.setdefault(partition.topic, []).append(partition)
        result.topics = [
            DescribeLogDirsTopic(
                name,
                [
                    DescribeLogDirsPartition(partition.index, partition.log.size_bytes)
                    for partition in partitions
                ],
            )
            for name, partitions in by_topic.items()
        ]
        response.results.append(result)
    return response


HANDLER = Handler(
    ApiKey.DESCRIBE_LOG_DIRS,
    versions=Versions(1, 4),
    request_type=DescribeLogDirsRequest,
    handle=describe_log_dirs,
)
