"""The coordinator on a real broker: restarts, deleted topics, expiry."""

import asyncio
from pathlib import Path

from broker.coordinator.group.offset_messages import OffsetFetch
from broker.errors import ErrorCode
from broker.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from tests.support.group_calls import commit, coordinated, join_consumer_group, settle
from tests.support.manual_clock import ManualClock
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.topic_calls import make_topic

MINUTE_MS = 60_000


async def offsets_of(broker: RunningBroker, group_id: str = "g") -> dict[str, int]:
    """Committed offsets by topic, once all that was decided is on disk."""
    found = await broker.services.groups.fetch_offsets(OffsetFetch(group_id, None))
    return {offset.where.topic: offset.offset for offset in found}


async def test_a_stable_group_and_its_offsets_survive_a_restart(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await coordinated(client)
        joined = await settle(client)
        await commit(client, 5, generation=1, member_id=joined.member_id)
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await coordinated(client)
        request = HeartbeatRequest("g", joined.generation_id, joined.member_id)
        beat = await client.ask(request, 4, HeartbeatResponse)
        offsets = await offsets_of(broker)

    assert beat.error_code == ErrorCode.NONE
    assert offsets == {"pages": 5}


async def test_a_kip_848_member_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages", 2)
        await coordinated(client)
        await join_consumer_group(client)
        before = broker.services.groups.consumer.describe("g")
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await coordinated(client)
        after = broker.services.groups.consumer.describe("g")

    assert after == before
    assert after.members[0].member.owns.assigned


async def test_a_deleted_topic_takes_its_offsets_along(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await make_topic(client, "kept")
        await coordinated(client)
        await commit(client, 5)
        await commit(client, 6, topic="kept")
        request = DeleteTopicsRequest(topic_names=["pages"], timeout_ms=10_000)
        await client.ask(request, 5, DeleteTopicsResponse)
        offsets = await offsets_of(broker)

    assert offsets == {"kept": 6}


async def test_offsets_of_a_group_nobody_is_in_expire(tmp_path: Path) -> None:
    clock = ManualClock()
    async with (
        running_broker(tmp_path, clock, offsets_retention_minutes=1) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await coordinated(client)
        await commit(client, 5)
        groups = broker.services.groups

        clock.advance(MINUTE_MS - 1)
        groups.expire_offsets()
        early = await offsets_of(broker)
        clock.advance(1)
        groups.expire_offsets()
        late = await offsets_of(broker)

        assert (early, late) == ({"pages": 5}, {})
        assert groups.list_groups() == []


async def test_a_member_that_falls_silent_is_dropped_by_the_timer(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path, group_min_session_timeout_ms=1) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await coordinated(client)
        await settle(client, session_timeout_ms=1_500)  # long enough to settle
        async with asyncio.timeout(50):
            while broker.services.groups.describe("g").state != "Empty":
                await asyncio.sleep(0.01)

        assert not broker.services.groups.describe("g").members
