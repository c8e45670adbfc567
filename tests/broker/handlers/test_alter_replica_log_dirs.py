import asyncio
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.alter_replica_log_dirs import (
    AlterReplicaLogDir,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopic,
)
from broker.protocol.messages.delete_topics import (
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from broker.protocol.messages.describe_log_dirs import (
    DescribableLogDirTopic,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
)
from tests.support.config_calls import set_broker_config
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.security_calls import broker_and_client
from tests.support.topic_calls import batch_of, make_topic, read, write


async def asked(client: RawClient, path: str, topic: str, version: int = 2) -> ErrorCode:
    wanted = AlterReplicaLogDir(path, [AlterReplicaLogDirTopic(topic, [0])])
    response = await client.ask(
        AlterReplicaLogDirsRequest([wanted]), version, AlterReplicaLogDirsResponse
    )
    return ErrorCode(response.results[0].partitions[0].error_code)


async def directory_of(broker: RunningBroker, topic: str) -> str:
    return next(
        directory.path
        for directory in await broker.services.partitions.directories()
        if any(partition.topic == topic for partition in directory.partitions)
    )


async def arrived(broker: RunningBroker, topic: str, path: str) -> None:
    """Wait until a topic lies in `path`; the test's timeout is the bound."""
    while await directory_of(broker, topic) != path:
        await asyncio.sleep(0.005)


@pytest.fixture
def directories(tmp_path: Path) -> tuple[str, str]:
    return str(tmp_path / "a"), str(tmp_path / "b")


@pytest.mark.parametrize("version", [1, 2])
async def test_a_partition_moves_to_where_it_is_asked_to_lie(
    tmp_path: Path, directories: tuple[str, str], version: int
) -> None:
    async with broker_and_client(tmp_path, log_dirs=directories) as (broker, client):
        await make_topic(client, "pages")
        await write(client, "pages", batch_of(b"before"))
        (other,) = set(directories) - {await directory_of(broker, "pages")}

        assert await asked(client, other, "pages", version) == ErrorCode.NONE
        await arrived(broker, "pages", other)

        after = await write(client, "pages", batch_of(b"after"))
        assert (after.error_code, after.base_offset) == (ErrorCode.NONE, 1)
        assert await read(client, "pages") == [b"before", b"after"]
        assert await asked(client, "/nowhere", "pages", version) == ErrorCode.LOG_DIR_NOT_FOUND
        assert await asked(client, other, "none", version) == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)


async def test_a_topic_whose_copy_could_have_no_name_stays_where_it_is(
    client: RawClient, broker: RunningBroker
) -> None:
    (path,) = broker.services.partitions.workers
    longest, longer = "x" * 213, "x" * 214
    await make_topic(client, longest)
    await make_topic(client, longer)

    assert await asked(client, path, longest) == ErrorCode.NONE
    assert await asked(client, path, longer) == ErrorCode.INVALID_TOPIC_EXCEPTION
    assert await asked(client, "/elsewhere", longer) == ErrorCode.INVALID_TOPIC_EXCEPTION


async def test_writers_and_a_restart_lose_nothing_while_it_moves_to_and_fro(
    tmp_path: Path, directories: tuple[str, str]
) -> None:
    batches = [batch_of(b"%d" % number) for number in range(300)]
    async with broker_and_client(tmp_path, log_dirs=directories) as (broker, client):
        await make_topic(client, "pages")
        home = await directory_of(broker, "pages")
        (other,) = set(directories) - {home}
        async with (
            await RawClient.connect(broker.host, broker.port) as mover,
            asyncio.TaskGroup() as tasks,
        ):

            async def to_and_fro() -> None:
                for path in (other, home, other):
                    await asked(mover, path, "pages")
                    await arrived(broker, "pages", path)

            moving = tasks.create_task(to_and_fro())
            answers = [
                await write(client, "pages", one, acks=(1, -1)[n % 2])
                for n, one in enumerate(batches)
            ]
            await moving

        found = await read(client, "pages")

    async with broker_and_client(tmp_path, log_dirs=directories) as (broker, client):
        again = await read(client, "pages")
        lies_in = await directory_of(broker, "pages")

    assert [answer.base_offset for answer in answers] == list(range(300))
    assert found == again == [b"%d" % number for number in range(300)]
    assert lies_in == other


