import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from broker.server import eager


async def test_work_that_never_waits_needs_no_task() -> None:
    done = []

    async def work() -> None:
        done.append("all")

    assert eager.start(work(), lambda _: pytest.fail("a task was made")) is None
    assert done == ["all"]


async def test_work_begins_at_once_and_the_rest_becomes_a_task() -> None:
    steps: list[Any] = []
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        steps.append("begun")
        steps.append(await answer)
        await asyncio.sleep(0)
        async with asyncio.timeout(50):  # a task by now
            steps.append(await asyncio.gather(asyncio.sleep(0, "one"), asyncio.sleep(0, "two")))

    async with asyncio.TaskGroup() as tasks:
        task = eager.start(work(), tasks.create_task)
        assert steps == ["begun"]
        answer.set_result("answered")

    assert task is not None
    assert steps == ["begun", "answered", ["one", "two"]]


async def test_errors_of_what_is_awaited_reach_the_work() -> None:
    caught: list[str] = []
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        try:
            await answer
        except OSError as error:
            caught.append(str(error))

    async with asyncio.TaskGroup() as tasks:
        eager.start(work(), tasks.create_task)
        answer.set_exception(OSError("no disk"))

    assert caught == ["no disk"]


async def test_errors_of_the_work_reach_its_task() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise ValueError("after the first wait")

    tasks: list[asyncio.Task[None]] = []

    def make_task(rest: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.get_running_loop().create_task(rest))

    eager.start(work(), make_task)

    with pytest.raises(ValueError, match="after the first wait"):
        await tasks[0]


async def test_cancelling_the_task_cancels_the_work() -> None:
    ends: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cleaned up")

    async with asyncio.TaskGroup() as tasks:
        task = eager.start(work(), tasks.create_task)
        assert task is not None
        await asyncio.sleep(0)
        task.cancel()

    assert task.cancelled()
    assert ends == ["cleaned up"]


async def test_work_that_waits_once_for_a_future_needs_no_task() -> None:
    steps: list[str] = []
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        steps.append("begun")
        steps.append(await answer)

    eager.start_without_task(work(), lambda _: pytest.fail("a task was made"))
    assert steps == ["begun"]
    answer.set_result("answered")
    await asyncio.sleep(0)

    assert steps == ["begun", "answered"]


async def test_errors_of_the_one_future_reach_the_work() -> None:
    caught: list[str] = []
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        try:
            await answer
        except OSError as error:
            caught.append(str(error))

    eager.start_without_task(work(), lambda _: pytest.fail("a task was made"))
    answer.set_exception(OSError("no disk"))
    await asyncio.sleep(0)

    assert caught == ["no disk"]


@pytest.mark.parametrize("turns_first", [True, False])
async def test_work_that_waits_again_or_not_for_a_future_becomes_a_task(turns_first: bool) -> None:
    steps: list[Any] = []
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        if turns_first:
            await asyncio.sleep(0)
        steps.append(await answer)
        await asyncio.sleep(0)
        async with asyncio.timeout(50):  # a task by now
            steps.append(await asyncio.sleep(0, "end"))

    async with asyncio.TaskGroup() as tasks:
        eager.start_without_task(work(), tasks.create_task)
        await asyncio.sleep(0)
        answer.set_result("answered")
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    assert steps == ["answered", "end"]


async def test_work_cancelled_before_its_task_runs_takes_along_what_it_waits_for() -> None:
    """A fetch whose client hung up at once once left a read behind, and its refusal in the log."""
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await answer

    async with asyncio.TaskGroup() as tasks:
        task = eager.start(work(), tasks.create_task)
        assert task is not None
        task.cancel()

    assert answer.cancelled()
