"""Every query of every board and every alert rule, asked of a real Prometheus.

It scrapes a running Footfall with all that panels draw: a listener with TLS, a share group, an
agent's call, a Connect worker. No query may err, and none may be empty.
"""

import asyncio
import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboard.metrics.roles import blocks, sample
from grafana import build
from tests.support.appliance import Appliance, eventually, fetch
from tests.support.certificates import Authority
from tests.support.connect_worker import connect_worker
from tests.support.ports import free_port
from tests.support.raw_client import RawClient
from tests.support.share_offsets import worked
from tests.support.tools import ROOT, prometheus

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

SITE = "boards.example"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IMPORTED = 1  # records that no visitor sent
SECONDS = 90.0
"""How long something may take that comes by itself; the machine may be full."""
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

    def values(self, expr: str) -> list[float]:
        """Values of the series that an expression returns now."""
        return [float(str(series["value"][1])) for series in self.result(expr)]

    def is_ready(self) -> bool:
        with suppress(OSError):
            return fetch(f"{self.url}/-/ready")[0] == 200
        return False


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    made = Appliance(tmp_path_factory.mktemp("boards"))
    with connect_worker() as worker:
        worker.add("archive", "RUNNING")
        made.write_settings(
            {"broker": with_tls(made), "dashboard": {"connect_urls": f'["{worker.url}"]'}}
        )
        try:
            made.start()
            assert made.footfall("site", "add", SITE).returncode == 0
            visited_last_week(made)
            asyncio.run(share_group_at_work(made))
            agent_looks(made)
            yield made
        finally:
            made.close()


def visited_last_week(appliance: Appliance) -> None:
    """One page view of eight days ago: what comes now can be compared with the week before."""
    at = datetime.now(UTC) - timedelta(days=8)
    line = f'198.51.100.7 - - [{at:%d/%b/%Y:%H:%M:%S +0000}] "GET / HTTP/1.1" 200 9 "-" "{BROWSER}"'
    log = appliance.directory / "access.log"
    log.write_text(f"{line}\n")
    done = appliance.footfall("import", "access-log", str(log), "--site", SITE)
    assert done.returncode == 0, done.stdout + done.stderr


def with_tls(appliance: Appliance) -> dict[str, str]:
    """Settings of the broker: a second listener, with a certificate made here."""
    pair = Authority(appliance.directory).broker()
    ports = {"PLAINTEXT": appliance.ports["broker"], "SSL": free_port()}
    return {
        "listeners": str([f"{name}://127.0.0.1:{port}" for name, port in ports.items()]),
        "ssl_keystore_location": f'"{pair.certificate}"',
        "ssl_key_location": f'"{pair.key}"',
    }


async def share_group_at_work(appliance: Appliance) -> None:
    """A share group that is done with two records of five."""
    async with await RawClient.connect("127.0.0.1", appliance.ports["broker"]) as client:
        await worked(client)


