"""Every query of every board and every alert rule, asked of a real Prometheus.

It scrapes a running Footfall; no query may err, and none may be empty.
"""

import json
import re
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from grafana import build
from tests.support.appliance import Appliance, eventually, fetch, free_ports
from tests.support.tools import ROOT, prometheus

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

SITE = "boards.example"
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 2s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: footfall
    static_configs: [{{targets: ["{target}"]}}]
"""


class Asked:
    """A Prometheus, asked over its API."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str, **query: str) -> dict[str, object]:
        _, text = fetch(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}")
        found: dict[str, object] = json.loads(text)
        return found

    def result(self, expr: str) -> list[dict[str, list[object]]]:
        """Series that an expression returns now; an error fails the test."""
        answer = self.get("query", query=expr)
        assert answer["status"] == "success", f"{expr}: {answer.get('error')}"
        data = answer["data"]
        assert isinstance(data, dict)
        found: list[dict[str, list[object]]] = data["result"]
        return found

    def value(self, expr: str) -> float:
        """The one value that an expression has."""
        (series,) = self.result(expr)
        return float(str(series["value"][1]))


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    made = Appliance(tmp_path_factory.mktemp("boards"))
    try:
        made.start()
        assert made.footfall("site", "add", SITE).returncode == 0
        yield made
    finally:
        made.close()


def beacon(appliance: Appliance, number: int) -> int:
    """One page view, as the beacon script posts it; the HTTP status."""
    body = {"n": "pageview", "d": SITE, "u": f"https://{SITE}/page-{number}"}
    command = [
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-A",
        "Mozilla/5.0 Firefox/140.0",
    ]
    command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    done = subprocess.run(
        [*command, f"{appliance.ingest}/api/event"], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.fixture(scope="module")
def asked(appliance: Appliance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A Prometheus that has seen half a minute of traffic."""
    directory: Path = tmp_path_factory.mktemp("prometheus")
    (port,) = free_ports(1)
    target = appliance.dashboard.removeprefix("http://")
    rules = ROOT / "prometheus" / "rules" / "*.yml"
    (directory / "p.yml").write_text(CONFIG.format(rules=rules, target=target))
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [
                prometheus(),
                f"--config.file={directory / 'p.yml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        for number in range(25):
            assert beacon(appliance, number) == 202
            time.sleep(1)  # rates need samples over time; this is the traffic itself
        yield Asked(port)
    finally:
        process.terminate()
        process.wait(20)


def filled_in(expr: str) -> str:
    return re.sub(r"\$(cluster|group|topic)\b", ".+", expr.replace("$__rate_interval", "15s"))


def test_no_query_of_any_board_errs_or_is_empty(asked: Asked) -> None:
    empty = [
        f"{title} / {panel.title}: {query.expr}"
        for _, title, _, panels, _ in build.BOARDS
        for panel in panels
        for query in panel.queries
        if not asked.result(filled_in(query.expr))
    ]

    assert empty == []


def test_every_rule_evaluates(asked: Asked) -> None:
    def evaluated() -> bool:
        return all(rule["health"] == "ok" for rule in rules())

    def rules() -> list[dict[str, str]]:
        data = asked.get("rules")["data"]
        assert isinstance(data, dict)
        return [rule for group in data["groups"] for rule in group["rules"]]

    eventually(evaluated, 20, lambda: str([r for r in rules() if r["health"] != "ok"]))


def test_the_numbers_are_what_was_done(asked: Asked) -> None:
    def counted() -> bool:
        return asked.value('sum(kafka_topic_partition_current_offset{topic="events"})') == 25

    eventually(counted, 15, lambda: str(asked.result("kafka_topic_partition_current_offset")))
    eventually(  # gathered from another role than the offsets, at another moment
        lambda: asked.value('sum(footfall_beacons_total{outcome="accepted"})') == 25,
        15,
        lambda: str(asked.result("footfall_beacons_total")),
    )
    eventually(
        lambda: asked.value('sum(kafka_consumergroup_lag{consumergroup="footfall-export"})') == 0,
        15,
        lambda: str(asked.result("kafka_consumergroup_lag")),
    )
