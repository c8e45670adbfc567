"""kill -9 of each process under load, again and again: what was acknowledged is there, once.

The visitors repeat what was not acknowledged with the same id, as the beacon does. So an event may
be sent twice and stored once, and an event that was never acknowledged may be there or not.
"""

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient

from tests.support.appliance import Appliance, eventually
from tests.support.kafka_address import new_site
from tests.support.visitors import Visitors
from tracker import rollups
from tracker.reports.overview import overview

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

SECONDS = 90.0
"""How long something may take that comes by itself; the machine may be full."""
KILLS = 3
FAR_FUTURE_MS = 4_102_444_800_000  # 2100-01-01


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One for all: what a test does to it, the next one finds mended."""
    settings = {"up": {"restart_first_seconds": "0.05"}}
    made = Appliance(tmp_path_factory.mktemp("kill"), settings)
    try:
        made.start()
        yield made
        assert made.stop() == 0
    finally:
        made.close()


@pytest.fixture
def site(appliance: Appliance) -> str:
    """A site that only this test visits."""
    name = new_site()
    added = appliance.footfall("site", "add", name)
    assert added.returncode == 0, added.stderr
    return name


def stored_times(appliance: Appliance, site: str) -> dict[str, int]:
    """Event id -> rows of the warehouse that carry it."""
    query = "select event_id, count(*) from events where site_id = ? group by event_id"
    return {str(event_id): int(str(n)) for event_id, n in appliance.warehouse(query, site)}


def counted_page_views(appliance: Appliance, site: str) -> int:
    database = rollups.open_for_reading(appliance.data_dir / "rollups.db")
    try:
        return overview(database, site, 0, FAR_FUTURE_MS).page_views
    finally:
        database.close()


def check_exactly_once(appliance: Appliance, site: str, visitors: Visitors) -> None:
    eventually(
        lambda: visitors.stored <= stored_times(appliance, site).keys(),
        SECONDS,
        lambda: (
            f"{len(visitors.stored - stored_times(appliance, site).keys())} acknowledged events"
            f" of {len(visitors.stored)} are not in the warehouse\n{appliance.told.text()}"
        ),
    )
    eventually(
        lambda: counted_page_views(appliance, site) == len(stored_times(appliance, site)),
        SECONDS,
        lambda: (
            f"{counted_page_views(appliance, site)} page views are counted,"
            f" {len(stored_times(appliance, site))} are in the warehouse"
        ),
    )
    times = stored_times(appliance, site)
    assert set(times.values()) == {1}
    assert times.keys() <= visitors.sent


@pytest.mark.parametrize("role", ["broker", "ingest", "aggregate", "export", "dashboard"])
def test_acknowledged_events_survive_kills_of(role: str, appliance: Appliance, site: str) -> None:
    with Visitors(appliance.ports["ingest"], site) as visitors:
        visitors.wait_for_more(100)
        for _ in range(KILLS):
            appliance.kill_role(role)
            visitors.wait_for_more(100)

    check_exactly_once(appliance, site, visitors)


def test_acknowledged_events_survive_a_kill_of_everything(appliance: Appliance, site: str) -> None:
    """The machine stops dead: every process at once, then a start from what is on disk."""
    with Visitors(appliance.ports["ingest"], site) as visitors:
        visitors.wait_for_more(200)
        for process in [*appliance.children()]:
            process.suspend()
        family = appliance.children()
        appliance.supervisor.kill()
        for process in family:
            process.kill()
        appliance.supervisor.wait(SECONDS)
        appliance.start()
        visitors.wait_for_more(200)

    check_exactly_once(appliance, site, visitors)


def test_nothing_is_lost_or_doubled_when_the_groups_topic_is_deleted(
    appliance: Appliance, site: str
) -> None:
    """The roles know from their own rows where to go on, and join their groups again."""
    with Visitors(appliance.ports["ingest"], site) as visitors:
        visitors.wait_for_more(100)
        delete_topic(appliance.bootstrap, "__consumer_offsets")
        visitors.wait_for_more(100)
        delete_topic(appliance.bootstrap, "__consumer_offsets")
        appliance.kill_role("broker")
        visitors.wait_for_more(100)

    check_exactly_once(appliance, site, visitors)


def delete_topic(bootstrap: str, name: str) -> None:
    """As soon as there is one of that name."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    eventually(
        lambda: name in admin.list_topics(timeout=SECONDS).topics,
        SECONDS,
        lambda: f"nobody makes {name}",
    )
    admin.delete_topics([name])[name].result(SECONDS)
