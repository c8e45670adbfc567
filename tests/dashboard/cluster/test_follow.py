"""Following a topic: read once for all, bounded, and it says what it passed over."""

import json

import pytest

from dashboard.cluster.browse import Browser, Desk
from dashboard.cluster.fitting import Wish
from dashboard.cluster.follow import Followed, read_on
from dashboard.cluster.model import Partition, Topic
from dashboard.filters.expressions import Expressions
from tests.support.made_cluster import MadeCluster, MadePartition
from tests.support.manual_clock import ManualClock
from tracker.topics import TopicPartition

EVENTS = [TopicPartition("events", 0), TopicPartition("events", 1)]
TOPIC = Topic("events", tuple(Partition("events", n, 1, (1,), (1,), 0, 100, 100) for n in (0, 1)))


@pytest.fixture
def cluster() -> MadeCluster:
    made = MadeCluster()
    made.add_topic("events", MadePartition(end=100), MadePartition(end=100))
    return made


def test_following_begins_at_the_end(cluster: MadeCluster) -> None:
    records, positions, passed = read_on(Desk(cluster, cluster, Expressions()), EVENTS, {})

    assert (records, passed) == ((), 0)
    assert positions == dict.fromkeys(EVENTS, 100)
    assert "read" not in cluster.asked


def test_what_is_new_is_read_in_order_and_only_there(cluster: MadeCluster) -> None:
    cluster.partitions[EVENTS[1]].end = 103

    records, positions, passed = read_on(
        Desk(cluster, cluster, Expressions()), EVENTS, dict.fromkeys(EVENTS, 100)
    )

    assert [(r.partition, r.offset) for r in records] == [(1, 100), (1, 101), (1, 102)]
    assert (positions[EVENTS[1]], passed) == (103, 0)


def test_more_than_a_page_can_show_is_passed_over_and_counted(cluster: MadeCluster) -> None:
    for place in EVENTS:
        cluster.partitions[place].end = 10_100

    records, positions, passed = read_on(
        Desk(cluster, cluster, Expressions()), EVENTS, dict.fromkeys(EVENTS, 100)
    )

    assert (len(records), passed) == (200, 19_800)
    assert {r.offset for r in records} == set(range(10_000, 10_100))
    assert positions == dict.fromkeys(EVENTS, 10_100)


def test_a_topic_that_was_made_anew_is_followed_from_its_end(cluster: MadeCluster) -> None:
    cluster.partitions[EVENTS[0]].end = 4

    records, positions, _ = read_on(
        Desk(cluster, cluster, Expressions()), EVENTS, dict.fromkeys(EVENTS, 100)
    )

    assert (records, positions[EVENTS[0]]) == ((), 4)


@pytest.mark.may_block
async def test_many_watchers_cost_one_read_a_second(cluster: MadeCluster) -> None:
    clock = ManualClock()
    browser = Browser(Desk(cluster, cluster, Expressions()))
    followed = Followed(browser, clock)
    await followed.after(0, TOPIC)
    cluster.partitions[EVENTS[0]].end = 102
    clock.advance(1_000)
    cluster.asked.clear()

    answers = [await followed.after(0, TOPIC) for _ in range(30)]
    browser.close()

    assert cluster.asked.count("read") == 1
    assert {(len(turns), missed) for turns, missed in answers} == {(1, 0)}
    assert len({id(answers[n][0][0].rows(Wish())[0]) for n in range(30)}) == 1, "encoded once"


@pytest.mark.may_block
async def test_who_is_slow_is_told_how_many_looks_were_missed(cluster: MadeCluster) -> None:
    clock = ManualClock()
    browser = Browser(Desk(cluster, cluster, Expressions()))
    followed = Followed(browser, clock)
    await followed.after(0, TOPIC)
    for _ in range(8):
        clock.advance(1_000)
        cluster.partitions[EVENTS[0]].end += 1
        await followed.after(0, TOPIC)

    turns, missed = await followed.after(0, TOPIC)
    browser.close()

    assert (len(turns), missed) == (5, 3)


@pytest.mark.may_block
async def test_rows_are_filtered_for_each_watcher(cluster: MadeCluster) -> None:
    clock = ManualClock()
    browser = Browser(Desk(cluster, cluster, Expressions()))
    followed = Followed(browser, clock)
    await followed.after(0, TOPIC)
    clock.advance(1_000)
    for place in EVENTS:
        cluster.partitions[place].end += 2

    (turn,), _ = await followed.after(0, TOPIC)
    browser.close()

    assert [json.loads(row)["offset"] for row in turn.rows(Wish(partition=1))] == [100, 101]
    assert turn.rows(Wish(text="nowhere in it")) == []
