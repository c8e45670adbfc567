"""What became of the records of a share partition from its start on, counted; Kafka has no question
for it (docs/adr/0032 on what the broker tells beside the protocol).
"""

from collections import Counter
from typing import NamedTuple

from broker.coordinator.share.in_flight import DONE, State
from broker.coordinator.share.share_partition import SharePartition


class Deliveries(NamedTuple):
    """Numbers of offsets. Those that were never given to anybody are in none of them."""

    acquired: int
    """Locked for a member now."""
    available: int
    """Came back, or were forgotten by a restart: they are given again."""
    done: int
    """Acknowledged, rejected or given up, while one before them is not done with."""


def deliveries(one: SharePartition) -> Deliveries:
    """A few thousand steps at most: a group has so many records in flight (KIP-932)."""
    counts: Counter[State] = Counter()
    for first, last, fate in one.pieces():
        counts[fate.state] += last - first + 1
    holes = one.in_flight.holes(one.start, one.holes_end - 1) if one.is_known else []
    forgotten = sum(last - first + 1 for first, last in holes)
    return Deliveries(
        counts[State.ACQUIRED],
        counts[State.AVAILABLE] + forgotten,
        sum(counts[state] for state in DONE),
    )
