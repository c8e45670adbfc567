"""Clients that send one record to each of some partitions and wait for the answer, acks=all."""

import asyncio
import struct

import uvloop

from broker.protocol.codec import encode_bytes
from broker.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    TopicProduceData,
)
from broker.records.batch import build_batch
from broker.records.record import Record

SECONDS = 2.0
VERSION = 9
RECORD_BYTES = 100


def requests_per_second(bootstrap: str, topic: str, connections: int, partitions: int = 1) -> float:
    """Answered requests a second over all connections, each with a record for each partition."""
    return uvloop.run(_all(bootstrap, connections, _frame(topic, partitions)))


async def _all(bootstrap: str, connections: int, frame: bytes) -> float:
    host, port = bootstrap.split(":")
    loop = asyncio.get_running_loop()
    until = loop.time() + SECONDS
    counts = await asyncio.gather(
        *(_one(host, int(port), frame, until) for _ in range(connections))
    )
    return sum(counts) / SECONDS


async def _one(host: str, port: int, frame: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    loop = asyncio.get_running_loop()
    answered = 0
    while loop.time() < until:
        writer.write(frame)
        (length,) = struct.unpack(">i", await reader.readexactly(4))
        await reader.readexactly(length)
        answered += 1
    writer.close()
    return answered


def _frame(topic: str, partitions: int) -> bytes:
    batch = build_batch([Record(0, 1_700_000_000_000, None, b"x" * RECORD_BYTES)])
    request = ProduceRequest(
        transactional_id=None,
        acks=-1,
        timeout_ms=30_000,
        topic_data=[
            TopicProduceData(
                name=topic,
                partition_data=[
                    PartitionProduceData(index, memoryview(batch)) for index in range(partitions)
                ],
            )
        ],
    )
    header = struct.pack(">hhih", 0, VERSION, 1, 5) + b"small" + b"\0"  # client id, no tags
    body = header + encode_bytes(request, VERSION)
    return struct.pack(">i", len(body)) + body
