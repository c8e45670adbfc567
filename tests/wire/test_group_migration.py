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
CLASSICS: list[dict[str, Any]] = [
    {
        "partition.assignment.strategy": strategy,
        "heartbeat.interval.ms": 300,
        "session.timeout.ms": 6000,
    }
    for strategy in ("range", "cooperative-sticky")
]


def type_of_group(bootstrap: str) -> str:
    """`CLASSIC` or `CONSUMER`."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    listed = admin.list_consumer_groups().result(DEADLINE_S).valid
    (kind,) = [group.type.name for group in listed if group.group_id == "readers"]
    return str(kind)


@pytest.mark.parametrize("classic", CLASSICS)
def test_members_roll_from_classic_to_consumer_and_back(
    tmp_path: Path, classic: dict[str, Any]
) -> None:
    kinds = []
    values: list[str] = []
    read: list[str] = []
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        with members(broker.bootstrap, classic, classic) as (a, b):
            until(share_all(a, b), a, b)
            kinds.append(type_of_group(broker.bootstrap))
            with members(broker.bootstrap, CONSUMER) as (c,):  # up: both kinds share
                until(share_all(a, b, c), a, b, c)
                kinds.append(type_of_group(broker.bootstrap))
                values += produce(broker.bootstrap)
                until(lambda: len(a.values + b.values + c.values) >= RECORDS, a, b, c)
                read += c.values
                for member in (a, b, c):
                    member.consumer.commit(asynchronous=False)
            until(share_all(a, b), a, b)  # down: the only consumer member left
            kinds.append(type_of_group(broker.bootstrap))
            values += produce(broker.bootstrap)
            until(lambda: len(a.values + b.values + read) >= 2 * RECORDS, a, b)
            read += a.values + b.values

    assert kinds == ["CLASSIC", "CONSUMER", "CLASSIC"]
    assert sorted(read) == sorted(values)


def test_the_last_classic_member_leaves_a_consumer_group_behind(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        with members(broker.bootstrap, CONSUMER) as (new,):
            with members(broker.bootstrap, CLASSICS[1]) as (old,):
                until(share_all(old, new), old, new)
            until(lambda: new.owns == set(range(PARTITIONS)), new)
            kind = type_of_group(broker.bootstrap)

    assert kind == "CONSUMER"


def test_a_mixed_group_goes_on_after_the_broker_was_killed(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data", **QUICK_HEARTBEATS) as broker:
        make_topic(broker.bootstrap)
        with members(broker.bootstrap, CLASSICS[1], CONSUMER) as (old, new):
            until(share_all(old, new), old, new)
            broker.kill()
            broker.start()
            values = produce(broker.bootstrap)
            until(lambda: len(old.values + new.values) >= RECORDS, old, new)

            assert sorted(old.values + new.values) == sorted(values)
            assert not old.lost and not new.lost
