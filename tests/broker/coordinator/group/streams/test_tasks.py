"""Sets of tasks, and what records tell of them."""

import pytest

from broker.coordinator.group.streams.records import OwnedTaskIds
from broker.coordinator.group.streams.tasks import OwnedTasks, Task, Tasks, active_from_ids

A: Task = ("0", 0)
B: Task = ("0", 1)
OWNED = OwnedTasks({A: 3}, frozenset({A}), frozenset({A}))


@pytest.mark.parametrize(
    ("tasks", "covered"),
    [
        (Tasks(), True),
        (Tasks(frozenset({A}), frozenset({A}), frozenset({A})), True),
        (Tasks(active=frozenset({A, B})), False),
        (Tasks(standby=frozenset({B})), False),
        (Tasks(warmup=frozenset({B})), False),
    ],
)
def test_tasks_are_covered_when_those_of_each_kind_are(tasks: Tasks, covered: bool) -> None:
    assert OWNED.covers(tasks) is covered


@pytest.mark.parametrize("epochs", [None, [], [7]])
def test_active_tasks_without_an_epoch_each_count_from_the_members(
    epochs: list[int] | None,
) -> None:
    """As records of an older Kafka are: they tell none."""
    assert active_from_ids([OwnedTaskIds("0", [0, 1], epochs)], 5) == {A: 5, B: 5}


def test_active_tasks_with_an_epoch_each_keep_it() -> None:
    assert active_from_ids([OwnedTaskIds("0", [0, 1], [7, 8])], 5) == {A: 7, B: 8}
