"""Quotas seen by a client: told in answers, felt as silence."""

import asyncio
import time

from broker.errors import ErrorCode
from broker.protocol.messages import create_topics, fetch, produce
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.security_calls import set_quota
from tests.support.topic_calls import batch_of, fetch_request, make_topic, write

RAW: dict[str, str | None] = {"client-id": "raw"}


def produce_request(acks: int = 1) -> produce.ProduceRequest:
    data = produce.PartitionProduceData(0, memoryview(batch_of(b"x" * 20_000)))
    return produce.ProduceRequest(
        acks=acks,
        timeout_ms=5000,
        topic_data=[produce.TopicProduceData(name="pages", partition_data=[data])],
    )


async def test_a_producer_over_its_rate_is_told_and_not_heard_for_a_while(
    broker: RunningBroker, client: RawClient
) -> None:
    await make_topic(client, "pages")
    await set_quota(client, RAW, producer_byte_rate=2000.0)

    response = await client.ask(produce_request(), 9, produce.ProduceResponse)
    asked_s = asyncio.get_running_loop().time()
    await client.ask(fetch_request("pages"), 12, fetch.FetchResponse)
    waited_s = asyncio.get_running_loop().time() - asked_s
    exposition = (await asyncio.to_thread(broker.services.metrics.exposition)).decode()

    assert response.responses[0].partition_responses[0].error_code == ErrorCode.NONE
    assert 1 <= response.throttle_time_ms <= 200
    assert waited_s >= response.throttle_time_ms / 1000 - 0.002
    assert 'footfall_kafka_throttles_total{quota="producer_byte_rate"} 1.0' in exposition


async def test_a_consumer_over_its_rate_gets_nothing_and_loses_nothing(client: RawClient) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"x" * 20_000))
    await set_quota(client, RAW, consumer_byte_rate=2004.0)

    first = await client.ask(fetch_request("pages"), 12, fetch.FetchResponse)
    second = await client.ask(fetch_request("pages"), 12, fetch.FetchResponse)

    assert len(first.responses[0].partitions[0].records) > 20_000
    assert second.responses == []
    assert second.throttle_time_ms > 0


async def test_topics_beyond_the_rate_of_changes_are_refused(client: RawClient) -> None:
    await set_quota(client, RAW, controller_mutation_rate=1.0)
    wanted = [create_topics.CreatableTopic(f"t{n}", 11, 1) for n in range(3)]

    response = await client.ask(
        create_topics.CreateTopicsRequest(wanted), 7, create_topics.CreateTopicsResponse
    )

    codes = [ErrorCode(topic.error_code) for topic in response.topics]
    assert codes == [ErrorCode.NONE, ErrorCode.NONE, ErrorCode.THROTTLING_QUOTA_EXCEEDED]
    assert response.throttle_time_ms > 10_000


async def test_connections_beyond_the_rate_of_an_address_are_closed(
    client: RawClient, broker: RunningBroker
) -> None:
    await set_quota(client, {"ip": "127.0.0.1"}, connection_creation_rate=1.0)
    began_s = time.monotonic()
    opened = [await asyncio.open_connection(broker.host, broker.port) for _ in range(11)]

    last_reader, last_writer = opened[-1]
    last_writer.write(b"what nobody reads")

    assert await last_reader.read() == b""
    assert time.monotonic() - began_s > 0.5  # Kafka's client would else try again at once
    assert broker.services.metrics.connections_refused["connection_creation_rate"] == 1
    for _, writer in opened:
        writer.close()