def agent_looks(appliance: Appliance) -> None:
    """One call of a tool at /mcp; on loopback nobody has to sign in."""
    call = {"name": "clusters", "arguments": {}}
    request = urllib.request.Request(
        f"{appliance.dashboard}/mcp",
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode(),
        {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"},
    )
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        assert "error" not in json.load(answer)


class Traffic:
    """Page views, posted as the beacon script posts them."""

    def __init__(self, appliance: Appliance) -> None:
        self._url = f"{appliance.ingest}/api/event"
        self.accepted = 0

    def visit(self) -> bool:
        """One more; whether it was accepted."""
        body = {"n": "pageview", "d": SITE, "u": f"https://{SITE}/page-{self.accepted}"}
        request = urllib.request.Request(
            self._url,
            json.dumps(body).encode(),
            {"User-Agent": BROWSER, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                accepted: bool = answer.status == 202
        except urllib.error.HTTPError:
            return False
        self.accepted += accepted
        return accepted


@pytest.fixture(scope="module")
def traffic(appliance: Appliance) -> Traffic:
    """The endpoint counts the site already."""
    made = Traffic(appliance)
    eventually(made.visit, SECONDS, appliance.told.text)
    return made


@pytest.fixture(scope="module")
def asked(appliance: Appliance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A Prometheus that scrapes the appliance."""
    directory: Path = tmp_path_factory.mktemp("prometheus")
    port = free_port()
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
    made = Asked(port)
    try:
        eventually(made.is_ready, SECONDS, (directory / "log").read_text)
        yield made
    finally:
        process.terminate()
        process.wait(SECONDS)


def filled_in(expr: str) -> str:
    return re.sub(r"\$(cluster|group|topic)\b", ".+", expr.replace("$__rate_interval", "15s"))


def test_no_query_of_any_board_errs_or_is_empty(asked: Asked, traffic: Traffic) -> None:
    """Under traffic: rates need samples over time, and some series come with what they count."""
    waiting = {
        f"{title} / {panel.title}": filled_in(query.expr)
        for _, title, _, panels, _ in build.BOARDS
        for panel in panels
        for query in panel.queries
    }

    def all_came() -> bool:
        traffic.visit()
        for name in [name for name, expr in waiting.items() if asked.result(expr)]:
            del waiting[name]
        return not waiting

    eventually(all_came, SECONDS, lambda: str(waiting))

    assert waiting == {}


def test_every_rule_evaluates(asked: Asked) -> None:
    def evaluated() -> bool:
        return bool(rules()) and all(rule["health"] == "ok" for rule in rules())

    def rules() -> list[dict[str, str]]:
        data = asked.get("rules")["data"]
        assert isinstance(data, dict)
        return [rule for group in data["groups"] for rule in group["rules"]]

    eventually(evaluated, SECONDS, lambda: str([r for r in rules() if r["health"] != "ok"]))


def test_one_scrape_has_every_family_that_was_promised(
    appliance: Appliance, traffic: Traffic
) -> None:
    """Name, type, labels of each series and bounds of histograms, as scrape_contract.txt says."""
    amiss: list[str] = []

    def is_kept() -> bool:
        traffic.visit()
        _, text = fetch(f"{appliance.dashboard}/metrics")
        amiss[:] = not_as_promised(text)
        return not amiss

    eventually(is_kept, SECONDS, lambda: str(amiss))

    assert amiss == []


def not_as_promised(text: str) -> list[str]:
    """Lines of the contract that a scrape does not keep, with what it has."""
    found = blocks(text)
    amiss = []
    for line in (Path(__file__).parent / "scrape_contract.txt").read_text().splitlines():
        promise, _, bounds = line.partition(" : ")
        kind, name, *labels = promise.split()
        block = found.get(name)
        samples = [one for one in map(sample, block.lines) if one] if block else []
        told = {frozenset(one.labels) - {"le"} for one in samples}
        told_bounds = {float(one.labels["le"]) for one in samples if "le" in one.labels}
        if (
            block is None
            or (block.kind, told) != (kind, {frozenset(labels)})
            or not told_bounds.issuperset(map(float, bounds.split()))
        ):
            amiss.append(f"{line}: {block and block.kind} {[sorted(one) for one in told]}")
    return amiss


def test_the_numbers_are_what_was_done(asked: Asked, traffic: Traffic) -> None:
    expected = {
        'sum(kafka_topic_partition_current_offset{topic="events"})': traffic.accepted + IMPORTED,
        'sum(footfall_beacons_total{outcome="accepted"})': traffic.accepted,
        'footfall_event_e2e_latency_seconds_count{stage="log"}': traffic.accepted,
        'sum(kafka_consumergroup_lag{consumergroup="footfall-export"})': 0,
    }
    found: dict[str, list[float]] = {}

    def are_told() -> bool:
        found.update((expr, asked.values(expr)) for expr in expected)
        return found == {expr: [wanted] for expr, wanted in expected.items()}

    eventually(are_told, SECONDS, lambda: str(found))

    assert list(found) == list(expected)
