from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.alter_replica_log_dirs import (
    AlterReplicaLogDir,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopic,
)
from tests.support.raw_client import RawClient
from tests.support.security_calls import broker_and_client
from tests.support.topic_calls import make_topic


async def asked(client: RawClient, path: str, topic: str, version: int = 2) -> ErrorCode:
    wanted = AlterReplicaLogDir(path, [AlterReplicaLogDirTopic(topic, [0])])
    response = await client.ask(
        AlterReplicaLogDirsRequest([wanted]), version, AlterReplicaLogDirsResponse
    )
    return ErrorCode(response.results[0].partitions[0].error_code)


@pytest.mark.parametrize("version", [1, 2])
async def test_only_where_it_lies_a_partition_can_be_put(tmp_path: Path, version: int) -> None:
    directories = (str(tmp_path / "a"), str(tmp_path / "b"))
    async with broker_and_client(tmp_path, log_dirs=directories) as (broker, client):
        await make_topic(client, "pages")
        lies_in = next(
            directory.path
            for directory in await broker.services.partitions.directories()
            if any(partition.topic == "pages" for partition in directory.partitions)
        )
        (other,) = set(directories) - {lies_in}

        assert await asked(client, lies_in, "pages", version) == ErrorCode.NONE
        assert await asked(client, other, "pages", version) == ErrorCode.KAFKA_STORAGE_ERROR
        assert await asked(client, "/nowhere", "pages", version) == ErrorCode.LOG_DIR_NOT_FOUND
        assert await asked(client, other, "none", version) == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
