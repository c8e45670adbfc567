"""Server-side assignors of KIP-848: which member shall own which partition in the end.

`range` gives each member a run of neighbouring partitions of each topic, the same run in topics of
equal size. `uniform` spreads all partitions evenly and moves as few as it must.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from broker.coordinator.group.partitions import Assignment, Partition
from broker.protocol.primitives import java_map_order


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Who wants which topics, and what those are now."""

    topics_of: Mapping[str, frozenset[bytes]]
    """member id -> topic ids"""
    partitions_of: Mapping[bytes, int]
    """topic id -> number of partitions"""
    seats: Mapping[str, str] = field(default_factory=dict)
    """member id -> instance id of static members"""

    def in_order(self) -> list[str]:
        """Static members by their instance ids, then the others by their own."""
        return sorted(self.topics_of, key=lambda m: (m not in self.seats, self.seats.get(m, m)))

    def wanted(self) -> dict[bytes, list[str]]:
        """Topics in a fixed order, each with its subscribers in a fixed order."""
        subscribers: dict[bytes, list[str]] = {}
        for member_id in self.in_order():
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
        _share_alike(
            shares, [(t, i) for t in wanted for i in range(subscriptions.partitions_of[t])]
        )
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


def _share_alike(shares: dict[str, set[Partition]], partitions: Sequence[Partition]) -> None:
    """All want the same: everybody keeps what is within its even part, and gets what is missing of
    it in a row.

    Where it does not come out even, one more is for those who have it, in the order of a hash map
    of Java, and then for the last in that order; as in Apache Kafka 4.2.
    """
    least, extra = divmod(len(partitions), len(shares))
    taken = frozenset().union(*shares.values())
    free = [partition for partition in partitions if partition not in taken]
    missing: dict[str, int] = {}
    for rank, member_id in enumerate(java_map_order(shares)):
        has_more = extra > 0
        held = sorted(shares[member_id])
        even_part = least + has_more
        shares[member_id] = set(held[:even_part])
        free += held[even_part:]
        if has_more and len(held) < even_part and len(shares) - rank > extra:
            even_part, has_more = least, False  # somebody is left who may take it
        missing[member_id] = even_part - len(shares[member_id])
        extra -= has_more
    rest = iter(free)
    for member_id, count in missing.items():
        shares[member_id].update(islice(rest, count))


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
        for partition in sorted(shares[giver], reverse=True):
            taker = takers[partition[0]]
            if len(shares[giver]) - len(shares[taker]) >= 2:
                return giver, taker, partition
    return None


Assignor = Callable[[Subscriptions, Assignment], Assignment]

ASSIGNORS: Mapping[str, Assignor] = {"uniform": assign_uniform, "range": assign_range}
"""By the names clients ask for; the first is the default."""

DEFAULT_ASSIGNOR = "uniform"
