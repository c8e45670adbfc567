"""How long a classic group takes to give all partitions to its members."""

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import Consumer

from tests.benchmarks.peers import Peer

CONSUMERS = 4
PARTITIONS = 12
HEARTBEAT_MS = 100
"""After which a member hears of a rebalance: librdkafka's own 3 s would be all that is measured."""
WAIT_SECONDS_MAX = 30.0


def rebalance_seconds(peer: Peer) -> tuple[float, float]:
    """From the first subscribe until all have partitions; and again when one more joins."""
    topic = f"rebalance-{uuid.uuid4().hex[:8]}"
    peer.create_topic(topic, PARTITIONS)
    consumers: list[Any] = [_consumer(peer, topic) for _ in range(CONSUMERS)]
    try:
        first = _seconds_until_settled(
            consumers, lambda: [one.subscribe([topic]) for one in consumers]
        )
        consumers.append(_consumer(peer, topic))
        joined = _seconds_until_settled(consumers, lambda: consumers[-1].subscribe([topic]))
    finally:
        for one in consumers:
            one.close()
    return first, joined


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
