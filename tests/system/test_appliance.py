"""The whole appliance as a person uses it: started, used, stopped, started again, refused."""

import re
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.appliance import Appliance, eventually, fetch
from tests.support.running_ingest import records_of
from tests.support.tools import ROOT
from tests.support.visitors import Visitors
from tracker.topics import DEADLETTER

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

SITE = "shop.example"
DEMO = "demo.example"


SECONDS = 90.0
"""How long something may take that comes by itself; the machine may be full."""


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    """One that a test starts, stops and kills."""
    made = Appliance(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One that runs, shared by the tests that only use it; each has names of its own."""
    demo = {
        "port": "0",
        "page_seconds": "0.05",
        "visitors_per_minute": "600.0",
        "site": f'"{DEMO}"',
    }
    made = Appliance(tmp_path_factory.mktemp("appliance"), {"demo": demo})
    try:
        made.start()
        eventually(lambda: fetch(f"{made.dashboard}/readyz")[0] == 200, SECONDS, made.told.text)
        eventually(lambda: fetch(f"{made.ingest}/readyz")[0] == 200, SECONDS, made.told.text)
        yield made
    finally:
        made.close()


def rows(appliance: Appliance, site: str) -> set[str]:
    query = "select event_id from events where site_id = ?"
    return {str(row[0]) for row in appliance.warehouse(query, site)}


def wait_until_stored(appliance: Appliance, wanted: set[str], site: str = SITE) -> None:
    eventually(
        lambda: wanted <= rows(appliance, site),
        SECONDS,
        lambda: (
            f"{len(wanted - rows(appliance, site))} of {len(wanted)} missing\n"
            + appliance.told.text()
        ),
    )


def test_an_event_goes_all_the_way_and_is_there_after_a_restart(appliance: Appliance) -> None:
    appliance.start()
    added = appliance.footfall("site", "add", SITE)
    assert added.returncode == 0, added.stderr + appliance.told.text()
    origin = f"http://127.0.0.1:{appliance.ports['ingest']}"
    assert f'<script defer src="{origin}/js/s.js" data-site="{SITE}"></script>\n' in added.stdout
    with Visitors(appliance.ports["ingest"], SITE, browsers=2) as visitors:
        visitors.wait_for_more(50)
    wait_until_stored(appliance, visitors.stored)

    code = appliance.stop()
    appliance.start()

    assert code == 0
    for role in ("broker", "ingest", "aggregate", "export", "dashboard"):
        kept = (appliance.data_dir / "logs" / f"{role}.log").read_text()
        assert f"READY {role}" in kept
    assert visitors.stored <= rows(appliance, SITE) <= visitors.sent
    with Visitors(appliance.ports["ingest"], SITE, browsers=2) as more:
        more.wait_for_more(20)
    wait_until_stored(appliance, more.stored)
    assert appliance.stop(signal.SIGINT) == 0


def counted_events(appliance: Appliance) -> int:
    """Records of topic events, as the command lists them."""
    listing = appliance.footfall("topic", "list").stdout
    found = re.search(r"^ *events +3 +([\d,]+)\b", listing, re.MULTILINE)
    assert found, listing
    return int(found[1].replace(",", ""))


def test_what_the_command_shows_agrees_with_what_was_sent(running: Appliance) -> None:
    site = "counted.example"
    running.footfall("site", "add", site)
    before = counted_events(running)
    with Visitors(running.ports["ingest"], site, browsers=1) as visitors:
        visitors.wait_for_more(10)
    wait_until_stored(running, visitors.stored, site)

    sites = running.footfall("site", "list").stdout
    after = counted_events(running)
    described = running.footfall("topic", "describe", "events").stdout
    groups = running.footfall("group", "list").stdout
    tail = running.footfall("tail", "events", "--from-beginning", "--count", "10").stdout

    assert site in sites
    assert len(visitors.stored) <= after - before <= len(visitors.sent)
    assert "message.timestamp.type=LogAppendTime" in described
    assert "footfall-aggregate" in groups
    assert "footfall-export" in groups
    assert len(tail.splitlines()) == 10
    assert all('"site_id"' in line for line in tail.splitlines())


def test_the_event_that_the_readme_sends_is_stored_as_a_page_view(running: Appliance) -> None:
    """Runs the README's own curl command, with this appliance's port."""
    text = (ROOT / "README.md").read_text()
    found = re.search(r"^ {4}(curl -i .*\\\n.*)$", text, re.MULTILINE)
    assert found
    command = found[1].replace("127.0.0.1:8090", f"127.0.0.1:{running.ports['ingest']}")
    running.footfall("site", "add", "example.com")

    def sent() -> str:
        """Its first line of an answer: 404 until the endpoint has heard of the site."""
        answer = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        return answer.stdout.splitlines()[0]

    eventually(lambda: " 202 " in sent(), SECONDS, running.told.text)
    query = "select event_name, site_id, is_bot from events where site_id = 'example.com'"
    eventually(lambda: bool(running.warehouse(query)), SECONDS, running.told.text)
    assert running.warehouse(query) == [("pageview", "example.com", 0)]


def test_topics_are_made_and_deleted_by_hand(running: Appliance) -> None:
    made = running.footfall(
        "topic", "create", "mine", "--partitions", "2", "--setting", "retention.ms=60000"
    )
    again = running.footfall("topic", "create", "mine")
    described = running.footfall("topic", "describe", "mine").stdout
    deleted = running.footfall("topic", "delete", "mine", "--yes")
    gone = running.footfall("topic", "describe", "mine")

    assert made.returncode == 0, made.stderr
    assert again.returncode == 1
    assert "already exists" in again.stderr
    assert "retention.ms=60000" in described
    assert deleted.returncode == 0, deleted.stderr
    assert gone.returncode == 1
    assert "topic mine does not exist" in gone.stderr


def test_the_doctor_is_content_with_a_running_appliance(running: Appliance) -> None:
    running.footfall("site", "add", SITE)
    told: list[str] = []

    def content() -> bool:  # what others have just sent may still be on its way
        answer = running.footfall("doctor", "--data-dir", str(running.data_dir))
        told.append(answer.stdout)
        return answer.returncode == 0

    eventually(content, SECONDS, lambda: told[-1])

    assert "all is well" in told[-1]
    assert "segment files" in told[-1]


def test_pages_and_metrics_answer(running: Appliance) -> None:
    page = fetch(f"{running.dashboard}/")
    health = fetch(f"{running.dashboard}/healthz")
    metrics = fetch(f"{running.dashboard}/metrics")

    assert (page[0], health[0], metrics[0]) == (200, 200, 200)
    assert "kafka_topic_partition_current_offset{" in metrics[1]
    assert "footfall_" in metrics[1]


def test_a_second_instance_on_the_data_directory_is_refused(
    running: Appliance, tmp_path: Path
) -> None:
    second = Appliance(tmp_path)
    second.data_dir = running.data_dir

    second.launch()
    code = second.supervisor.wait(SECONDS)
    second.close()

    assert code == 1
    assert f"another Footfall (process {running.supervisor.pid})" in second.told.text()
    assert running.supervisor.poll() is None


def test_a_taken_port_is_named_before_anything_starts(appliance: Appliance) -> None:
    with socket.create_server(("127.0.0.1", appliance.ports["dashboard"])):
        appliance.launch()
        code = appliance.supervisor.wait(SECONDS)
        appliance.told.wait_for("is taken", SECONDS)

    assert code == 1
    assert f"port 127.0.0.1:{appliance.ports['dashboard']} of the dashboard" in (
        appliance.told.text()
    )
    assert "port in [dashboard]" in appliance.told.text()
    assert "broker" not in appliance.told.text()


@pytest.mark.parametrize(
    ("section", "key", "value", "told"),
    [
        ("broker", "port", "70000", "port = 70000"),
        ("ingest", "max_body_bytes", '"big"', "max_body_bytes = 'big'"),
        ("dashboard", "prot", "1", "unknown key 'prot'"),
        ("stream", "metrics_prot", "1", "unknown key 'metrics_prot'"),
    ],
)
def test_settings_that_cannot_be_used_end_with_78_and_the_reason(
    tmp_path: Path, section: str, key: str, value: str, told: str
) -> None:
    appliance = Appliance(tmp_path, {section: {key: value}})
    try:
        appliance.launch()

        assert appliance.supervisor.wait(SECONDS) == 78
        appliance.told.wait_for(told, SECONDS)
    finally:
        appliance.close()


def test_a_killed_supervisor_leaves_nothing_behind_and_a_new_one_starts(
    appliance: Appliance,
) -> None:
    appliance.start()
    appliance.footfall("site", "add", SITE)
    with Visitors(appliance.ports["ingest"], SITE, browsers=2) as visitors:
        visitors.wait_for_more(50)
    family = appliance.children()
    assert len(family) >= 5

    appliance.supervisor.kill()
    appliance.supervisor.wait(SECONDS)
    _, alive = psutil.wait_procs(family, timeout=SECONDS)

    assert alive == []
    appliance.start()
    wait_until_stored(appliance, visitors.stored)


def test_an_unknown_site_is_refused_and_kept_as_a_dead_letter(running: Appliance) -> None:
    stranger = f"{uuid.uuid4()}.example"

    with Visitors(running.ports["ingest"], stranger, browsers=1) as visitors:
        eventually(lambda: 404 in visitors.answers, SECONDS, lambda: str(visitors.answers))

    letters = len(records_of(running.bootstrap, DEADLETTER))
    told = running.footfall("tail", DEADLETTER.name, "--from-beginning", "--count", f"{letters}")
    assert visitors.stored == set()
    assert stranger in told.stdout


def test_the_demo_fills_the_dashboard_and_stops_cleanly(running: Appliance) -> None:
    demo = psutil.Popen(
        [sys.executable, "-m", "footfall", "demo", "--config", str(running.config)], cwd=ROOT
    )
    try:
        eventually(lambda: len(rows(running, DEMO)) >= 20, SECONDS, running.told.text)

        demo.send_signal(signal.SIGINT)

        assert demo.wait(SECONDS) == 0
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.wait(SECONDS)
