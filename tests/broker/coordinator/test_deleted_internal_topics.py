"""An administrator deletes a topic that coordinators live on: they let go, and begin anew.

What Apache Kafka 4.2 answers was looked up by asking it, but for open transactions: there they hang
until somebody aborts them by hand, here they are aborted.
"""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from broker.coordinator.group.offset_messages import OffsetCommit, OffsetFetch, OffsetToCommit
from broker.coordinator.transaction.transaction import TransactionState
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Services
from broker.metadata.image import TopicImage
from broker.metadata.records import OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTIONS_TOPIC
from broker.protocol.messages.find_coordinator import (
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.protocol.messages.join_group import JoinGroupResponse
from broker.protocol.messages.list_groups import ListGroupsRequest, ListGroupsResponse
from tests.support.gated_files import GatedFiles
from tests.support.group_calls import (
    commit,
    coordinated,
    heartbeat_of_nobody,
    join_consumer_group,
    join_request,
    settle,
)
from tests.support.memory_files import MemoryFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import broker_process, running_broker
from tests.support.share_calls import acknowledge, acquired, beat, fetch, from_the_beginning
from tests.support.share_calls import produce as produce_shared
from tests.support.topic_calls import delete_topic, make_topic
from tests.support.transaction_calls import Transactor, committed_values, stored_values
from tests.support.transaction_calls import make_topic as make_topic_inside

SMALL: dict[str, Any] = {
    "transaction_state_log_num_partitions": 2,
    "share_coordinator_state_topic_num_partitions": 2,
}
ORDERS, BILLS = ("orders", 0), ("bills", 0)


def disks(tmp_path: Path) -> tuple[str, ...]:
    return tuple(str(tmp_path / name) for name in "abc")


def disk_of(services: Services, topic: str) -> str:
    """Where partition 0 lies; not where the cluster's own log does."""
    disk = services.partitions.get(topic, 0).log.directory.rpartition("/")[0]
    assert not services.cluster.partition.log.directory.startswith(disk)
    return disk


async def begun_to_delete(
    services: Services, topic: str
) -> asyncio.Task[list[TopicImage | KafkaError]]:
    """The coordinators are without their partition; its log waits for its disk to be deleted."""
    partition = services.partitions.get(topic, 0)
    deleting = asyncio.create_task(services.cluster.delete_topics([topic]))
    await until(lambda: partition.is_forgotten)
    return deleting


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.01)


