import asyncio

import pytest

from broker.server.metered import Metered
from tests.support.manual_clock import ManualClock


async def test_only_own_steps_are_counted() -> None:
    clock = ManualClock()
    woken = asyncio.get_running_loop().create_future()

    async def work() -> str:
        clock.advance(30)
        await woken
        clock.advance(12)
        return "done"

    def wake() -> None:
        clock.advance(5000)  # while the work waits
        woken.set_result(None)

    asyncio.get_running_loop().call_soon(wake)
    metered = Metered(work(), lambda: clock.monotonic_ms() / 1000)

    assert await metered == "done"
    assert metered.busy_s == pytest.approx(0.042)


async def test_an_error_of_a_wait_reaches_the_work() -> None:
    failed = asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            await failed
        except ValueError as error:
            return str(error)
        return "no error"

    asyncio.get_running_loop().call_soon(failed.set_exception, ValueError("told"))

    assert await Metered(work(), lambda: 0.0) == "told"
