from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from broker.coordinator.group.streams.assignor import Candidate, Work, assign_sticky
from broker.coordinator.group.streams.tasks import Tasks

works = st.builds(
    Work,
    st.dictionaries(st.sampled_from("0123"), st.integers(1, 7), min_size=1),
    st.frozensets(st.sampled_from("0123")),
    st.integers(0, 3),
)
members = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=2),
    st.builds(Candidate, st.sampled_from(["p", "q", "r"])),
    min_size=1,
    max_size=8,
)


@dataclass(frozen=True, slots=True)
class Run:
    """Members of the processes, and what the assignor gave them."""

    work: Work
    members: dict[str, Candidate]
    target: dict[str, Tasks]


def again(run: Run, members: dict[str, Candidate]) -> dict[str, Tasks]:
    """Assign anew to members of whom the old ones had what the run gave them."""
    known = {
        name: Candidate(member.process_id, run.target.get(name, Tasks()))
        for name, member in members.items()
    }
    return assign_sticky(run.work, known)


runs = st.builds(lambda work, made: Run(work, made, assign_sticky(work, made)), works, members)


@given(runs)
def test_every_task_runs_once_and_nobody_has_two_more_than_another(run: Run) -> None:
    active = Counter(task for tasks in run.target.values() for task in tasks.active)
    sizes = [len(tasks.active) for tasks in run.target.values()]

    assert active == Counter(run.work.tasks())
    assert max(sizes) - min(sizes) <= 1


@given(runs)
def test_no_process_has_a_task_twice_and_standbys_are_as_many_as_can_be(run: Run) -> None:
    held = Counter(
        (run.members[name].process_id, task)
        for name, tasks in run.target.items()
        for task in (*tasks.active, *tasks.standby)
    )
    standbys = Counter(task for tasks in run.target.values() for task in tasks.standby)
    processes = len({member.process_id for member in run.members.values()})
    each = min(run.work.standby_replicas, processes - 1)

    assert all(times == 1 for times in held.values())
    assert standbys == Counter({task: each for task in run.work.stateful_tasks() if each})


@given(runs)
def test_without_a_change_nothing_moves(run: Run) -> None:
    second = Run(run.work, run.members, again(run, run.members))

    assert {name: tasks.active for name, tasks in second.target.items()} == {
        name: tasks.active for name, tasks in run.target.items()
    }


@given(runs, st.text("xyz", min_size=1, max_size=1))
def test_a_newcomer_takes_tasks_and_the_others_give_only_what_it_takes(
    run: Run, newcomer: str
) -> None:
    members = {**run.members, newcomer: Candidate("s")}

    target = again(run, members)

    moved = [
        task
        for name, tasks in run.target.items()
        for task in tasks.active
        if task not in target[name].active
    ]
    assert len(moved) == len(target[newcomer].active)
