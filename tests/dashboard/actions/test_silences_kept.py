"""What is said of a silence holds after a power cut, too."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.actions.commands import (
    EndSilence,
    Household,
    SilenceAlerts,
    end_silence,
    silence_alerts,
)
from dashboard.alerts.desk import AlertDesk, Telling
from dashboard.alerts.facts import Facts
from dashboard.identity import Identity, Role
from tests.support.made_dashboard import busy_cluster, made_state

ANN = Identity("ann", Role.EDITOR, "127.0.0.1")
WISH = SilenceAlerts(labels={"role": "export"}, minutes=60, comment="planned")


@pytest.fixture
def house(tmp_path: Path) -> Household:
    made = made_state(tmp_path, busy_cluster())
    desk = AlertDesk(lambda: Facts(0), made.clock, Telling((), 1), tmp_path / "kept" / "a.json")
    return replace(made.household, alerts=desk)


def kept(house: Household, path: Path) -> list[str]:
    """Comments of the silences that another process finds there."""
    desk = AlertDesk(lambda: Facts(0), house.clock, Telling((), 1), path / "kept" / "a.json")
    return [one.comment for one in desk.silences.current(house.clock.now_ms())]


async def test_a_silence_and_its_end_are_on_the_disk_when_they_are_told(
    house: Household, tmp_path: Path
) -> None:
    await silence_alerts(house, WISH, ANN)
    silenced = await asyncio.to_thread(kept, house, tmp_path)
    (made,) = house.alerts.silences.current(house.clock.now_ms())
    await end_silence(house, EndSilence(silence=made.id), ANN)

    ended = await asyncio.to_thread(kept, house, tmp_path)
    assert (silenced, ended) == (["planned"], [])


async def test_a_silence_that_cannot_be_stored_holds_and_says_so(
    house: Household, tmp_path: Path
) -> None:
    (tmp_path / "kept").write_text("a file where the folder should be")

    told = await silence_alerts(house, WISH, ANN)

    assert "A restart forgets that" in told.sentence
    assert len(house.alerts.silences.current(house.clock.now_ms())) == 1
