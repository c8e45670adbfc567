import asyncio

from broker.partition.waiting import SWEEP_AT_LEAST, Waiting
from broker.partition.watcher import Watcher


async def test_deadlines_pass_in_their_order_whatever_the_order_of_arrival() -> None:
    waiting = Waiting(asyncio.get_running_loop())
    order: list[str] = []
    late, soon = Watcher(1), Watcher(1)
    late.future.add_done_callback(lambda _: order.append("late"))
    soon.future.add_done_callback(lambda _: order.append("soon"))

    waiting.add(late, 30)
    waiting.add(soon, 1)
    async with asyncio.timeout(50):
        await asyncio.gather(late.future, soon.future)

    assert order == ["soon", "late"]
    assert len(waiting) == 0


async def test_a_watcher_wakes_when_enough_bytes_came_together() -> None:
    watcher = Watcher(bytes_wanted=10)

    watcher.credit(9)
    early = watcher.done
    watcher.credit(1)

    assert (early, watcher.done) == (False, True)


async def test_served_waiters_do_not_pile_up_until_their_deadline() -> None:
    waiting = Waiting(asyncio.get_running_loop())

    for _ in range(4 * SWEEP_AT_LEAST):
        watcher = Watcher(1)
        waiting.add(watcher, 60_000)
        watcher.wake()
        waiting.served()

    assert len(waiting) <= SWEEP_AT_LEAST + 1
    waiting.close()


async def test_closing_lets_everybody_go() -> None:
    waiting = Waiting(asyncio.get_running_loop())
    watcher = Watcher(1)
    waiting.add(watcher, 60_000)

    waiting.close()

    assert watcher.done
