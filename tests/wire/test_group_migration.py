"""Groups that change their protocol while real clients read: nothing is lost or read twice."""

from pathlib import Path
from typing import Any

import pytest
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
from tests.support.running_broker import broker_process

pytestmark = [pytest.mark.wire, pytest.mark.may_block]

CONSUMER: dict[str, Any] = {"group.protocol": "consumer"}
RANGE, COOPERATIVE = (
    {
        "partition.assignment.strategy": strategy,
        "heartbeat.interval.ms": 300,
        "session.timeout.ms": 6000,
    }
    for strategy in ("range", "cooperative-sticky")
)


def type_of_group(bootstrap: str) -> str:
    """`CLASSIC` or `CONSUMER`."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    listed = admin.list_consumer_groups().result(DEADLINE_S).valid
    (kind,) = [group.type.name for group in listed if group.group_id == "readers"]
    return str(kind)


@pytest.mark.parametrize("classic", [[RANGE, RANGE], [COOPERATIVE]])
def test_members_roll_from_classic_to_consumer_and_back(
    tmp_path: Path, classic: list[dict[str, Any]]
) -> None:
    kinds = []
    values: list[str] = []
    read: list[str] = []
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        with members(broker.bootstrap, *classic) as old:
            until(share_all(*old), *old)
            kinds.append(type_of_group(broker.bootstrap))
            with members(broker.bootstrap, CONSUMER) as (new,):  # up: both kinds share
                until(share_all(*old, new), *old, new)
                kinds.append(type_of_group(broker.bootstrap))
                values += produce(broker.bootstrap)
                until(lambda: sum(len(one.values) for one in (*old, new)) >= RECORDS, *old, new)
                read += new.values
                for member in (*old, new):
                    member.consumer.commit(asynchronous=False)
            until(share_all(*old), *old)  # down: the only consumer member left
            kinds.append(type_of_group(broker.bootstrap))
            values += produce(broker.bootstrap)
            until(lambda: len(read) + sum(len(one.values) for one in old) >= 2 * RECORDS, *old)
            read += [value for one in old for value in one.values]

    assert kinds == ["CLASSIC", "CONSUMER", "CLASSIC"]
    assert sorted(read) == sorted(values)


def test_a_group_whose_assignor_keeps_notes_stays_classic_as_in_kafka(tmp_path: Path) -> None:
    """librdkafka's cooperative-sticky writes what a member had into its next assignment; a KIP-848
    group could not hand that on. Apache Kafka 4.2 refuses librdkafka's new member alike."""
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        with members(broker.bootstrap, COOPERATIVE) as (first,):
            until(share_all(first), first)
            with members(broker.bootstrap, COOPERATIVE) as (second,):
                until(share_all(first, second), first, second)
                with members(broker.bootstrap, CONSUMER) as (new,):
                    until(lambda: bool(new.errors), first, second, new)
                assert share_all(first, second)()
                kind = type_of_group(broker.bootstrap)

    assert "The group id does not exist" in str(new.errors[0])
    assert kind == "CLASSIC"


def test_the_last_classic_member_leaves_a_consumer_group_behind(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        with members(broker.bootstrap, CONSUMER) as (new,):
            with members(broker.bootstrap, COOPERATIVE) as (old,):
                until(share_all(old, new), old, new)
            until(lambda: new.owns == set(range(PARTITIONS)), new)
            kind = type_of_group(broker.bootstrap)

    assert kind == "CONSUMER"


def test_a_mixed_group_goes_on_after_the_broker_was_killed(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        patient = COOPERATIVE | {
            "session.timeout.ms": 45_000
        }  # longer than a start on a slow machine
        with members(broker.bootstrap, patient, CONSUMER) as (old, new):
            until(share_all(old, new), old, new)
            broker.kill()
            broker.start()
            values = produce(broker.bootstrap)
            until(lambda: len(old.values + new.values) >= RECORDS, old, new)

            assert sorted(old.values + new.values) == sorted(values)
            assert not old.lost and not new.lost
