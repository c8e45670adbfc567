"""The transaction coordinator at work: what is ended, when, and what a restart makes of it."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from broker.coordinator import shard
from broker.coordinator.transaction.transaction import PREPARED, Producer, TopicPartition
from broker.coordinator.transaction.transaction import TransactionState as State
from broker.errors import ErrorCode, KafkaError
from broker.handlers.handler import Services
from broker.protocol.primitives import partitions_of_name
from tests.support.gated_files import GatedFiles
from tests.support.manual_clock import ManualClock
from tests.support.memory_files import MemoryFiles
from tests.support.running_broker import running_broker
from tests.support.transaction_calls import (
    TIMEOUT_MS,
    Transactor,
    append_in_transaction,
    committed_values,
    make_topic,
)

SMALL: dict[str, Any] = {"transaction_state_log_num_partitions": 1}
ORDERS, BILLS = ("orders", 0), ("bills", 0)
PLENTY = 1 << 40
DAY_MS = 86_400_000


async def test_a_replay_under_way_shows_no_transaction_to_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Halfway through the log every end of the past looks as if its markers were missing."""
    async with running_broker(tmp_path, files=MemoryFiles(), **SMALL) as broker:
        services = broker.services
        await make_topic(services, "orders")
        shop = Transactor(services, "shop", version=0)
        await shop.begin_life()
        for number in range(3):
            await shop.write(ORDERS, f"{number}")
            await shop.end(commit=True)
        await shop.write(ORDERS, "open")
        partition = services.partitions.get(*ORDERS)
        end_before = partition.log_end_offset

        monkeypatch.setattr(shard, "LOAD_BYTES", 1)
        loading = asyncio.get_running_loop().create_task(services.transactions.upkeep.load())
        while not loading.done():
            await services.transactions.upkeep.resume()
            await asyncio.sleep(0)
        await loading

        assert partition.log_end_offset == end_before
        assert committed_values(partition) == ["0", "1", "2"]


async def test_what_was_ended_meanwhile_is_not_ended_again(tmp_path: Path) -> None:
    """The end of one id waits for its disk; another id ends on its own and begins anew."""
    files = GatedFiles()
    directories = tuple(str(tmp_path / name) for name in "abc")
    async with running_broker(tmp_path, files=files, log_dirs=directories, **SMALL) as broker:
        services, transactions = broker.services, broker.services.transactions
        first, second = (Transactor(services, name, version=0) for name in ("first", "second"))
        await first.begin_life()
        await second.begin_life()
        slow, quick = await places_on_other_disks(services)
        await first.write(slow, "slow")
        await second.write(quick, "quick")

        tasks = asyncio.get_running_loop()
        with files.closed(disk_of(services, slow)) as slow_gate:
            with files.closed(disk_of(services, quick)):
                given_up = tasks.create_task(first.end(commit=True))
                ended = tasks.create_task(second.end(commit=True))
                while transactions.describe("second").state is not State.PREPARE_COMMIT:
                    await asyncio.sleep(0)
                given_up.cancel()  # what it left undone is the background's now
                resumed = tasks.create_task(transactions.upkeep.resume())
                await asyncio.sleep(0)
            await ended
            await second.write(quick, "open")
            slow_gate.set()
            await resumed

        assert transactions.describe("second").state is State.ONGOING
        assert committed_values(services.partitions.get(*quick)) == ["quick"]


async def test_a_transaction_is_complete_when_its_markers_are_on_the_disk(tmp_path: Path) -> None:
    """Written down as complete it is never looked at again: a marker lost then is lost for good."""
    files = GatedFiles()
    directories = tuple(str(tmp_path / name) for name in "abc")
    async with running_broker(tmp_path, files=files, log_dirs=directories, **SMALL) as broker:
        services, transactions = broker.services, broker.services.transactions
        shop, other = (Transactor(services, name, version=0) for name in ("shop", "other"))
        await shop.begin_life()
        slow, _ = await places_on_other_disks(services)
        await shop.write(slow, "value")

        with files.closed(disk_of(services, slow)):
            ending = asyncio.get_running_loop().create_task(shop.end(commit=True))
            while transactions.describe("shop").state is not State.PREPARE_COMMIT:
                await asyncio.sleep(0)
            await other.begin_life()  # its records come behind the decision on the same disk,
            await other.begin_life()  # and behind what would follow that
            await transactions.upkeep.resume()  # which leaves an end under way alone
            seen = transactions.describe("shop").state, ending.done()
        await ending

        assert seen == (State.PREPARE_COMMIT, False)
        assert transactions.describe("shop").state is State.COMPLETE_COMMIT