async def test_members_look_for_their_coordinator_and_find_no_group(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await coordinated(client)
        member = await settle(client)
        await commit(client, 5, generation=1, member_id=member.member_id)
        request = HeartbeatRequest("g", member.generation_id, member.member_id)

        deleted = await delete_topic(client, OFFSETS_TOPIC)
        without = await client.ask(request, 4, HeartbeatResponse)
        commit_without = await commit(client, 6)
        listed = await client.ask(ListGroupsRequest(), 5, ListGroupsResponse)
        await coordinated(client)
        anew = await client.ask(request, 4, HeartbeatResponse)
        offsets = await broker.services.groups.fetch_offsets(OffsetFetch("g", None))
        commit_anew = await commit(client, 7)

    assert deleted == ErrorCode.NONE
    assert without.error_code == commit_without == ErrorCode.NOT_COORDINATOR
    assert (listed.error_code, listed.groups) == (ErrorCode.NONE, [])
    assert anew.error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert offsets == []
    assert commit_anew == ErrorCode.NONE


async def test_who_waits_for_a_rebalance_is_told_at_once(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
        await RawClient.connect(broker.host, broker.port) as other,
    ):
        await make_topic(client, "pages")
        await coordinated(client)
        await settle(client)
        known = await other.ask(join_request(), 9, JoinGroupResponse)
        waiting = other.send(join_request(known.member_id), 9)
        await until(lambda: broker.services.groups.describe("g").state == "PreparingRebalance")

        await delete_topic(client, OFFSETS_TOPIC)
        told = await other.receive(JoinGroupResponse, 9, waiting)

    assert told.error_code == ErrorCode.NOT_COORDINATOR


def commit_inside(services: Services, offset: int) -> Coroutine[Any, Any, object]:
    """A commit of a group without members, as a handler asks for it."""
    one = OffsetToCommit("pages", 0, offset, -1, "")
    return services.groups.commit_offsets(OffsetCommit("g", -1, "", None, (one,)))


async def test_commits_on_their_way_to_the_disk_are_answered_by_the_disk(tmp_path: Path) -> None:
    files = GatedFiles()
    one: dict[str, Any] = {"offsets_topic_num_partitions": 1}
    async with running_broker(tmp_path, files=files, log_dirs=disks(tmp_path), **one) as broker:
        services = broker.services
        async with await RawClient.connect(broker.host, broker.port) as client:
            await make_topic(client, "pages")
            await coordinated(client)
            with files.closed(disk_of(services, OFFSETS_TOPIC)):
                sent = [
                    asyncio.ensure_future(code_of(commit_inside(services, offset)))
                    for offset in range(20)
                ]
                await asyncio.sleep(0)  # all are decided and on their way to the disk
                deleting = await begun_to_delete(services, OFFSETS_TOPIC)
            codes = await asyncio.gather(*sent)
            (gone,) = await deleting
            after = await heartbeat_of_nobody(client)

    assert not isinstance(gone, KafkaError)
    assert set(codes) <= {ErrorCode.NONE, ErrorCode.NOT_COORDINATOR}
    assert after == ErrorCode.NOT_COORDINATOR


async def test_a_kip_848_group_begins_anew(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await coordinated(client)
        await join_consumer_group(client)

        await delete_topic(client, OFFSETS_TOPIC)
        without = await join_consumer_group(client)
        await coordinated(client)
        with pytest.raises(KafkaError) as unknown:
            broker.services.groups.consumer.describe("g")
        again = await join_consumer_group(client)

    assert without.error_code == ErrorCode.NOT_COORDINATOR
    assert unknown.value.code is ErrorCode.GROUP_ID_NOT_FOUND
    assert (again.error_code, again.member_epoch) == (ErrorCode.NONE, 1)


async def test_nothing_of_a_deleted_topic_comes_back_after_kill_9(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data") as process:
        async with await RawClient.connect(process.host, process.port) as client:
            await make_topic(client, "pages")
            await coordinated(client)
            member = await settle(client)
            await commit(client, 5, generation=1, member_id=member.member_id)
            await delete_topic(client, OFFSETS_TOPIC)
        process.kill()
        process.start()
        async with await RawClient.connect(process.host, process.port) as client:
            without = await commit(client, 6)
            await coordinated(client)
            listed = await client.ask(ListGroupsRequest(), 5, ListGroupsResponse)
            made = await commit(client, 7)

    assert without == ErrorCode.NOT_COORDINATOR
    assert listed.groups == []
    assert made == ErrorCode.NONE


# -- transactions ----------------------------------------------------------------------------


async def deleted_and_settled(services: Services) -> None:
    """`__transaction_state` is deleted, and nobody waits for its transactions any more."""
    (gone,) = await services.cluster.delete_topics([TRANSACTIONS_TOPIC])
    assert not isinstance(gone, KafkaError), gone
    await settled(services)


async def settled(services: Services) -> None:
    """Nobody waits for the end of a transaction."""
    places = [services.partitions.get(*place) for place in (ORDERS, BILLS)]
    await until(lambda: all(one.last_stable_offset == one.high_watermark for one in places))


async def test_open_transactions_are_aborted_and_their_readers_go_on(tmp_path: Path) -> None:
    async with running_broker(tmp_path, files=MemoryFiles(), **SMALL) as broker:
        services = broker.services
        await make_topic_inside(services, "orders")
        await make_topic_inside(services, "bills")
        shop = Transactor(services, "shop", version=0)
        before = await shop.begin_life()
        await shop.write(ORDERS, "committed")
        await shop.end(commit=True)
        await shop.write(ORDERS, "open")
        await shop.write(BILLS, "open")

        await deleted_and_settled(services)
        refused = await code_of(shop.end(commit=True))
        after = await shop.begin_life()
        await shop.write(ORDERS, "new")
        await shop.end(commit=True)
        orders, bills = (services.partitions.get(*place) for place in (ORDERS, BILLS))

        assert refused is ErrorCode.NOT_COORDINATOR
        assert after.id != before.id
        assert committed_values(orders) == ["committed", "new"]
        assert orders.last_stable_offset == orders.high_watermark
        assert (committed_values(bills), stored_values(bills)) == ([], ["open"])


async def test_an_old_producer_writes_nothing_into_a_transaction_nobody_knows(
    tmp_path: Path,
) -> None:
    async with running_broker(tmp_path, files=MemoryFiles(), **SMALL) as broker:
        services = broker.services
        await make_topic_inside(services, "orders")
        await make_topic_inside(services, "bills")
        old, new = (Transactor(services, "shop", version=2) for _ in range(2))
        await old.begin_life()
        await old.write(ORDERS, "open")

        await deleted_and_settled(services)
        without = await code_of(old.write(BILLS, "late"))
        await new.begin_life()
        unknown = await code_of(old.write(BILLS, "later"))
        fenced = await code_of(old.write(ORDERS, "latest"))

        assert without is ErrorCode.NOT_COORDINATOR
        assert unknown is ErrorCode.INVALID_PRODUCER_ID_MAPPING
        assert fenced is ErrorCode.INVALID_PRODUCER_EPOCH
        assert stored_values(services.partitions.get(*BILLS)) == []
        assert stored_values(services.partitions.get(*ORDERS)) == ["open"]


async def test_an_end_on_its_way_to_the_disk_is_the_same_everywhere(tmp_path: Path) -> None:
    files = GatedFiles()
    one: dict[str, Any] = {"transaction_state_log_num_partitions": 1}
    async with running_broker(tmp_path, files=files, log_dirs=disks(tmp_path), **one) as broker:
        services = broker.services
        shop = Transactor(services, "shop", version=0)
        await shop.begin_life()
        for place in (ORDERS, BILLS):
            await make_topic_inside(services, place[0])
            await shop.write(place, "sold")

        with files.closed(disk_of(services, TRANSACTIONS_TOPIC)):
            ending = asyncio.ensure_future(code_of(shop.end(commit=True)))
            prepared = TransactionState.PREPARE_COMMIT
            await until(lambda: services.transactions.describe("shop").state is prepared)
            deleting = await begun_to_delete(services, TRANSACTIONS_TOPIC)
        told = await ending
        (gone,) = await deleting
        await settled(services)
        values = [committed_values(services.partitions.get(*place)) for place in (ORDERS, BILLS)]

        assert not isinstance(gone, KafkaError)
        assert told in (ErrorCode.NONE, ErrorCode.NOT_COORDINATOR)
        assert values == [["sold"] if told is ErrorCode.NONE else []] * 2


async def test_a_transaction_ends_though_the_offsets_in_it_are_gone(tmp_path: Path) -> None:
    async with running_broker(tmp_path, files=MemoryFiles(), **SMALL) as broker:
        services = broker.services
        await make_topic_inside(services, "orders")
        await services.cluster.ensure_internal_topic(OFFSETS_TOPIC)
        shop = Transactor(services, "shop", version=0)
        await shop.begin_life()
        await shop.write(ORDERS, "sold")
        offsets = frozenset({(OFFSETS_TOPIC, 0), (OFFSETS_TOPIC, 1)})
        await services.transactions.add_partitions("shop", shop.producer, offsets)

        await services.cluster.delete_topics([OFFSETS_TOPIC])
        await services.cluster.ensure_internal_topic(OFFSETS_TOPIC)
        await shop.end(commit=True)

        assert services.transactions.describe("shop").state is TransactionState.COMPLETE_COMMIT
        assert committed_values(services.partitions.get(*ORDERS)) == ["sold"]


async def code_of(call: Coroutine[Any, Any, object]) -> ErrorCode:
    try:
        await call
    except KafkaError as refusal:
        return refusal.code
    return ErrorCode.NONE


# -- share groups ----------------------------------------------------------------------------


async def test_a_share_group_begins_anew_without_locks(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path, **SMALL) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        topic = await make_topic(client, "pages")
        await coordinated(client, "workers")
        await from_the_beginning(client)
        await produce_shared(client, "pages", 3)
        await beat(client, topics=["pages"])
        first = acquired(await fetch(client, topic.topic_id, 0, max_wait_ms=5000))
        await acknowledge(client, topic.topic_id, 1, (0, 0, [1]))

        await delete_topic(client, SHARE_STATE_TOPIC)
        late = await acknowledge(client, topic.topic_id, 2, (1, 1, [1]))
        again = acquired(await fetch(client, topic.topic_id, 3, max_wait_ms=5000))
        found = await client.ask(FindCoordinatorRequest(key="workers"), 2, FindCoordinatorResponse)

    assert first == [(0, 2, 1)]
    assert late[1] != ErrorCode.NONE
    assert again == [(0, 2, 1)]
    assert found.error_code == ErrorCode.NONE
