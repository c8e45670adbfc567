"""flush.messages and flush.ms, where acks alone ask for no sync (log_flush = os)."""

import asyncio
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from tests.support.memory_files import MemoryFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.topic_calls import batch_of, make_topic, write


@pytest.mark.parametrize("acks", [1, -1])
async def test_after_so_many_records_the_log_is_synced(tmp_path: Path, acks: int) -> None:
    files = MemoryFiles()
    async with (
        running_broker(tmp_path, files=files, log_flush="os") as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages", flush_messages="3")
        log = broker.services.partitions.get("pages", 0).log

        answers = [await write(client, "pages", batch_of(b"a", b"b"), acks=acks)]
        after_two = log.flushed_offset
        answers.append(await write(client, "pages", batch_of(b"c", b"d"), acks=acks))
        while log.flushed_offset < 4:
            await asyncio.sleep(0.001)

        assert [answer.error_code for answer in answers] == [ErrorCode.NONE] * 2
        assert after_two == 0


async def test_a_record_waits_no_longer_than_flush_ms(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path, files=MemoryFiles(), log_flush="os") as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "late", flush_ms="100")
        await make_topic(client, "never")
        late, never = (broker.services.partitions.get(name, 0).log for name in ("late", "never"))

        for name in ("late", "never"):
            await write(client, name, batch_of(b"a"))
        at_once = late.flushed_offset
        while late.flushed_offset < 1:
            await asyncio.sleep(0.01)

        assert (at_once, never.flushed_offset) == (0, 0)
