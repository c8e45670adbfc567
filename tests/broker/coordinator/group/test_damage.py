"""What groups do when their log refuses a write or holds records that are none."""

import asyncio
import struct
from pathlib import Path

from broker.coordinator.group.offset_messages import OffsetFetch
from broker.errors import ErrorCode
from broker.metadata.records import OFFSETS_TOPIC
from broker.partition.wishes import ACKS_ALL
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.records.batch import build_batch
from broker.records.record import Record
from broker.storage.log import Origin
from tests.support.group_calls import commit, coordinated, settle
from tests.support.memory_files import MemoryFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.topic_calls import make_topic

UNKNOWN_FUTURE_TYPE = struct.pack(">h", 999)
OFFSET_KEY_CUT_SHORT = struct.pack(">h", 1) + b"\x00\x05ab"


async def test_damaged_records_are_skipped_and_the_groups_beside_them_live(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path, offsets_topic_num_partitions=1) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await coordinated(client)
        damaged = [
            Record(0, 0, OFFSET_KEY_CUT_SHORT, b"\x00\x03"),
            Record(0, 0, b"", b"value"),
            Record(0, 0, None, b"value"),
            Record(0, 0, UNKNOWN_FUTURE_TYPE, b"\x00\x00"),
        ]
        for record in damaged:
            await broker.services.partitions.get(OFFSETS_TOPIC, 0).append(
                memoryview(bytearray(build_batch([record]))),
                acks=ACKS_ALL,
                timeout_ms=10_000,
                now_ms=0,
                origin=Origin.COORDINATOR,
            )
        assert await commit(client, 5) == ErrorCode.NONE
    async with (
        running_broker(tmp_path, offsets_topic_num_partitions=1) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await coordinated(client)
        found = await broker.services.groups.fetch_offsets(OffsetFetch("g", None))

    assert [offset.offset for offset in found] == [5]


async def test_a_refused_write_is_forgotten_and_the_group_lives_on(tmp_path: Path) -> None:
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await coordinated(client)
        joined = await settle(client)
        generation, member_id = joined.generation_id, joined.member_id
        assert await commit(client, 1, generation=generation, member_id=member_id) == 0

        room, files.bytes_left = files.bytes_left, 0
        refused = await commit(client, 2, generation=generation, member_id=member_id)
        files.bytes_left = room
        async with asyncio.timeout(50):
            while (await commit(client, 3, generation=generation, member_id=member_id)) != 0:
                await asyncio.sleep(0)
        beat = await client.ask(HeartbeatRequest("g", generation, member_id), 4, HeartbeatResponse)
        found = await broker.services.groups.fetch_offsets(OffsetFetch("g", None))

    assert refused != ErrorCode.NONE
    assert beat.error_code == ErrorCode.NONE
    assert [offset.offset for offset in found] == [3]
