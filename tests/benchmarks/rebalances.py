"""How long a classic group takes to give all partitions to its members."""

import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import Consumer

from tests.benchmarks.peers import Peer

CONSUMERS = 4
JOINS = 9
PARTITIONS = 12
HEARTBEAT_MS = 100
"""After which a member hears of a rebalance: librdkafka's own 3 s would be all that is measured."""
WAIT_SECONDS_MAX = 30.0


def rebalance_seconds(peer: Peer) -> tuple[float, float]:
    """From the first subscribe until all have partitions; and the median when one more joins.

    When a join comes between two heartbeats of the members decides how long it takes, so one
    join would tell of that only.
    """
    topic = f"rebalance-{uuid.uuid4().hex[:8]}"
    peer.create_topic(topic, PARTITIONS)
    consumers: list[Any] = [_consumer(peer, topic) for _ in range(CONSUMERS)]
    try:
        first = _seconds_until_settled(
            consumers, lambda: [one.subscribe([topic]) for one in consumers]
        )
        joins = [_seconds_to_join(consumers, _consumer(peer, topic), topic) for _ in range(JOINS)]
    finally:
        for one in consumers:
            one.close()
    return first, statistics.median(joins)


def _seconds_to_join(members: Sequence[Any], one_more: Any, topic: str) -> float:
    """It leaves again, so that the next one finds the same group."""
    try:
        seconds = _seconds_until_settled([*members, one_more], lambda: one_more.subscribe([topic]))
    finally:
        one_more.close()
    _seconds_until_settled(members, lambda: None)
    return seconds


def _consumer(peer: Peer, group: str) -> Any:
    return Consumer(
        {
            "bootstrap.servers": peer.bootstrap,
            "group.id": group,
            "heartbeat.interval.ms": HEARTBEAT_MS,
            "auto.offset.reset": "earliest",
        }
    )


def _seconds_until_settled(consumers: Sequence[Any], begin: Callable[[], object]) -> float:
    begun = time.monotonic()
    begin()
    while time.monotonic() - begun < WAIT_SECONDS_MAX:
        for one in consumers:
            one.poll(0.001)
        held = [len(one.assignment()) for one in consumers]
        if all(held) and sum(held) == PARTITIONS:
            return time.monotonic() - begun
    raise RuntimeError(f"the group is not settled after {WAIT_SECONDS_MAX} s")
