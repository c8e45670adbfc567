from collections.abc import Awaitable
from pathlib import Path

from broker.errors import ErrorCode
from broker.protocol.messages import create_partitions
from tests.support.group_calls import coordinated
from tests.support.memory_files import MemoryFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.security_calls import broker_and_client
from tests.support.share_calls import ACCEPT, acknowledge, beat
from tests.support.share_offsets import described, offset_and_lag, worked
from tests.support.topic_calls import make_topic


async def rows(client: RawClient) -> list[tuple[str, int, int, int]]:
    """(topic, partition, start offset, lag) of all that the group knows of."""
    return [
        (topic.topic_name, one.partition_index, one.start_offset, one.lag)
        for topic in (await described(client)).topics
        for one in topic.partitions
    ]


async def records_of(broker: RunningBroker, asked: Awaitable[object]) -> int:
    """How many records are written down for what is asked."""

    def written() -> int:
        return sum(one.log_end_offset for one in broker.services.partitions.all())

    before = written()
    await asked
    return written() - before


async def test_the_start_moves_past_what_is_done_and_the_lag_is_what_is_left(
    client: RawClient,
) -> None:
    jobs = await worked(client)
    before = await offset_and_lag(client)

    await acknowledge(client, jobs, 2, (4, 4, [ACCEPT]))
    after = await offset_and_lag(client)

    assert (before, after) == ((2, 3), (2, 2))


async def test_a_partition_is_told_from_its_assignment_on_and_after_a_restart(
    tmp_path: Path,
) -> None:
    """Apache Kafka 4.2 does so; where the group begins is not known before a member answers."""
    files = MemoryFiles()
    async with broker_and_client(tmp_path, files=files) as (broker, client):
        await make_topic(client, "jobs", 2)
        await coordinated(client)
        await beat(client, topics=["jobs"])
        await beat(client, 1)
        assigned = await rows(client)
        quiet = await records_of(broker, beat(client, 2, topics=["jobs"]))
    async with broker_and_client(tmp_path, files=files) as (broker, client):
        restarted = await rows(client)
        quiet += await records_of(broker, beat(client, 2))

    assert assigned == restarted == [("jobs", 0, -1, -1), ("jobs", 1, -1, -1)]
    assert quiet == 0


async def test_partitions_that_are_added_are_told(client: RawClient) -> None:
    await worked(client)
    grown = create_partitions.CreatePartitionsTopic("jobs", 2, None)
    request = create_partitions.CreatePartitionsRequest([grown], 5_000, False)
    await client.ask(request, 3, create_partitions.CreatePartitionsResponse)

    await beat(client, 1)

    assert await rows(client) == [("jobs", 0, 2, 3), ("jobs", 1, -1, -1)]


async def test_a_topic_that_is_not_there_is_nowhere(client: RawClient) -> None:
    """Apache Kafka 4.2: no error, and no offset."""
    await worked(client)

    nowhere = await described(client, topic="nix")

    (partition,) = nowhere.topics[0].partitions
    assert (partition.error_code, partition.start_offset) == (ErrorCode.NONE, -1)


async def test_a_group_that_is_not_there_is_nowhere(client: RawClient) -> None:
    await coordinated(client)

    nowhere = await described(client, "none")

    assert (nowhere.error_code, nowhere.topics) == (ErrorCode.NONE, [])
