"""Watching in the background: away is noticed, the last snapshot stays, everything heals."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import pytest

from dashboard.cluster import keeping
from dashboard.cluster.history_store import HistoryStore
from dashboard.cluster.model import GroupState
from dashboard.cluster.poller import Door, Poller, PollerSettings
from tests.support.made_cluster import MadeCluster, MadePartition
from tests.support.manual_clock import ManualClock
from tracker.kafka.answers import Record
from tracker.topics import TopicPartition

EVENTS = TopicPartition("events", 0)
SEEN_S = 20.0  # told are 3; a machine that runs other tests is slower


@pytest.fixture
def cluster() -> MadeCluster:
    made = MadeCluster()
    made.add_topic("events", MadePartition(end=10))
    made.add_group("g", {EVENTS: 4}, [EVENTS])
    return made


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def poller(cluster: MadeCluster, clock: ManualClock) -> Poller:
    return Poller(PollerSettings("local", 5.0, 5.0, 60.0), Door(cluster, cluster), clock)


async def test_a_look_makes_a_snapshot(poller: Poller) -> None:
    await poller.look()

    assert poller.snapshot is not None
    assert poller.connection.up
    assert not poller.is_stale()


async def test_a_failed_look_keeps_the_last_snapshot_and_says_so(
    poller: Poller, cluster: MadeCluster, clock: ManualClock
) -> None:
    await poller.look()
    cluster.away = True
    clock.advance(5_000)

    await poller.look()

    assert poller.snapshot is not None
    assert poller.snapshot.sequence == 1
    assert poller.is_stale()
    assert poller.connection.error == "made to be away"


async def until(poller: Poller, up: bool) -> None:
    """Returns when the connection is `up`, or not; a test's time limit ends the wait."""
    seen = -1
    while poller.connection.up is not up:
        seen = await poller.wait_for(seen, 1.0)


async def test_away_is_noticed_soon_and_heals_by_itself(
    poller: Poller, cluster: MadeCluster
) -> None:
    async with asyncio.timeout(50), asyncio.TaskGroup() as tasks:
        life = tasks.create_task(poller.run())
        await until(poller, up=True)
        cluster.away = True
        async with asyncio.timeout(SEEN_S):
            await until(poller, up=False)

        cluster.away = False
        async with asyncio.timeout(SEEN_S):
            await until(poller, up=True)
        life.cancel()

    assert poller.snapshot is not None
    assert poller.snapshot.sequence == 2


class GoingAway(MadeCluster):
    """Goes away, as a pulse finds, while a look reads records."""

    def __init__(self) -> None:
        super().__init__()
        self.pulse: Callable[[], None] = lambda: None

    def first(
        self, positions: Mapping[TopicPartition, int], timeout_s: float
    ) -> dict[TopicPartition, Record | None]:
        found = super().first(positions, timeout_s)
        self.away = True
        self.pulse()
        return found


async def test_a_look_that_the_cluster_went_away_in_does_not_call_it_back(
    clock: ManualClock,
) -> None:
    cluster = GoingAway()
    cluster.add_topic("events", MadePartition(end=10))
    cluster.add_group("g", {EVENTS: 4}, [EVENTS])
    poller = Poller(PollerSettings("local", 5.0, 5.0, 60.0), Door(cluster, cluster), clock)
    loop = asyncio.get_running_loop()

    def pulse() -> None:
        asyncio.run_coroutine_threadsafe(poller.pulse(), loop).result(10)

    cluster.pulse = pulse

    await poller.look()

    assert poller.snapshot is not None
    assert not poller.connection.up


async def test_metrics_drop_a_snapshot_older_than_three_looks(
    poller: Poller, clock: ManualClock
) -> None:
    await poller.look()

    clock.advance(31_000)

    assert not poller.is_usable()


async def test_the_pulse_measures_what_arrives(
    poller: Poller, cluster: MadeCluster, clock: ManualClock
) -> None:
    await poller.look()
    await poller.pulse()
    clock.advance(1_000)
    cluster.partitions[EVENTS].end += 40

    await poller.pulse()

    assert poller.live_rate == 40.0


async def test_a_second_poll_does_not_read_the_same_record_again(
    poller: Poller, cluster: MadeCluster, clock: ManualClock
) -> None:
    await poller.look()
    clock.advance(5_000)

    await poller.look()

    assert cluster.reads == [{EVENTS: 4}]


