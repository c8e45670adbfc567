"""DescribeLogDirs (API key 35): log directories, the partitions in them and their sizes.

A partition on its way into a directory is told there as its future, with what it still lacks.
v2 is flexible, v3 adds a top-level error, v4 the room on the disk.
"""

from collections.abc import Iterator

from broker.errors import ErrorCode
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.partition.partition import Partition
from broker.partition.partitions import DirectoryReport
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
    directories = await context.services.partitions.directories()
    return DescribeLogDirsResponse(
        results=[
            DescribeLogDirsResult(
                error_code=ErrorCode.NONE if directory.is_online else ErrorCode.KAFKA_STORAGE_ERROR,
                log_dir=directory.path,
                topics=_topics(directory, wanted, context),
                total_bytes=directory.total_bytes,
                usable_bytes=directory.usable_bytes,
            )
            for directory in directories
        ]
    )


def _topics(
    directory: DirectoryReport, wanted: set[tuple[str, int]] | None, context: RequestContext
) -> list[DescribeLogDirsTopic]:
    by_topic: dict[str, list[DescribeLogDirsPartition]] = {}
    for partition, told in _all_in(directory, context):
        if wanted is None or (partition.topic, partition.index) in wanted:
            by_topic.setdefault(partition.topic, []).append(told)
    return [DescribeLogDirsTopic(name, partitions) for name, partitions in by_topic.items()]


def _all_in(
    directory: DirectoryReport, context: RequestContext
) -> Iterator[tuple[Partition, DescribeLogDirsPartition]]:
    """Partitions that lie in the directory, and those on their way into it."""
    for partition in directory.partitions:
        yield partition, DescribeLogDirsPartition(partition.index, partition.log.size_bytes)
    for move in context.services.log_moves.into(directory.path):
        yield (
            move.partition,
            DescribeLogDirsPartition(
                move.partition.index, move.size_bytes, move.offset_lag, is_future_key=True
            ),
        )


HANDLER = Handler(
    ApiKey.DESCRIBE_LOG_DIRS,
    versions=Versions(1, 4),
    request_type=DescribeLogDirsRequest,
    handle=describe_log_dirs,
    tells_waits=True,
)
