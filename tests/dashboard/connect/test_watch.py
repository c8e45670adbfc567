"""Failed connectors and silent workers are problems on Now."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.cluster.health import Problem, Severity
from dashboard.config import RightsConfig
from dashboard.connect.watch import TOLD_MAX
from dashboard.identity import Identity, Role
from dashboard.limited.seen import seen_by
from dashboard.rights.rules import EVERYTHING, rights
from dashboard.state import State
from tests.support.connect_worker import ConnectWorker, connect_worker
from tests.support.watched_connect import GONE, again, looked

pytestmark = pytest.mark.may_block


@pytest.fixture
def worker() -> Iterator[ConnectWorker]:
    with connect_worker() as running:
        running.add("archive", "FAILED", "RUNNING")
        running.add("paused", "PAUSED", state="PAUSED")
        running.add("files", "RUNNING")
        yield running


def problems(state: State) -> list[Problem]:
    found = state.health(state.poller(None)).problems
    return [problem for problem in found if problem.kind == "connect"]


async def test_a_failed_task_is_a_problem_until_it_runs(
    tmp_path: Path, worker: ConnectWorker
) -> None:
    state = await looked(tmp_path, worker.url)
    (told,) = problems(state)
    worker.tasks["archive"][0] = "RUNNING"
    await again(state)
    well = problems(state)
    worker.states["files"] = "FAILED"
    await again(state)
    (later,) = problems(state)

    assert (told.severity, told.word, told.name) == (
        Severity.CRITICAL,
        "CONNECTOR FAILED",
        "archive",
    )
    assert told.sentence == (
        "Connector archive: 1 of 2 tasks failed: java.io.IOException: disk is full."
    )
    assert (told.since_ms, well) == (None, [])
    assert later.name == "files" and later.since_ms is not None


async def test_a_worker_that_is_silent_twice_is_a_problem_and_what_was_known_stays(
    tmp_path: Path, worker: ConnectWorker
) -> None:
    state = await looked(tmp_path, worker.url, GONE)
    once = [problem.word for problem in problems(state)]
    await again(state)

    assert once == ["CONNECTOR FAILED"]
    assert {problem.word: problem.severity for problem in problems(state)} == {
        "CONNECTOR FAILED": Severity.CRITICAL,
        "CONNECT AWAY": Severity.WARNING,
    }


async def test_of_many_failed_connectors_some_are_named(
    tmp_path: Path, worker: ConnectWorker
) -> None:
    for number in range(20):
        worker.add(f"c{number}", "FAILED")
    state = await looked(tmp_path, worker.url)

    told = problems(state)

    assert len(told) == TOLD_MAX + 1
    assert told[-1].sentence == "16 more connectors failed as well."


@pytest.mark.parametrize("whole", [False, True])
async def test_who_sees_some_topics_is_not_told_of_connectors(
    tmp_path: Path, worker: ConnectWorker, whole: bool
) -> None:
    state = await looked(tmp_path, worker.url)
    rule = RightsConfig(who=("everybody",), topics="events", whole_clusters=whole)
    sight = rights({"one": rule}, ()).of(Identity("ann", Role.VIEWER))

    assert sight is not EVERYTHING
    assert bool(problems(seen_by(state, sight))) is whole
