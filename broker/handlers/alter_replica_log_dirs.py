"""AlterReplicaLogDirs (API key 34): asks for partitions to lie in another log directory (KIP-113).

Needs ALTER on the cluster. A partition that lies there already is answered with NONE, a directory
that the broker does not have with LOG_DIR_NOT_FOUND. Between its directories the broker does not
move a partition (docs/left-out.md): KAFKA_STORAGE_ERROR, and everything stays as it is.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.alter_replica_log_dirs import (
    AlterReplicaLogDirPartitionResult,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopicResult,
)
from broker.security.acls import Operation, Resource


async def alter_replica_log_dirs(
    request: AlterReplicaLogDirsRequest, context: RequestContext
) -> AlterReplicaLogDirsResponse:
    lying_in: dict[tuple[str, int], str] = {}
    directories = set()
    for directory in await context.services.partitions.directories():
        directories.add(directory.path)
        for partition in directory.partitions:
            lying_in[partition.topic, partition.index] = directory.path
    results: dict[str, AlterReplicaLogDirTopicResult] = {}
    for wanted in request.dirs:
        for topic in wanted.topics:
            result = results.setdefault(topic.name, AlterReplicaLogDirTopicResult(topic.name))
            for index in topic.partitions:
                code = ErrorCode.NONE
                try:
                    context.require(Operation.ALTER, Resource.CLUSTER)
                    if wanted.path not in directories:
                        raise KafkaError(ErrorCode.LOG_DIR_NOT_FOUND, wanted.path)
                    context.services.partitions.get(topic.name, index)
                    if lying_in.get((topic.name, index)) != wanted.path:
                        raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "it cannot be moved")
                except KafkaError as refusal:
                    code = refusal.code
                result.partitions.append(AlterReplicaLogDirPartitionResult(index, code))
    return AlterReplicaLogDirsResponse(results=list(results.values()))


HANDLER = Handler(
    ApiKey.ALTER_REPLICA_LOG_DIRS,
    versions=Versions(1, 2),
    request_type=AlterReplicaLogDirsRequest,
    handle=alter_replica_log_dirs,
)
