"""The calls that tests of other calls begin with: make a topic, write to it, read from it."""

from collections.abc import Sequence

from broker.errors import ErrorCode
from broker.protocol.messages import create_topics, delete_topics, fetch, produce
from broker.records.batch import build_batch, iterate
from broker.records.record import Record, decode_records
from tests.support.raw_client import RawClient


async def make_topic(
    client: RawClient, name: str, partitions: int = 1, **configs: str
) -> create_topics.CreatableTopicResult:
    """A new topic; underscores in the names of settings stand for dots."""
    settings = [
        create_topics.CreatableTopicConfig(key.replace("_", "."), value)
        for key, value in configs.items()
    ]
    topic = create_topics.CreatableTopic(name, partitions, 1, [], settings)
    request = create_topics.CreateTopicsRequest([topic])
    response = await client.ask(request, 7, create_topics.CreateTopicsResponse)
    (result,) = response.topics
    assert result.error_code == ErrorCode.NONE, result.error_message
    return result


async def delete_topic(client: RawClient, name: str) -> int:
    """Delete a topic; the outcome."""
    request = delete_topics.DeleteTopicsRequest(topic_names=[name], timeout_ms=10_000)
    response = await client.ask(request, 5, delete_topics.DeleteTopicsResponse)
    return response.responses[0].error_code


def batch_of(*values: bytes | None, key: bytes | None = None, timestamp_ms: int = -1) -> bytes:
    """One batch with a record for each value."""
    return build_batch([Record(0, timestamp_ms, key, value) for value in values])


async def write(
    client: RawClient, topic: str, batch: bytes, partition: int = 0, acks: int = -1
) -> produce.PartitionProduceResponse:
    """Produce one batch; the answer for its partition."""
    data = produce.PartitionProduceData(partition, memoryview(batch))
    request = produce.ProduceRequest(
        acks=acks,
        timeout_ms=5000,
        topic_data=[produce.TopicProduceData(name=topic, partition_data=[data])],
    )
    response = await client.ask(request, 9, produce.ProduceResponse)
    return response.responses[0].partition_responses[0]


def fetch_request(
    topic: str, offset: int = 0, max_wait_ms: int = 0, min_bytes: int = 1
) -> fetch.FetchRequest:
    """A sessionless fetch of partition 0."""
    wanted = fetch.FetchPartition(0, fetch_offset=offset, partition_max_bytes=1 << 20)
    return fetch.FetchRequest(
        max_wait_ms=max_wait_ms,
        min_bytes=min_bytes,
        topics=[fetch.FetchTopic(topic=topic, partitions=[wanted])],
    )


async def read(client: RawClient, topic: str, offset: int = 0) -> list[bytes | None]:
    """Values from `offset` on, as far as one fetch brings them."""
    response = await client.ask(fetch_request(topic, offset), 12, fetch.FetchResponse)
    data = response.responses[0].partitions[0]
    assert data.error_code == ErrorCode.NONE
    return values_in(data.records)


def values_in(records: bytes | memoryview | Sequence[int]) -> list[bytes | None]:
    """Values of all records of some batches."""
    view = memoryview(bytes(records))
    return [
        record.value
        for position, header in iterate(view)
        for record in decode_records(header, view[position : position + header.size_bytes])
    ]
