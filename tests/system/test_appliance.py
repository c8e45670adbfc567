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
from tests.support.tools import ROOT
from tests.support.visitors import Visitors

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

SITE = "shop.example"


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    made = Appliance(tmp_path)
    try:
        yield made
    finally:
        made.close()


def rows(appliance: Appliance) -> set[str]:
    return {str(row[0]) for row in appliance.warehouse("select event_id from events")}


def wait_until_stored(appliance: Appliance, wanted: set[str], seconds: float = 40) -> None:
    eventually(
        lambda: wanted <= rows(appliance),
        seconds,
        lambda: (
            f"{len(wanted - rows(appliance))} of {len(wanted)} missing\n" + appliance.told.text()
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
    assert visitors.stored <= rows(appliance) <= visitors.sent
    with Visitors(appliance.ports["ingest"], SITE, browsers=2) as more:
        more.wait_for_more(20)
    wait_until_stored(appliance, more.stored)
    assert appliance.stop(signal.SIGINT) == 0


def test_what_the_command_shows_agrees_with_what_was_sent(appliance: Appliance) -> None:
    appliance.start()
    appliance.footfall("site", "add", SITE)
    with Visitors(appliance.ports["ingest"], SITE, browsers=1) as visitors:
        visitors.wait_for_more(10)
    wait_until_stored(appliance, visitors.stored)

    sites = appliance.footfall("site", "list").stdout
    topics = appliance.footfall("topic", "list").stdout
    described = appliance.footfall("topic", "describe", "events").stdout
    groups = appliance.footfall("group", "list").stdout
    tail = appliance.footfall("tail", "events", "--from-beginning", "--count", "10").stdout

    assert SITE in sites
    assert re.search(rf"^ *events +3 +{len(visitors.sent)}\b", topics, re.MULTILINE), topics
    assert "message.timestamp.type=LogAppendTime" in described
    assert "footfall-aggregate" in groups
    assert "footfall-export" in groups
    assert len(tail.splitlines()) == 10
    assert all(SITE in line for line in tail.splitlines())


def test_the_event_that_the_readme_sends_is_stored_as_a_page_view(appliance: Appliance) -> None:
    """Runs the README's own curl command, with this appliance's port."""
    text = (ROOT / "README.md").read_text()
    found = re.search(r"^ {4}(curl -i .*\\\n.*)$", text, re.MULTILINE)
    assert found
    command = found[1].replace("127.0.0.1:8090", f"127.0.0.1:{appliance.ports['ingest']}")
    appliance.start()
    appliance.footfall("site", "add", "example.com")

    answer = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=30, check=False
    )

    assert " 202 " in answer.stdout.splitlines()[0], answer.stdout
    query = "select event_name, site_id, is_bot from events"
    eventually(lambda: bool(appliance.warehouse(query)), 30, appliance.told.text)
    assert appliance.warehouse(query) == [("pageview", "example.com", 0)]


def test_topics_are_made_and_deleted_by_hand(appliance: Appliance) -> None:
    appliance.start()

    made = appliance.footfall(
        "topic", "create", "mine", "--partitions", "2", "--setting", "retention.ms=60000"
    )
    again = appliance.footfall("topic", "create", "mine")
    described = appliance.footfall("topic", "describe", "mine").stdout
    deleted = appliance.footfall("topic", "delete", "mine", "--yes")
    gone = appliance.footfall("topic", "describe", "mine")

    assert made.returncode == 0, made.stderr
    assert again.returncode == 1
    assert "already exists" in again.stderr
    assert "retention.ms=60000" in described
    assert deleted.returncode == 0, deleted.stderr
    assert gone.returncode == 1
    assert "topic mine does not exist" in gone.stderr


def test_the_doctor_is_content_with_a_running_appliance(appliance: Appliance) -> None:
    appliance.start()
    appliance.footfall("site", "add", SITE)
    eventually(lambda: fetch(f"{appliance.dashboard}/readyz")[0] == 200, 20, appliance.told.text)

    told = appliance.footfall("doctor", "--data-dir", str(appliance.data_dir))

    assert told.returncode == 0, told.stdout
    assert "all is well" in told.stdout
    assert "segment files" in told.stdout


def test_pages_and_metrics_answer(appliance: Appliance) -> None:
    appliance.start()
    eventually(lambda: fetch(f"{appliance.dashboard}/readyz")[0] == 200, 20, appliance.told.text)

    page = fetch(f"{appliance.dashboard}/")
    health = fetch(f"{appliance.dashboard}/healthz")
    metrics = fetch(f"{appliance.dashboard}/metrics")

    assert (page[0], health[0], metrics[0]) == (200, 200, 200)
    assert "kafka_topic_partition_current_offset{" in metrics[1]
    assert "footfall_" in metrics[1]


def test_a_second_instance_on_the_data_directory_is_refused(
    appliance: Appliance, tmp_path: Path
) -> None:
    appliance.start()
    (tmp_path / "second").mkdir()
    second = Appliance(tmp_path / "second")
    second.data_dir = appliance.data_dir

    second.launch()
    code = second.supervisor.wait(20)
    second.close()

    assert code == 1
    assert f"another Footfall (process {appliance.supervisor.pid})" in second.told.text()
    assert appliance.supervisor.poll() is None


def test_a_taken_port_is_named_before_anything_starts(appliance: Appliance) -> None:
    with socket.create_server(("127.0.0.1", appliance.ports["dashboard"])):
        appliance.launch()
        code = appliance.supervisor.wait(20)
        appliance.told.wait_for("is taken", 5)

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

        assert appliance.supervisor.wait(60) == 78
        appliance.told.wait_for(told, 5)
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
    appliance.supervisor.wait(10)
    _, alive = psutil.wait_procs(family, timeout=40)

    assert alive == []
    appliance.start()
    wait_until_stored(appliance, visitors.stored)


def test_child_lines_are_kept_in_a_file_a_role(appliance: Appliance) -> None:
    appliance.start()
    appliance.stop()

    for role in ("broker", "ingest", "aggregate", "export", "dashboard"):
        kept = (appliance.data_dir / "logs" / f"{role}.log").read_text()
        assert f"READY {role}" in kept


def test_an_unknown_site_is_refused_and_kept_as_a_dead_letter(appliance: Appliance) -> None:
    appliance.start()
    eventually(lambda: fetch(f"{appliance.ingest}/readyz")[0] == 200, 20, appliance.told.text)
    stranger = f"{uuid.uuid4()}.example"

    with Visitors(appliance.ports["ingest"], stranger, browsers=1) as visitors:
        eventually(lambda: 404 in visitors.answers, 20, lambda: str(visitors.answers))

    letter = appliance.footfall("tail", "events.deadletter", "--from-beginning", "--count", "1")
    assert visitors.stored == set()
    assert stranger in letter.stdout


def test_the_demo_fills_the_dashboard_and_stops_cleanly(tmp_path: Path) -> None:
    appliance = Appliance(
        tmp_path, {"demo": {"port": "0", "page_seconds": "0.05", "visitors_per_minute": "600.0"}}
    )
    try:
        appliance.start()
        demo = psutil.Popen(
            [sys.executable, "-m", "footfall", "demo", "--config", str(appliance.config)],
            cwd=ROOT,
        )
        eventually(lambda: len(rows(appliance)) >= 20, 40, appliance.told.text)

        demo.send_signal(signal.SIGINT)

        assert demo.wait(15) == 0
    finally:
        appliance.close()
