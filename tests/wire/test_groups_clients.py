"""Real clients in consumer groups: they share partitions, come, go, die, and lose no offset."""

import asyncio
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from tests.support.group_members import (
    DEADLINE_S,
    PARTITIONS,
    QUICK_HEARTBEATS,
    RECORDS,
    make_topic,
    members,
    produce,
    share_all,
    until,
)
from tests.support.running_broker import broker_process, running_broker

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it reads its schemas in an old way
    from kafka import KafkaConsumer

pytestmark = [pytest.mark.wire, pytest.mark.may_block]

EACH = RECORDS // PARTITIONS

STRATEGIES: list[dict[str, Any]] = [
    {"partition.assignment.strategy": "range"},
    {"partition.assignment.strategy": "roundrobin"},
    {"partition.assignment.strategy": "cooperative-sticky"},
    {"group.protocol": "consumer"},
    {"group.protocol": "consumer", "group.remote.assignor": "range"},
]


@pytest.mark.parametrize("settings", STRATEGIES)
def test_members_share_the_partitions_as_they_come_and_go(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        with members(broker.bootstrap, settings, settings, settings) as (a, b, c):
            until(share_all(a, b, c), a, b, c)
            c.consumer.unsubscribe()  # it gives its partitions up in its next poll
            until(share_all(a, b), a, b, c)
            values = produce(broker.bootstrap)
            until(lambda: len(a.values + b.values) >= RECORDS, a, b)

            assert sorted(a.values + b.values) == sorted(values)
            assert not a.lost and not b.lost


def test_a_cooperative_member_keeps_what_it_need_not_give_up(tmp_path: Path) -> None:
    settings = {"partition.assignment.strategy": "cooperative-sticky"}
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        with members(broker.bootstrap, settings) as (a,):
            until(share_all(a), a)
            with members(broker.bootstrap, settings) as (b,):
                until(share_all(a, b), a, b)

                assert {where.partition for where in a.revoked} == b.owns


def test_a_static_member_comes_back_to_its_partitions_without_a_rebalance(tmp_path: Path) -> None:
    seats = [{"group.instance.id": f"seat-{number}"} for number in range(2)]
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        with members(broker.bootstrap, seats[0]) as (a,):
            with members(broker.bootstrap, seats[1]) as (b,):
                until(share_all(a, b), a, b)
                owned = b.owns
            with members(broker.bootstrap, seats[1]) as (again,):
                until(lambda: again.owns == owned, a, again)

                assert not a.revoked
                assert a.owns == set(range(PARTITIONS)) - owned


def test_committed_offsets_are_where_the_next_member_goes_on(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        first = produce(broker.bootstrap)
        with members(broker.bootstrap, {}) as (a,):
            until(lambda: len(a.values) >= RECORDS, a)
            a.consumer.commit(asynchronous=False)
        second = produce(broker.bootstrap)
        with members(broker.bootstrap, {}) as (b,):
            until(lambda: len(b.values) >= RECORDS, b)

    assert sorted(a.values) == sorted(first)
    assert sorted(b.values) == sorted(second)


@pytest.mark.parametrize("settings", [STRATEGIES[0], STRATEGIES[2], STRATEGIES[3]])
def test_a_group_goes_on_after_the_broker_was_killed(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        with members(broker.bootstrap, settings, settings) as (a, b):
            until(share_all(a, b), a, b)
            first = produce(broker.bootstrap)  # only now: each of the two has offsets to commit
            until(lambda: len(a.values + b.values) >= RECORDS, a, b)
            a.consumer.commit(asynchronous=False)
            b.consumer.commit(asynchronous=False)
            owned = a.owns, b.owns
            a.revoked.clear()
            b.revoked.clear()
            broker.kill()
            broker.start()
            second = produce(broker.bootstrap)
            until(lambda: len(a.values + b.values) >= 2 * RECORDS, a, b)

            assert (a.owns, b.owns) == owned
            assert sorted(a.values + b.values) == sorted(first + second)
            assert not a.revoked and not b.revoked, "a Stable group survives without a rebalance"


def test_acknowledged_commits_survive_a_kill(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "simple"})
        for round_number in range(1, 6):
            wanted = [TopicPartition("pages", p, round_number * 10 + p) for p in range(PARTITIONS)]
            consumer.commit(offsets=wanted, asynchronous=False)
            broker.kill()
            broker.start()
            known = consumer.committed([TopicPartition("pages", p) for p in range(PARTITIONS)], 20)

            assert [where.offset for where in known] == [where.offset for where in wanted]
        consumer.close()


def test_the_lag_can_be_read_back(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        produce(broker.bootstrap)
        consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "simple"})
        consumer.commit(offsets=[TopicPartition("pages", 0, 7)], asynchronous=False)
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})

        listed = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions("simple")])
        (where,) = listed["simple"].result(DEADLINE_S).topic_partitions
        _, end = consumer.get_watermark_offsets(TopicPartition("pages", 0), DEADLINE_S)
        consumer.close()

    assert (where.topic, where.partition, where.offset) == ("pages", 0, 7)
    assert end - where.offset == RECORDS // PARTITIONS - 7


