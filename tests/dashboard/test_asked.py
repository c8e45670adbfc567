"""What pages ask a cluster: a slow one holds up no page, and is asked on meanwhile."""

import asyncio
import math
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from dashboard import asked
from dashboard.asked import KEPT_MS, NOT_YET, STILL_GOOD_MS, Asked
from tests.support.manual_clock import ManualClock
from tracker.kafka.admin import ClusterUnavailable


@dataclass
class Slow:
    """A cluster that answers each question when it is told to."""

    clock: ManualClock = field(default_factory=ManualClock)
    may_answer: threading.Event = field(default_factory=threading.Event)
    times: int = 0
    is_away: bool = False

    def __call__(self) -> int:
        self.times += 1
        mine = self.times
        assert self.may_answer.wait(60)
        if self.is_away:
            raise ClusterUnavailable("Local: Timed out")
        return mine


@pytest.fixture
async def slow(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Slow]:
    monkeypatch.setattr(asked, "PATIENCE_S", 0.01)
    monkeypatch.setattr(asked, "SHORT_S", 0.0)
    made = Slow()
    yield made
    made.may_answer.set()  # no thread stays behind


async def test_a_page_waits_no_longer_than_its_patience_and_the_next_has_the_answer(
    slow: Slow,
) -> None:
    question = Asked(slow, slow.clock)

    first = await question.answer()
    again = await question.answer()
    slow.may_answer.set()
    patient = await question.answer(math.inf)

    assert (first.value, first.trouble) == (None, NOT_YET)
    assert again == first
    assert (patient.value, patient.trouble, slow.times) == (1, "", 1)


async def test_an_answer_that_came_when_nobody_waited_is_kept_from_then_on(slow: Slow) -> None:
    question = Asked(slow, slow.clock)
    await question.answer()
    slow.clock.advance(5 * KEPT_MS)
    slow.may_answer.set()
    await question.answer(math.inf)

    slow.clock.advance(KEPT_MS - 1)
    kept = await question.answer()
    slow.clock.advance(1)
    anew = await question.answer(math.inf)

    assert (kept.value, anew.value) == (1, 2)


async def test_a_list_of_a_minute_ago_is_shown_without_a_word_while_the_next_is_waited_for(
    slow: Slow,
) -> None:
    question = Asked(slow, slow.clock)
    slow.may_answer.set()
    await question.answer(math.inf)
    slow.may_answer.clear()
    slow.clock.advance(STILL_GOOD_MS - 1)

    good = await question.answer()
    slow.clock.advance(1)
    old = await question.answer()

    assert (good.value, good.trouble) == (1, "")
    assert (old.value, old.trouble) == (1, NOT_YET)


async def test_what_was_asked_before_a_change_is_not_kept(slow: Slow) -> None:
    question = Asked(slow, slow.clock)
    await question.answer()

    question.forget()
    slow.may_answer.set()
    found = await question.answer(math.inf)

    assert (found.value, slow.times) == (2, 2)


async def test_a_cluster_that_is_away_is_told_and_asked_again(slow: Slow) -> None:
    question = Asked(slow, slow.clock)
    slow.is_away = True
    slow.may_answer.set()

    away = await question.answer(math.inf)
    slow.is_away = False
    slow.clock.advance(KEPT_MS)
    back = await question.answer(math.inf)

    assert (away.value, away.trouble) == (None, "no answer in time")
    assert (back.value, back.trouble) == (2, "")


async def test_a_fault_of_ours_is_raised(slow: Slow) -> None:
    def fault() -> int:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await Asked(fault, slow.clock).answer(math.inf)
    assert asyncio.get_running_loop().is_running()
