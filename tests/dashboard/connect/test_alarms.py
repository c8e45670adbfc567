"""Failed connectors and silent workers are scraped and alerted, and told to whom sees them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.alerts.desk import AlertDesk
from dashboard.config import RightsConfig
from dashboard.connect.model import CONNECTOR_STATES
from dashboard.identity import Identity, Role
from dashboard.limited.seen import seen_by
from dashboard.render import Renderer
from dashboard.rights.rules import rights
from dashboard.site_map import resolve
from dashboard.state import State
from dashboard.web import metrics_text
from tests.support.connect_worker import ConnectWorker, connect_worker
from tests.support.made_dashboard import busy_cluster, made_state
from tests.support.watched_connect import GONE, again, looked

pytestmark = pytest.mark.may_block


@pytest.fixture
def worker() -> Iterator[ConnectWorker]:
    with connect_worker() as running:
        running.add("files", "RUNNING", "RUNNING")
        running.add("paused", "PAUSED", state="PAUSED")
        running.add("zone", "FAILED", "RUNNING")
        yield running


def told(state: State) -> list[str]:
    """Samples of Connect, without the cluster's label."""
    lines = metrics_text(state).splitlines()
    return [
        line.replace('kafka_cluster="local",', "")
        for line in lines
        if line.startswith("kafka_connect_")
    ]


async def test_states_and_tasks_are_scraped_the_failed_connector_first(
    tmp_path: Path, worker: ConnectWorker
) -> None:
    state = await looked(tmp_path, worker.url)

    assert told(state) == [
        'kafka_connect_up{worker="0"} 1',
        'kafka_connect_connector_state{worker="0",connector="zone",state="running"} 1',
        'kafka_connect_connector_state{worker="0",connector="files",state="running"} 1',
        'kafka_connect_connector_state{worker="0",connector="paused",state="paused"} 1',
        'kafka_connect_connector_tasks{worker="0",connector="zone",state="running"} 1',
        'kafka_connect_connector_tasks{worker="0",connector="zone",state="failed"} 1',
        'kafka_connect_connector_tasks{worker="0",connector="files",state="running"} 2',
        'kafka_connect_connector_tasks{worker="0",connector="files",state="failed"} 0',
        'kafka_connect_connector_tasks{worker="0",connector="paused",state="running"} 0',
        'kafka_connect_connector_tasks{worker="0",connector="paused",state="failed"} 0',
        'kafka_connect_connector_tasks{worker="0",connector="paused",state="paused"} 1',
    ]


async def test_a_worker_that_falls_silent_keeps_what_it_told_last_and_is_down(
    tmp_path: Path,
) -> None:
    with connect_worker() as worker:
        worker.add("zone", "FAILED")
        state = await looked(tmp_path, worker.url, GONE)
    await again(state)

    lines = told(state)

    assert 'kafka_connect_up{worker="0"} 0' in lines and 'kafka_connect_up{worker="1"} 0' in lines
    assert 'kafka_connect_connector_tasks{worker="0",connector="zone",state="failed"} 1' in lines


async def test_no_address_of_a_worker_is_scraped_and_no_state_beyond_those_known(
    tmp_path: Path, worker: ConnectWorker
) -> None:
    worker.states["files"], worker.tasks["files"] = "MELTED", ["MELTED"]
    state = await looked(tmp_path, worker.url, GONE)

    text = "\n".join(told(state))

    assert "127.0.0.1" not in text and "8083" not in text and "melted" not in text.lower()
    assert 'connector="files",state="unknown"} 1' in text
    assert "unknown" in CONNECTOR_STATES


async def test_what_was_not_looked_at_yet_and_what_is_deleted_has_no_series(
    tmp_path: Path, worker: ConnectWorker
) -> None:
    before = made_state(tmp_path / "new", busy_cluster(), connect_urls=(worker.url,))
    state = await looked(tmp_path, worker.url)
    for known in (worker.configs, worker.states, worker.tasks):
        known.clear()
    await again(state)

    assert told(before) == []
    assert told(state) == ['kafka_connect_up{worker="0"} 1']


def pending(desk: AlertDesk) -> set[tuple[str, str]]:
    return {
        (alert.name, alert.labels.get("connector", alert.labels.get("worker", "")))
        for alert in desk.engine.pending()
        if alert.name.startswith("Connect")
    }


@pytest.mark.parametrize("whole", [False, True])
async def test_alerts_are_raised_and_not_told_where_the_page_is_closed(
    tmp_path: Path, worker: ConnectWorker, whole: bool
) -> None:
    state = await looked(tmp_path, worker.url, GONE)
    rule = RightsConfig(who=("everybody",), topics="events", whole_clusters=whole)
    sight = rights({"one": rule}, ()).of(Identity("ann", Role.VIEWER))

    state.alerts.evaluate()

    raised = {("ConnectorFailed", "zone"), ("ConnectWorkerSilent", "1")}
    assert pending(state.alerts) == raised
    assert pending(seen_by(state, sight).alerts) == (raised if whole else set())


def fire(state: State) -> None:
    """What is pending fires now."""
    state.alerts.evaluate()
    active = state.alerts.engine.active
    for key, alert in list(active.items()):
        active[key] = replace(alert, fired_at_ms=alert.since_ms)


async def test_alerts_lead_to_the_connector_and_to_the_worker(
    tmp_path: Path, worker: ConnectWorker
) -> None:
    state = await looked(tmp_path, worker.url, GONE)
    fire(state)
    page, visit = resolve(state, "/alerts", {})

    shown = Renderer().live(page, visit, await page.values(visit))

    assert '<a href="/connect/zone?worker=0" data-row>Connector zone: 1 of 2 tasks' in shown
    assert '<a href="/connect-workers/1" data-row>Connect worker 1 of local does not' in shown


async def test_now_says_it_once(tmp_path: Path, worker: ConnectWorker) -> None:
    for number in range(20):
        worker.add(f"c{number}", "FAILED")
    state = await looked(tmp_path, worker.url, GONE)
    await again(state)
    fire(state)
    page, visit = resolve(state, "/", {})

    found = await page.values(visit)

    assert len([one for one in state.alerts.loud() if "worker" in one.labels]) == 22
    assert [one for one in found["alerts"] if "worker" in one.labels] == []
