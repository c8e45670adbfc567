"""Server-side assignors of KIP-848: which member shall own which partition in the end.

`range` gives each member a run of neighbouring partitions of each topic, the same run in topics of
equal size. `uniform` spreads all partitions evenly and moves as few as it must.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Partition = tuple[bytes, int]
"""(topic id, partition index)"""

Assignment = dict[str, frozenset[Partition]]
"""member id -> partitions"""


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Who wants which topics, and what those are now."""

    topics_of: Mapping[str, frozenset[bytes]]
    """member id -> topic ids"""
    partitions_of: Mapping[bytes, int]
    """topic id -> number of partitions"""

    def wanted(self) -> dict[bytes, list[str]]:
        """Topics in a fixed order, each with its subscribers in a fixed order."""
        subscribers: dict[bytes, list[str]] = {}
        for member_id in sorted(self.topics_of):
            for topic in self.topics_of[member_id] & self.partitions_of.keys():
                subscribers.setdefault(topic, []).append(member_id)
        return {topic: subscribers[topic] for topic in sorted(subscribers)}


def assign_range(subscriptions: Subscriptions, current: Assignment) -> Assignment:
    """Runs of neighbours; the first members get one more where it does not come out even."""
    shares: dict[str, set[Partition]] = {member: set() for member in subscriptions.topics_of}
    for topic, members in subscriptions.wanted().items():
        least, extra = divmod(subscriptions.partitions_of[topic], len(members))
        start = 0
        for rank, member_id in enumerate(members):
            end = start + least + (rank < extra)
            shares[member_id].update((topic, index) for index in range(start, end))
            start = end
    return {member: frozenset(share) for member, share in shares.items()}


def assign_uniform(subscriptions: Subscriptions, current: Assignment) -> Assignment:
    """Keep what members have as far as that is even, share out the rest to whoever has least."""
    shares = _kept(subscriptions, current)
    wanted = subscriptions.wanted()
    existing = frozenset(wanted)
    if len({topics & existing for topics in subscriptions.topics_of.values()}) == 1:
        _trim(shares, sum(subscriptions.partitions_of[topic] for topic in wanted))
        _hand_out(shares, subscriptions, wanted)
    else:
        _hand_out_by_topic(shares, subscriptions, wanted)
        _even_out(shares, wanted)
    return {member: frozenset(share) for member, share in shares.items()}


def _kept(subscriptions: Subscriptions, current: Assignment) -> dict[str, set[Partition]]:
    """What each member has now and may keep: of topics that it still wants and that still exist."""
    shares: dict[str, set[Partition]] = {}
    taken: set[Partition] = set()
    for member_id in sorted(subscriptions.topics_of):
        wants = subscriptions.topics_of[member_id]
        share = {
            (topic, index)
            for topic, index in current.get(member_id, frozenset())
            if topic in wants and index < subscriptions.partitions_of.get(topic, 0)
        }
        shares[member_id] = share - taken
        taken |= share
    return shares


def _trim(shares: dict[str, set[Partition]], total: int) -> None:
    """All want the same: take from each what is beyond its even part; the rich keep one more."""
    least, extra = divmod(total, len(shares))
    by_load = sorted(shares, key=lambda member: (-len(shares[member]), member))
    for rank, member_id in enumerate(by_load):
        even_part = least + (rank < extra)
        shares[member_id] = set(sorted(shares[member_id])[:even_part])


def _hand_out(
    shares: dict[str, set[Partition]], subscriptions: Subscriptions, topics: Iterable[bytes]
) -> None:
    """All want the same: whoever has least gets the next partition that nobody has."""
    taken = set().union(*shares.values())
    by_load = [(len(share), member_id) for member_id, share in shares.items()]
    heapq.heapify(by_load)
    for topic in topics:
        for index in range(subscriptions.partitions_of[topic]):
            if (topic, index) not in taken:
                load, member_id = by_load[0]
                shares[member_id].add((topic, index))
                heapq.heapreplace(by_load, (load + 1, member_id))


def _hand_out_by_topic(
    shares: dict[str, set[Partition]],
    subscriptions: Subscriptions,
    wanted: Mapping[bytes, list[str]],
) -> None:
    """Wishes differ: whoever of a topic's subscribers has least gets its next free partition."""
    taken = set().union(*shares.values())
    for topic, members in wanted.items():
        for index in range(subscriptions.partitions_of[topic]):
            if (topic, index) not in taken:
                shares[min(members, key=lambda m: len(shares[m]))].add((topic, index))


def _even_out(shares: dict[str, set[Partition]], wanted: Mapping[bytes, list[str]]) -> None:
    """Move partitions from rich to poor until no single move makes two members more equal.

    Each move lowers the sum of squares of the loads, so it ends.
    """
    while (move := _best_move(shares, wanted)) is not None:
        giver, taker, partition = move
        shares[giver].remove(partition)
        shares[taker].add(partition)


def _best_move(
    shares: dict[str, set[Partition]], wanted: Mapping[bytes, list[str]]
) -> tuple[str, str, Partition] | None:
    """From the richest member that can give: (giver, taker, partition); None if all is even."""
    for giver in sorted(shares, key=lambda m: (-len(shares[m]), m)):
        takers = {
            topic: min(wanted[topic], key=lambda m: len(shares[m]))
            for topic in {topic for topic, _ in shares[giver]}
        }
        for partition in sorted(shares[giver]):
            taker = takers[partition[0]]
            if len(shares[giver]) - len(shares[taker]) >= 2:
                return giver, taker, partition
    return None


Assignor = Callable[[Subscriptions, Assignment], Assignment]

ASSIGNORS: Mapping[str, Assignor] = {"uniform": assign_uniform, "range": assign_range}
"""By the names clients ask for; the first is the default."""

DEFAULT_ASSIGNOR = "uniform"
