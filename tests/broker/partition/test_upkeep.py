"""What happens by itself to logs, seen from outside."""

import asyncio
from pathlib import Path

from tests.support.security_calls import broker_and_client
from tests.support.topic_calls import batch_of, make_topic, write


async def test_old_records_of_a_compacted_topic_go_with_the_next_pass_of_compaction(
    tmp_path: Path,
) -> None:
    """As in Apache Kafka: log.cleaner.backoff.ms, and not log.retention.check.interval.ms."""
    async with broker_and_client(tmp_path, log_cleaner_backoff_ms=20) as (broker, client):
        await make_topic(client, "both", cleanup_policy="compact,delete", retention_ms="1000")
        await make_topic(client, "compacted", cleanup_policy="compact", retention_ms="1000")
        for topic in ("compacted", "both"):
            await write(client, topic, batch_of(b"old", key=b"k", timestamp_ms=1))
        both, compacted = (
            broker.services.partitions.get(topic, 0) for topic in ("both", "compacted")
        )

        while both.log_start_offset < 1:
            await asyncio.sleep(0.005)

        assert both.log_start_offset == both.log_end_offset
        assert compacted.log_start_offset == 0
