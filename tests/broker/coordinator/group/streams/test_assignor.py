"""Who goes on with a task: who runs it, then who has a copy of its state, as far as it is fair."""

from broker.coordinator.group.streams.assignor import Candidate, Work, assign_sticky
from broker.coordinator.group.streams.tasks import Tasks


def tasks(*numbers: int) -> frozenset[tuple[str, int]]:
    return frozenset(("0", number) for number in numbers)


def stateful(partitions: int, replicas: int = 1) -> Work:
    return Work({"0": partitions}, frozenset({"0"}), replicas)


def test_who_stood_by_goes_on_with_the_task_of_one_who_left() -> None:
    """Also when another has as little to do, and comes first by name."""
    members = {
        "a": Candidate("p-a"),
        "b": Candidate("p-b", Tasks(frozenset(), tasks(0))),
        "c": Candidate("p-c"),
    }

    target = assign_sticky(stateful(1), members)

    assert {name for name, one in target.items() if one.active} == {"b"}


def test_a_standby_stays_with_who_has_the_copy() -> None:
    members = {
        "a": Candidate("p-a"),
        "b": Candidate("p-b", Tasks(tasks(0))),
        "c": Candidate("p-c", Tasks(frozenset(), tasks(0))),
    }

    target = assign_sticky(stateful(1), members)

    assert target["b"].active == target["c"].standby == tasks(0)
    assert target["a"] == Tasks()


def test_a_full_share_of_one_leaves_less_for_each_of_the_others() -> None:
    """4 tasks for 3: one may keep two, so that the other gives one of its two to the newcomer."""
    members = {
        "a": Candidate("p-a", Tasks(tasks(0, 1))),
        "b": Candidate("p-b", Tasks(tasks(2, 3))),
        "c": Candidate("p-c"),
    }

    target = assign_sticky(stateful(4, replicas=0), members)

    assert sorted(len(one.active) for one in target.values()) == [1, 1, 2]
    assert target["a"].active | target["b"].active | target["c"].active == tasks(0, 1, 2, 3)
    assert target["a"].active <= tasks(0, 1) and target["b"].active <= tasks(2, 3)