async def test_a_batch_that_no_transaction_knows_of_is_aborted_and_its_producer_fenced(
    tmp_path: Path,
) -> None:
    """A power cut kept the batch and took the record that its partition had joined (KIP-890)."""
    files = MemoryFiles()
    async with running_broker(tmp_path, files=files, **SMALL) as broker:
        await make_topic(broker.services, "orders")
        await make_topic(broker.services, "bills")
        shop = Transactor(broker.services, "shop", version=2)
        await shop.begin_life()
        await shop.write(ORDERS, "known")
        bills = broker.services.partitions.get(*BILLS)
        await append_in_transaction(bills, shop.producer, 0, "orphan")

    async with running_broker(tmp_path, files=files, **SMALL) as broker:
        shop.services = services = broker.services
        bills = services.partitions.get(*BILLS)
        while bills.log.producer_state.entries[shop.producer.id].transaction_first_offset >= 0:
            await asyncio.sleep(0)
        refusals = [
            await refusal_of(shop.write(BILLS, "more")),
            await refusal_of(shop.end(commit=True)),
        ]
        await shop.begin_life()
        await shop.write(BILLS, "after")
        await shop.end(commit=True)

        assert refusals == [ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.INVALID_TXN_STATE]
        assert committed_values(services.partitions.get(*ORDERS)) == []
        assert committed_values(services.partitions.get(*BILLS)) == ["after"]


@pytest.mark.parametrize("stop", ["killed", "clean"])
async def test_a_damaged_state_partition_refuses_its_ids_and_no_others(
    tmp_path: Path, stop: str
) -> None:
    """After a kill the log is looked through at the start; else the damage is met by who loads."""
    files = MemoryFiles()
    settings: dict[str, Any] = {"transaction_state_log_num_partitions": 2}
    async with running_broker(tmp_path, files=files, **settings) as broker:
        await make_topic(broker.services, "orders")
        for name in ("a", "b"):
            producer = Transactor(broker.services, name, version=0)
            await producer.begin_life()
            await producer.begin_life()
        lost, _ = partitions_of_name("a", 2)
        states = broker.services.partitions.get("__transaction_state", lost)
        directory = states.log.directory
        if stop == "clean":
            await states.in_order(lambda: states.log.roll(0))
            await Transactor(broker.services, "a", version=0).begin_life()
        other, _ = partitions_of_name("b", 2)
        killed = files.after_crash(unsynced_bytes_lost=0, names_lost=False)
    left = killed if stop == "killed" else files
    left.corrupt(f"{directory}/{0:020d}.log", 16 if stop == "clean" else 70)

    async with running_broker(tmp_path, files=left, **settings) as broker:
        unreadable = Transactor(broker.services, "a", version=0)
        sound = Transactor(broker.services, "b", version=0)
        refusal = await refusal_of(unreadable.begin_life())
        await sound.begin_life()

        assert lost != other
        assert refusal is ErrorCode.COORDINATOR_NOT_AVAILABLE
        assert sound.producer.epoch == 2


async def test_an_end_answers_whom_it_made_the_producer_whatever_happens_after(
    tmp_path: Path,
) -> None:
    """The disk fills up between decision and Complete: the state is read again meanwhile."""
    files = MemoryFiles()
    async with running_broker(tmp_path, files=files, **SMALL) as broker:
        services = broker.services
        await make_topic(services, "orders")
        shop = Transactor(services, "shop", version=2)
        begun = await shop.begin_life()
        await shop.write(ORDERS, "value")
        partition = services.partitions.get(*ORDERS)

        ending = asyncio.get_running_loop().create_task(shop.end(commit=True))
        while partition.log.producer_state.entries[begun.id].transaction_first_offset >= 0:
            await asyncio.sleep(0)
        files.bytes_left = 0
        await ending
        files.bytes_left = PLENTY
        await settled(services)

        assert shop.producer == Producer(begun.id, begun.epoch + 1)
        assert services.transactions.describe("shop").producer == shop.producer
        assert committed_values(partition) == ["value"]