async def test_groups_at_many_offsets_of_one_partition_are_all_read_in_one_look(
    poller: Poller, cluster: MadeCluster
) -> None:
    cluster.add_group("h", {EVENTS: 7}, [EVENTS])

    await poller.look()

    assert cluster.reads == [{EVENTS: 4}, {EVENTS: 7}]


async def test_who_waits_for_news_gets_it(poller: Poller) -> None:
    seen = poller.version

    await poller.look()

    assert await poller.wait_for(seen, 5.0) != seen


async def test_history_knows_the_lag(poller: Poller, clock: ManualClock) -> None:
    await poller.look()

    found = poller.history.range("group.lag:g", 300_000, clock.now_ms())

    assert found.values[-1] == 6.0
    assert poller.snapshot is not None
    assert poller.snapshot.groups["g"].state is GroupState.OK


async def test_a_fault_in_one_look_costs_that_look_only(
    poller: Poller, cluster: MadeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    await poller.look()
    good = poller.snapshot
    cluster.partitions[EVENTS].end = cast(int, "ten")  # what no cluster answers

    await poller.look()
    faulty, kept = poller.connection, poller.snapshot
    cluster.partitions[EVENTS].end = 12
    await poller.look()

    assert "fault in the dashboard" in faulty.error
    assert "look failed" in caplog.text
    assert kept is good
    assert poller.connection.up
    assert poller.snapshot is not None
    assert (poller.snapshot.sequence, poller.snapshot.groups["g"].lag) == (2, 8)


@pytest.mark.may_block
async def test_history_that_the_disk_refuses_is_saved_later(
    cluster: MadeCluster, clock: ManualClock, tmp_path: Path
) -> None:
    path = tmp_path / "history.db"
    store = HistoryStore(path)
    settings = PollerSettings("local", 5.0, 5.0, 60.0)
    poller = Poller(settings, Door(cluster, cluster), clock, store)
    for second in range(0, 60, 5):
        poller.history.add("cluster.in", clock.now_ms() + second * 1_000, float(second))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("ALTER TABLE points RENAME TO away")

    poller.flush()
    other.execute("ALTER TABLE away RENAME TO points")
    poller.flush()

    assert "cluster.in" in {point.series for point in store.load(clock.now_ms())}
    other.close()
    store.close()


async def test_with_too_many_partitions_for_the_pulse_the_rate_comes_from_the_looks(
    cluster: MadeCluster, clock: ManualClock, poller: Poller
) -> None:
    cluster.add_topic("wide", *(MadePartition(end=100) for _ in range(600)))
    await poller.look()
    for number in range(600):
        cluster.partitions[TopicPartition("wide", number)].end += 10
    clock.advance(10_000)
    await poller.look()
    await poller.pulse()

    assert poller.live_rate == 600.0
    assert poller.history.range("cluster.in", 300_000, clock.now_ms()).values[-1] == 600.0


@pytest.mark.may_block
async def test_a_restart_goes_on_from_what_was_stored(
    cluster: MadeCluster, clock: ManualClock, tmp_path: Path
) -> None:
    settings, door = PollerSettings("local", 5.0, 5.0, 60.0), Door(cluster, cluster)
    store = HistoryStore(tmp_path / "history.db")
    before = Poller(settings, door, clock, store)
    await before.look()
    before.flush()
    clock.advance(600_000)
    after = Poller(settings, door, clock, HistoryStore(tmp_path / "history.db"))

    async with asyncio.TaskGroup() as tasks:
        life = tasks.create_task(after.run())
        await until(after, up=True)
        life.cancel()

    assert after.snapshot is not None
    assert after.snapshot.groups["g"].state is GroupState.STALLED


@pytest.mark.may_block
async def test_history_that_cannot_be_read_begins_anew(
    cluster: MadeCluster, clock: ManualClock, tmp_path: Path
) -> None:
    store = HistoryStore(tmp_path / "history.db")
    with sqlite3.connect(tmp_path / "history.db") as other:
        other.execute("DROP TABLE kept")
    other.close()
    settings, door = PollerSettings("local", 5.0, 5.0, 60.0), Door(cluster, cluster)
    poller = Poller(settings, door, clock, store)

    async with asyncio.TaskGroup() as tasks:
        life = tasks.create_task(poller.run())
        await until(poller, up=True)
        life.cancel()

    assert poller.snapshot is not None


def test_what_was_kept_and_is_damaged_is_nothing(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history.db")
    store.keep("lag", b"no such thing", 1)

    assert store.kept("other") is None
    assert keeping.decoded(store.kept("lag") or b"") == keeping.Kept()