async def test_a_move_is_slowed_down_and_shown_and_given_up_with_its_topic(
    tmp_path: Path, directories: tuple[str, str]
) -> None:
    async with broker_and_client(tmp_path, log_dirs=directories) as (broker, client):
        await set_broker_config(
            client, "", "replica.alter.log.dirs.io.max.bytes.per.second", "1000"
        )
        await make_topic(client, "pages")
        big = batch_of(*[b"%d" % number * 100_000 for number in range(9)])
        for _ in range(12):
            await write(client, "pages", big)
        home = await directory_of(broker, "pages")
        (other,) = set(directories) - {home}

        await asked(client, other, "pages")
        while not any(one.size_bytes for one in broker.services.log_moves.into(other)):
            await asyncio.sleep(0.005)
        request = DescribeLogDirsRequest([DescribableLogDirTopic("pages", [0])])
        response = await client.ask(request, 4, DescribeLogDirsResponse)
        request_to_delete = DeleteTopicsRequest([DeleteTopicState("pages")], timeout_ms=1000)
        await client.ask(request_to_delete, 6, DeleteTopicsResponse)
        gone = await write_error(client)
        await make_topic(client, "pages")  # while the copy of the old one is still slow
        anew = broker.services.partitions.get("pages", 0)
        to = (set(directories) - {await directory_of(broker, "pages")}).pop()
        await asked(client, to, "pages")
        moves = [one.partition for one in broker.services.log_moves.into(to)]

        parts = {one.log_dir: one.topics[0].partitions[0] for one in response.results}
        assert (parts[home].is_future_key, parts[home].offset_lag) == (False, 0)
        assert parts[other].is_future_key
        assert 0 < parts[other].offset_lag < 12 * 9
        assert gone == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert moves == [anew]


async def test_a_move_goes_on_at_once_when_it_is_no_longer_slowed_down(
    tmp_path: Path, directories: tuple[str, str]
) -> None:
    rate = "replica.alter.log.dirs.io.max.bytes.per.second"
    async with broker_and_client(tmp_path, log_dirs=directories) as (broker, client):
        await set_broker_config(client, "", rate, "1000")  # 70 minutes for the first step
        await make_topic(client, "pages")
        big = batch_of(*[b"%d" % number * 100_000 for number in range(9)])
        for _ in range(12):
            await write(client, "pages", big)
        (other,) = set(directories) - {await directory_of(broker, "pages")}
        await asked(client, other, "pages")
        while not any(one.size_bytes for one in broker.services.log_moves.into(other)):
            await asyncio.sleep(0.005)

        await set_broker_config(client, "", rate, "1000000000")
        await arrived(broker, "pages", other)

        assert broker.services.log_moves.into(other) == []
        assert broker.services.partitions.get("pages", 0).log.end_offset == 12 * 9


async def test_compaction_leaves_a_log_alone_that_is_just_put_elsewhere(
    tmp_path: Path, directories: tuple[str, str]
) -> None:
    async with broker_and_client(tmp_path, log_dirs=directories, log_cleaner_backoff_ms=20) as (
        broker,
        client,
    ):
        await make_topic(client, "latest", cleanup_policy="compact", min_cleanable_dirty_ratio="0")
        partition = broker.services.partitions.get("latest", 0)
        async with partition.changing:
            for _ in range(5):
                await write(client, "latest", batch_of(b"x" * 1000, key=b"k"))
            await partition.in_order(lambda: partition.log.roll(0))
            before = partition.log.segments
            while not cleaned_files(partition.log.directory):
                await asyncio.sleep(0.005)
            for _ in range(100):  # time for what does not wait
                await partition.in_order(lambda: None)
            during = partition.log.segments
        while cleaned_files(partition.log.directory):
            await asyncio.sleep(0.005)

    assert before == during


def cleaned_files(directory: str) -> list[Path]:
    return [*Path(directory).glob("*.cleaned"), *Path(directory).glob("*.swap")]


async def test_where_it_lies_already_a_move_elsewhere_is_given_up(
    tmp_path: Path, directories: tuple[str, str]
) -> None:
    async with broker_and_client(tmp_path, log_dirs=directories) as (broker, client):
        await make_topic(client, "pages")
        home = await directory_of(broker, "pages")
        (other,) = set(directories) - {home}
        partition = broker.services.partitions.get("pages", 0)

        broker.services.log_moves.request(partition, other)
        broker.services.log_moves.request(partition, home)

        assert list(broker.services.log_moves.into(other)) == []


async def write_error(client: RawClient) -> ErrorCode:
    return ErrorCode((await write(client, "pages", batch_of(b"x"))).error_code)
