"""Several worker processes behind one port."""

import contextlib
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.kafka_address import kafka_address, new_site
from tests.support.ports import free_port
from tests.support.running_ingest import events_of, register
from tests.support.tools import ROOT

pytestmark = pytest.mark.system

WAIT_S = 60.0


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with kafka_address(tmp_path_factory.mktemp("broker")) as bootstrap:
        yield bootstrap


class Appliance:
    """`python -m tracker ingest` with two workers."""

    def __init__(self, kafka: str, directory: Path) -> None:
        self.directory = directory
        self.site = new_site()
        register(kafka, self.site)
        self.port, self.metrics_port = free_port(), free_port()
        self.config = directory / "footfall.toml"
        self.config.write_text(
            f'[kafka]\nbootstrap_servers = "{kafka}"\n'
            f"[ingest]\nworkers = 2\nport = {self.port}\nmetrics_port = {self.metrics_port}\n"
        )
        self.process = self.start()
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "tracker", "ingest"),
                *("--config", str(self.config), "--data-dir", str(self.directory)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def post(self, site: str) -> int:
        body = f'{{"n":"pageview","u":"https://{site}/","d":"{site}"}}'.encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/event",
            body,
            {"Content-Type": "text/plain", "User-Agent": "Mozilla/5.0 Firefox/128.0"},
        )
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            status: int = answer.status
            return status

    def metrics(self) -> str:
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
            text: str = answer.read().decode()
            return text


@pytest.fixture
def appliance(kafka: str, tmp_path: Path) -> Iterator[Appliance]:
    started = Appliance(kafka, tmp_path)
    yield started
    children = started.workers() if started.process.poll() is None else []
    started.process.kill()
    started.process.communicate()
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def test_workers_share_the_port_the_salt_and_the_metrics(kafka: str, appliance: Appliance) -> None:
    site = appliance.site

    statuses = {appliance.post(site) for _ in range(30)}

    events = events_of(kafka, site)
    assert appliance.first_line == f"READY ingest http://127.0.0.1:{appliance.port}\n"
    assert len(appliance.workers()) == 2
    assert statuses == {202}
    assert len(events) == 30
    assert len({event.visitor_id for event in events}) == 1
    assert 'footfall_beacons_total{outcome="accepted",reason="stored"} 30.0' in appliance.metrics()


def test_a_worker_that_dies_is_replaced(appliance: Appliance) -> None:
    victim, survivor = appliance.workers()

    victim.kill()
    while len(pids := {one.pid for one in appliance.workers()} - {victim.pid}) < 2:
        survivor.is_running()

    assert survivor.pid in pids


def test_a_second_instance_is_told_that_the_port_is_taken(appliance: Appliance) -> None:
    _, complaint = (second := appliance.start()).communicate(timeout=WAIT_S)

    assert second.returncode == 1
    assert complaint.count("\n") == 1
    assert f"127.0.0.1:{appliance.port}" in complaint


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_clean(appliance: Appliance, number: signal.Signals) -> None:
    workers = appliance.workers()

    appliance.process.send_signal(number)
    code = appliance.process.wait(WAIT_S)

    assert code == 0
    assert psutil.wait_procs(workers, timeout=WAIT_S)[1] == []


def test_workers_do_not_outlive_their_parent(appliance: Appliance) -> None:
    workers = appliance.workers()

    appliance.process.kill()

    assert psutil.wait_procs(workers, timeout=WAIT_S)[1] == []
