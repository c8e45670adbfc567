from pathlib import Path

from broker.protocol.messages.describe_log_dirs import (
    DescribableLogDirTopic,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
)
from tests.support.raw_client import RawClient
from tests.support.topic_calls import batch_of, make_topic, write


async def test_sizes_are_those_of_the_logs(client: RawClient, tmp_path: Path) -> None:
    await make_topic(client, "pages", partitions=2)
    batch = batch_of(b"a")
    await write(client, "pages", batch, partition=1)
    wanted = [DescribableLogDirTopic("pages", [0, 1])]

    response = await client.ask(DescribeLogDirsRequest(wanted), 4, DescribeLogDirsResponse)

    (directory,) = response.results
    (topic,) = directory.topics
    assert directory.log_dir == str(tmp_path / "data" / "broker")
    assert 0 < directory.usable_bytes <= directory.total_bytes
    assert [(one.partition_index, one.partition_size) for one in topic.partitions] == [
        (0, 0),
        (1, len(batch)),
    ]


async def test_null_means_every_topic(client: RawClient) -> None:
    await make_topic(client, "pages")

    response = await client.ask(DescribeLogDirsRequest(None), 1, DescribeLogDirsResponse)

    assert {topic.name for topic in response.results[0].topics} == {"pages"}
