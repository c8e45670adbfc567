"""kill -9 of each process under load, again and again: what was acknowledged is there, once.

The visitors repeat what was not acknowledged with the same id, as the beacon does. So an event may
be sent twice and stored once, and an event that was never acknowledged may be there or not.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.appliance import Appliance, eventually
from tests.support.visitors import Visitors
from tracker import rollups
from tracker.reports.overview import overview

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

SITE = "shop.example"
KILLS = 3
FAR_FUTURE_MS = 4_102_444_800_000  # 2100-01-01


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    made = Appliance(tmp_path, {"up": {"restart_first_seconds": "0.05"}})
    try:
        made.start()
        added = made.footfall("site", "add", SITE)
        assert added.returncode == 0, added.stderr
        yield made
    finally:
        made.close()


def stored_times(appliance: Appliance) -> dict[str, int]:
    """Event id -> rows of the warehouse that carry it."""
    found = appliance.warehouse("select event_id, count(*) from events group by event_id")
    return {str(event_id): int(str(count)) for event_id, count in found}


def counted_page_views(appliance: Appliance) -> int:
    database = rollups.open_for_reading(appliance.data_dir / "rollups.db")
    try:
        return overview(database, SITE, 0, FAR_FUTURE_MS).page_views
    finally:
        database.close()


def check_exactly_once(appliance: Appliance, visitors: Visitors) -> None:
    eventually(
        lambda: visitors.stored <= stored_times(appliance).keys(),
        60,
        lambda: (
            f"{len(visitors.stored - stored_times(appliance).keys())} acknowledged events"
            f" of {len(visitors.stored)} are not in the warehouse\n{appliance.told.text()}"
        ),
    )
    times = stored_times(appliance)
    assert set(times.values()) == {1}
    assert times.keys() <= visitors.sent
    eventually(
        lambda: counted_page_views(appliance) == len(stored_times(appliance)),
        60,
        lambda: (
            f"{counted_page_views(appliance)} page views are counted,"
            f" {len(stored_times(appliance))} are in the warehouse"
        ),
    )


@pytest.mark.parametrize("role", ["broker", "ingest", "aggregate", "export", "dashboard"])
def test_acknowledged_events_survive_kills_of(role: str, appliance: Appliance) -> None:
    with Visitors(appliance.ports["ingest"], SITE) as visitors:
        visitors.wait_for_more(100)
        for _ in range(KILLS):
            appliance.kill_role(role)
            visitors.wait_for_more(100, seconds=60)

    check_exactly_once(appliance, visitors)
    assert appliance.stop() == 0


def test_acknowledged_events_survive_a_kill_of_everything(appliance: Appliance) -> None:
    """The machine stops dead: every process at once, then a start from what is on disk."""
    with Visitors(appliance.ports["ingest"], SITE) as visitors:
        visitors.wait_for_more(200)
        for process in [*appliance.children()]:
            process.suspend()
        family = appliance.children()
        appliance.supervisor.kill()
        for process in family:
            process.kill()
        appliance.supervisor.wait(10)
        appliance.start()
        visitors.wait_for_more(200, seconds=60)

    check_exactly_once(appliance, visitors)
