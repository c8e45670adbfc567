"""One step of a member of a streams group towards its target."""

from broker.coordinator.group.streams.group import StreamsMember, TaskOwnership, TaskState
from broker.coordinator.group.streams.reconciliation import Holders, reconcile
from broker.coordinator.group.streams.tasks import OwnedTasks, Task, Tasks

A: Task = ("0", 0)
B: Task = ("0", 1)
NOTHING = OwnedTasks()


def member(name: str, owns: TaskOwnership, process: str = "p") -> StreamsMember:
    return StreamsMember(name, process_id=process, owns=owns)


def active(*tasks: Task) -> Tasks:
    return Tasks(frozenset(tasks))


def step(
    one: StreamsMember, target: Tasks, reported: Tasks | None, *others: StreamsMember
) -> TaskOwnership:
    """Towards the target of epoch 9."""
    holders = Holders.among((one, *others))
    return reconcile(one, target=target, target_epoch=9, reported=reported, holders=holders)


def stable(assigned: OwnedTasks = NOTHING) -> TaskOwnership:
    return TaskOwnership(5, 4, TaskState.STABLE, assigned)


def test_a_task_does_not_run_where_another_member_of_the_process_keeps_its_state() -> None:
    neighbour = member("neighbour", stable(OwnedTasks(standby=frozenset({A}))))

    waits = step(member("one", stable()), active(A), None, neighbour)
    runs = step(member("one", stable(), process="other"), active(A), None, neighbour)

    assert (waits.state, waits.assigned) == (TaskState.UNRELEASED_TASKS, NOTHING)
    assert (runs.state, runs.assigned.plain()) == (TaskState.STABLE, active(A))


def test_state_is_not_kept_where_another_member_of_the_process_runs_the_task() -> None:
    neighbour = member("neighbour", stable(OwnedTasks({A: 5})))

    waits = step(member("one", stable()), Tasks(standby=frozenset({A})), None, neighbour)

    assert (waits.state, waits.assigned) == (TaskState.UNRELEASED_TASKS, NOTHING)


def test_tasks_are_given_up_when_the_member_says_so_and_not_before() -> None:
    owns = TaskOwnership(5, 4, TaskState.UNREVOKED_TASKS, OwnedTasks({B: 5}), OwnedTasks({A: 5}))
    one = member("one", owns)

    assert step(one, active(B), None) == owns
    assert step(one, active(B), active(A, B)) == owns
    assert step(one, active(B), active(B)).state is TaskState.STABLE


def test_who_gave_up_what_it_was_told_and_has_more_to_give_up_is_an_epoch_further() -> None:
    owns = TaskOwnership(5, 4, TaskState.UNREVOKED_TASKS, OwnedTasks({B: 5}), OwnedTasks({A: 5}))

    more = step(member("one", owns), active(), active(B))

    assert (more.epoch, more.state) == (6, TaskState.UNREVOKED_TASKS)
    assert (more.assigned.plain(), more.revoking.plain()) == (active(), active(B))