def test_an_administrator_lists_describes_and_deletes_groups(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        with members(broker.bootstrap, {"client.id": "me"}) as (a,):
            until(share_all(a), a)
            listed = admin.list_consumer_groups().result(DEADLINE_S).valid
            stable = admin.describe_consumer_groups(["readers"])["readers"].result(DEADLINE_S)
            with pytest.raises(KafkaException, match="NON_EMPTY_GROUP"):
                admin.delete_consumer_groups(["readers"])["readers"].result(DEADLINE_S)
        empty = admin.describe_consumer_groups(["readers"])["readers"].result(DEADLINE_S)
        admin.delete_consumer_groups(["readers"])["readers"].result(DEADLINE_S)
        left = admin.list_consumer_groups().result(DEADLINE_S).valid

    assert [(group.group_id, group.state) for group in listed] == [
        ("readers", ConsumerGroupState.STABLE)
    ]
    assert stable.partition_assignor == "range"
    (member,) = stable.members
    assert member.client_id == "me" and member.host == "/127.0.0.1"
    assert {where.partition for where in member.assignment.topic_partitions} == set(
        range(PARTITIONS)
    )
    assert empty.state is ConsumerGroupState.EMPTY
    assert left == []


def test_kafka_python_members_share_and_commit(tmp_path: Path) -> None:
    def consumer(bootstrap: str) -> Any:
        return KafkaConsumer(
            "pages",
            bootstrap_servers=bootstrap,
            group_id="readers",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )

    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        values = produce(broker.bootstrap)
        a, b = consumer(broker.bootstrap), consumer(broker.bootstrap)
        read: list[str] = []
        deadline = time.monotonic() + DEADLINE_S
        at: dict[Any, int] = {}  # a partition that moves begins anew with its next owner
        while {len(a.assignment()), len(b.assignment())} != {3} or set(at.values()) != {EACH}:
            for one in (a, b):
                for records in one.poll(50).values():
                    read += [record.value.decode() for record in records]
            at = {where: one.position(where) for one in (a, b) for where in one.assignment()}
            assert time.monotonic() < deadline, (at, len(read))
        a.commit()
        b.commit()
        positions = [one.committed(where) for one in (a, b) for where in one.assignment()]
        a.close()
        b.close()

    assert set(read) == set(values)
    assert positions == [EACH] * PARTITIONS


async def test_aiokafka_members_share_and_commit(tmp_path: Path) -> None:
    def consumer(bootstrap: str) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            "pages",
            bootstrap_servers=bootstrap,
            group_id="readers",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )

    async with running_broker(tmp_path / "data", num_partitions=PARTITIONS) as broker:
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
        await producer.start()
        for number in range(RECORDS):
            await producer.send_and_wait("pages", b"%d" % number, partition=number % PARTITIONS)
        await producer.stop()
        a, b = consumer(broker.bootstrap), consumer(broker.bootstrap)
        await asyncio.gather(a.start(), b.start())
        read: set[bytes] = set()
        async with asyncio.timeout(DEADLINE_S):
            at: dict[Any, int] = {}  # a partition that moves begins anew with its next owner
            while {len(a.assignment()), len(b.assignment())} != {3} or set(at.values()) != {EACH}:
                for one in (a, b):
                    for records in (await one.getmany(timeout_ms=50)).values():
                        read.update(record.value for record in records)
                owned = [(one, where) for one in (a, b) for where in one.assignment()]
                at = {where: await one.position(where) for one, where in owned}
        await a.commit()
        await b.commit()
        positions = [await one.committed(where) for one in (a, b) for where in one.assignment()]
        await asyncio.gather(a.stop(), b.stop())

    assert len(read) == RECORDS
    assert positions == [EACH] * PARTITIONS
