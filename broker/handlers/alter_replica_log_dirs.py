"""AlterReplicaLogDirs (API key 34): asks for partitions to lie in another log directory (KIP-113).

Needs ALTER on the cluster. Answered at once: the partition is moved in the background, as
DescribeLogDirs shows. LOG_DIR_NOT_FOUND for a directory that the broker does not have,
INVALID_TOPIC_EXCEPTION for a topic whose name leaves no room for that of a copy (KAFKA-4893). Asked
for twice in one request, the last one counts.
"""

from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Handler, RequestContext, Versions
from broker.metadata.records import METADATA_TOPIC
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.alter_replica_log_dirs import (
    AlterReplicaLogDirPartitionResult,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopicResult,
)
from broker.security.acls import Operation, Resource

FILE_NAME_LENGTH_MAX = 255
COPY_SUFFIX_LENGTH = len(f".{'0' * 32}-future")
"""What the name of a partition's directory has more while it is copied, in Kafka and here."""


async def alter_replica_log_dirs(
    request: AlterReplicaLogDirsRequest, context: RequestContext
) -> AlterReplicaLogDirsResponse:
    wanted = {
        (topic.name, index): directory.path
        for directory in request.dirs
        for topic in directory.topics
        for index in topic.partitions
    }
    results: dict[str, AlterReplicaLogDirTopicResult] = {}
    for (name, index), path in wanted.items():
        result = results.setdefault(name, AlterReplicaLogDirTopicResult(name))
        code = _move(name, index, path, context)
        result.partitions.append(AlterReplicaLogDirPartitionResult(index, code))
    return AlterReplicaLogDirsResponse(results=list(results.values()))


def _move(topic: str, index: int, path: str, context: RequestContext) -> ErrorCode:
    services = context.services
    try:
        context.require(Operation.ALTER, Resource.CLUSTER)
        if len(f"{topic}-{index}") + COPY_SUFFIX_LENGTH > FILE_NAME_LENGTH_MAX:
            raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, "The topic name is too long.")
        services.log_moves.worker_of(path)
        if topic == METADATA_TOPIC:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, topic)
        partition = services.partitions.get(topic, index)
        partition.check_usable()
        services.log_moves.request(partition, path)
    except KafkaError as refusal:
        return refusal.code
    return ErrorCode.NONE


HANDLER = Handler(
    ApiKey.ALTER_REPLICA_LOG_DIRS,
    versions=Versions(1, 2),
    request_type=AlterReplicaLogDirsRequest,
    handle=alter_replica_log_dirs,
)
