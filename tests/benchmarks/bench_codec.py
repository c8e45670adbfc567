"""The codec beside kio, on the messages that decide how fast a broker is."""

import io
import time
from collections.abc import Callable
from typing import Any

from kio.index import load_request_schema, load_response_schema
from kio.serial import entity_reader, entity_writer

from broker.protocol.codec import decode, encode, encode_bytes
from broker.protocol.messages.fetch import (
    FetchableTopicResponse,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    PartitionData,
)
from broker.protocol.messages.metadata import (
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from broker.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    TopicProduceData,
)
from tests.benchmarks.plan import Plan
from tests.benchmarks.table import Row

TITLE = "Codec"
REPEATS = 7
SPENT_S = 0.05  # per repeat


def rows(plan: Plan) -> list[Row]:
    found = []
    for size in (16_384, 1_048_576):
        name = f"decode Produce v9, {size // 1024} KB of records"
        found.append(_decode_row(name, _produce(size), 9))
    found.append(_decode_row("decode Fetch v12 request, 3 partitions", _fetch_request(), 12))
    for size in (0, 1_048_576):
        name = f"encode Fetch v12 response, {size // 1024} KB of records"
        found.append(_encode_row(name, _fetch_response(size), 12))
    found.append(_encode_row("encode Metadata v12, 50 topics of 6", _metadata(50, 6), 12))
    built = _microseconds(lambda: _metadata(50, 6))
    found.append(Row("build Metadata v12, 50 topics of 6", built, "us"))
    return found


def _decode_row(name: str, message: Any, version: int) -> Row:
    data = memoryview(encode_bytes(message, version))
    read = entity_reader(load_request_schema(message.API_KEY, version))
    ours = _microseconds(lambda: decode(type(message), version, data))
    theirs = _microseconds(lambda: read(data, 0))
    return Row(name, ours, "us", ours / theirs, "kio")


def _encode_row(name: str, message: Any, version: int) -> Row:
    kio_type = load_response_schema(message.API_KEY, version)
    theirs_message, _ = entity_reader(kio_type)(encode_bytes(message, version), 0)
    write = entity_writer(kio_type)
    ours = _microseconds(lambda: encode(message, version))
    theirs = _microseconds(lambda: write(io.BytesIO(), theirs_message))
    return Row(name, ours, "us", ours / theirs, "kio")


def _microseconds(call: Callable[[], object]) -> float:
    """The best of some repeats: what the code costs when the machine lets it."""
    call()
    best = float("inf")
    for _ in range(REPEATS):
        count, started = 0, time.perf_counter()
        while (spent := time.perf_counter() - started) < SPENT_S:
            call()
            count += 1
        best = min(best, spent / count)
    return best * 1e6


def _produce(size: int) -> ProduceRequest:
    data = PartitionProduceData(0, bytes(size))
    topic = TopicProduceData(name="events", partition_data=[data])
    return ProduceRequest(acks=-1, timeout_ms=30_000, topic_data=[topic])


def _fetch_request() -> FetchRequest:
    partitions = [FetchPartition(index, 5, 1_000_000 + index) for index in range(3)]
    return FetchRequest(max_wait_ms=500, topics=[FetchTopic("events", partitions=partitions)])


def _fetch_response(size: int) -> FetchResponse:
    partitions = [PartitionData(0, 0, 1000, 1000, 0, records=bytes(size))]
    return FetchResponse(responses=[FetchableTopicResponse("events", partitions=partitions)])


def _metadata(topics: int, partitions: int) -> MetadataResponse:
    return MetadataResponse(
        brokers=[MetadataResponseBroker(1, "127.0.0.1", 9092)],
        cluster_id="x" * 22,
        controller_id=1,
        topics=[
            MetadataResponseTopic(
                name=f"topic-{number}",
                topic_id=number.to_bytes(16, "big"),
                partitions=[
                    MetadataResponsePartition(
                        partition_index=index, leader_id=1, replica_nodes=[1], isr_nodes=[1]
                    )
                    for index in range(partitions)
                ],
            )
            for number in range(topics)
        ],
    )
