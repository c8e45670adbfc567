"""Assignments are those of Apache Kafka 4.2 where that does not leave them to chance."""

from broker.coordinator.group.consumer.assignors import Subscriptions, assign_range, assign_uniform
from broker.coordinator.group.partitions import Assignment

TOPIC = b"t" * 16
P, Q = "P" * 22, "Q" * 22
"""In a hash map of Java Q comes before P."""


def alike(*members: str, partitions: int = 3, seats: dict[str, str] | None = None) -> Subscriptions:
    wants = dict.fromkeys(members, frozenset({TOPIC}))
    return Subscriptions(wants, {TOPIC: partitions}, seats or {})


def indexes(assignment: Assignment) -> dict[str, list[int]]:
    return {
        member: sorted(index for _, index in partitions)
        for member, partitions in assignment.items()
    }


def owning(**members: list[int]) -> Assignment:
    ids = {"p": P, "q": Q}
    return {
        ids[name]: frozenset((TOPIC, index) for index in owned) for name, owned in members.items()
    }


def test_partitions_that_nobody_has_are_given_in_a_row() -> None:
    assert indexes(assign_uniform(alike(P, Q), {})) == {P: [1, 2], Q: [0]}


def test_who_has_one_more_keeps_it() -> None:
    assert indexes(assign_uniform(alike(P, Q), owning(p=[0, 1, 2]))) == {P: [0, 1], Q: [2]}
    assert indexes(assign_uniform(alike(P, Q), owning(q=[0, 1, 2]))) == {P: [2], Q: [0, 1]}


def test_what_is_even_stays() -> None:
    before = owning(p=[1], q=[0, 2])

    assert assign_uniform(alike(P, Q), before) == before


def test_ranges_begin_with_the_static_members_in_the_order_of_their_seats() -> None:
    seats = {Q: "seat-1"}

    assert indexes(assign_range(alike(P, Q), {})) == {P: [0, 1], Q: [2]}
    assert indexes(assign_range(alike(P, Q, seats=seats), {})) == {P: [2], Q: [0, 1]}
