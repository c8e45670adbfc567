"""Reports are asked for once, however many pages want them at the same moment."""

import asyncio
from pathlib import Path

import pytest

from dashboard.activity.desk import Question, ReportDesk
from dashboard.activity.interval import Interval
from tests.support.manual_clock import ManualClock
from tracker import rollups


async def test_pages_that_ask_the_same_at_once_share_one_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []
    opened = rollups.open_for_reading

    def noted(path: Path) -> object:
        looks.append(path)
        return opened(path)

    monkeypatch.setattr(rollups, "open_for_reading", noted)
    desk = ReportDesk(tmp_path, ManualClock())
    question = Question("site.example", 0, 3_600_000, Interval.MINUTE)

    one, other = await asyncio.gather(desk.report(question), desk.report(question))

    assert len(looks) == 1
    assert one is other