@pytest.mark.parametrize("version", [0, 2])
async def test_a_transaction_open_for_too_long_is_aborted_and_its_producer_fenced(
    tmp_path: Path, version: int
) -> None:
    clock = ManualClock()
    async with running_broker(tmp_path, clock, MemoryFiles(), **SMALL) as broker:
        services = broker.services
        await make_topic(services, "orders")
        shop = Transactor(services, "shop", version)
        await shop.begin_life()
        await shop.write(ORDERS, "late")

        clock.advance(TIMEOUT_MS)
        await services.transactions.upkeep.abort_timed_out()
        in_time = services.transactions.describe("shop").state
        clock.advance(1)
        await services.transactions.upkeep.abort_timed_out()
        refusals = [
            await refusal_of(shop.write(ORDERS, "more")),
            await refusal_of(shop.end(commit=True)),
        ]

        assert in_time is State.ONGOING
        assert services.transactions.describe("shop").state is State.COMPLETE_ABORT
        too_late = ErrorCode.INVALID_TXN_STATE if version >= 2 else ErrorCode.PRODUCER_FENCED
        known_here = ErrorCode.INVALID_PRODUCER_EPOCH
        assert refusals == [known_here if version >= 2 else ErrorCode.PRODUCER_FENCED, too_late]
        assert committed_values(services.partitions.get(*ORDERS)) == []


async def test_an_id_that_nobody_used_for_long_is_forgotten_for_good(tmp_path: Path) -> None:
    clock, files = ManualClock(), MemoryFiles()
    async with running_broker(tmp_path, clock, files, **SMALL) as broker:
        await make_topic(broker.services, "orders")
        idle, busy = (Transactor(broker.services, name, version=0) for name in ("idle", "busy"))
        before = await idle.begin_life()
        await busy.begin_life()
        await busy.write(ORDERS, "open")
        clock.advance(8 * DAY_MS)
        await broker.services.transactions.upkeep.expire_idle()

    async with running_broker(tmp_path, clock, files, **SMALL) as broker:
        transactions = broker.services.transactions
        await settled(broker.services)
        idle.services = broker.services
        refusal = await refusal_of(idle.end(commit=True))
        known = [one.transactional_id for one in transactions.all()]
        after = await idle.begin_life()

        assert refusal is ErrorCode.INVALID_PRODUCER_ID_MAPPING
        assert known == ["busy"]
        assert after.id != before.id


async def refusal_of(call: Coroutine[Any, Any, object]) -> ErrorCode:
    with pytest.raises(KafkaError) as refusal:
        await call
    return refusal.value.code


async def settled(services: Services) -> None:
    """Until the coordinator has read its log and nothing is left to be ended."""
    while True:
        with suppress(KafkaError):
            await services.transactions.upkeep.resume()
            if all(one.state not in PREPARED for one in services.transactions.all()):
                return
        await asyncio.sleep(0)


def disk_of(services: Services, place: TopicPartition) -> str:
    return services.partitions.get(*place).log.directory.rpartition("/")[0]


async def places_on_other_disks(services: Services) -> list[TopicPartition]:
    """Two partitions on disks of their own, and not on that of the coordinator."""
    by_disk = {disk_of(services, ("__transaction_state", 0)): ("__transaction_state", 0)}
    for number in range(12):
        await make_topic(services, f"t{number}")
        by_disk.setdefault(disk_of(services, (f"t{number}", 0)), (f"t{number}", 0))
    _, slow, quick = by_disk.values()
    return [slow, quick]


async def test_a_disk_that_stays_full_is_told_once_and_not_every_second(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files, clock = MemoryFiles(), ManualClock()
    async with running_broker(tmp_path, clock, files, **SMALL) as broker:
        services = broker.services
        await make_topic(services, "orders")
        shop = Transactor(services, "shop", version=0)
        await shop.begin_life()
        await shop.write(ORDERS, "late")
        clock.advance(TIMEOUT_MS + 1)

        files.bytes_left = 0
        for _ in range(3):
            with suppress(KafkaError):
                await services.transactions.upkeep.abort_timed_out()
            await services.transactions.upkeep.load()
        files.bytes_left = PLENTY
        while (
            services.partitions.get(*ORDERS)
            .log.producer_state.entries[shop.producer.id]
            .transaction_first_offset
            >= 0
        ):
            await services.transactions.upkeep.abort_timed_out()
            await asyncio.sleep(0)

    put_off = [one.message for one in caplog.records if "put off" in one.message]
    assert len(put_off) == len(set(put_off)) > 0
