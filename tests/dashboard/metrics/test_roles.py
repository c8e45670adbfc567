"""Metrics of other roles under the one scrape URL."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client.parser import text_string_to_metric_families

from dashboard.metrics import roles
from dashboard.metrics.roles import (
    RolePage,
    RoleWatcher,
    blocks,
    merged,
    quantile,
    role_urls,
    sample,
)

HISTOGRAM = """# HELP e2e_seconds Age.
# TYPE e2e_seconds histogram
e2e_seconds_bucket{stage="log",le="1.0"} 50
e2e_seconds_bucket{stage="log",le="2.0"} 100
e2e_seconds_bucket{stage="log",le="+Inf"} 100
e2e_seconds_sum{stage="log"} 120
e2e_seconds_count{stage="log"} 100
"""


def page(role: str, text: str) -> RolePage:
    return RolePage(role, blocks(text))


def test_one_family_of_two_roles_stands_under_one_heading() -> None:
    process = "# HELP process_open_fds Open.\n# TYPE process_open_fds gauge\nprocess_open_fds 7\n"

    text = merged([page("broker", process), page("export", process)], set(), "local")

    assert text.count("# TYPE process_open_fds") == 1
    (family,) = text_string_to_metric_families(text)
    assert {s.labels["role"] for s in family.samples} == {"broker", "export"}


def test_kafka_families_get_the_clusters_name_once() -> None:
    text = (
        "# TYPE kafka_x gauge\n"
        'kafka_x{topic="a"} 1\nkafka_x 2\nkafka_x{topic="b",kafka_cluster="other"} 3\n'
    )

    found = merged([page("broker", text)], set(), "local")

    assert 'kafka_x{kafka_cluster="local",topic="a"} 1' in found
    assert 'kafka_x{kafka_cluster="local"} 2' in found
    assert 'kafka_x{topic="b",kafka_cluster="other"} 3' in found


def test_what_the_snapshot_has_is_not_said_twice() -> None:
    assert merged([page("broker", "kafka_brokers 1\n")], {"kafka_brokers"}, "local") == ""


def test_created_series_are_left_out() -> None:
    assert merged([page("x", "# TYPE a_created gauge\na_created 1\n")], set(), "local") == ""


def test_samples_of_a_histogram_belong_to_it() -> None:
    samples = page("export", HISTOGRAM).samples("e2e_seconds")

    assert len(samples) == 5
    assert quantile(samples, 0.5) == 1.0
    assert quantile(samples, 0.75) == 1.5


def test_a_quantile_of_nothing_is_not_known() -> None:
    assert quantile([], 0.99) is None


@pytest.mark.parametrize("line", ["", "# HELP x y", "name{a=b", "name", 'n{a="1"} notanumber'])
def test_lines_that_are_no_samples_are_none(line: str) -> None:
    assert sample(line) is None


def test_escaped_labels_come_back_as_they_were() -> None:
    found = sample('n{a="x\\"y\\\\z",b="}"} 1e3')

    assert found is not None
    assert found.labels == {"a": 'x"y\\z', "b": "}"}
    assert found.value == 1000.0


def test_settings_that_are_no_urls_are_refused() -> None:
    with pytest.raises(ValueError, match="is not ROLE=http"):
        role_urls(["broker=localhost:9101"])


async def test_a_role_that_is_slow_once_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As all are after a sleep of the machine: what was asked before it is out of time."""
    monkeypatch.setattr(roles, "TIMEOUT_S", 0.05)
    monkeypatch.setattr(roles, "INTERVAL_S", 0.0)
    answers, hangs = asyncio.Event(), asyncio.Event()

    async def metrics(request: web.Request) -> web.Response:
        if answers.is_set():
            hangs.set()
            await asyncio.sleep(3600)
        return web.Response(text="up 1\n")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    pages = []
    async with TestServer(app) as server, asyncio.TaskGroup() as tasks:
        watcher = RoleWatcher({"export": str(server.make_url("/metrics"))})
        life = tasks.create_task(watcher.run())
        async with asyncio.timeout(50):
            while watcher.page("export") is None:
                await asyncio.sleep(0.01)
            answers.set()
            await hangs.wait()
            while not watcher.is_down("export"):
                pages.append(watcher.page("export"))
                await asyncio.sleep(0.01)
        life.cancel()

    assert pages
    assert None not in pages
    assert watcher.page("export") is None


async def test_what_a_role_says_instead_of_its_metrics_is_kept_until_it_has_them() -> None:
    healthy = False

    async def metrics(request: web.Request) -> web.Response:
        if healthy:
            return web.Response(text="up 1\n")
        text = "the event loop has stood still for 7 s\nand more"
        return web.Response(text=text, status=503)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    async with TestServer(app) as server, asyncio.TaskGroup() as tasks:
        watcher = RoleWatcher({"broker": str(server.make_url("/metrics"))})
        life = tasks.create_task(watcher.run())
        async with asyncio.timeout(50):
            while not watcher.said("broker"):
                await asyncio.sleep(0.02)
            said = watcher.said("broker")
            healthy = True
            while watcher.page("broker") is None:
                await asyncio.sleep(0.02)
        life.cancel()

    assert said == "the event loop has stood still for 7 s"
    assert watcher.said("broker") == ""


async def test_a_role_that_dies_loses_its_page_and_gets_it_back() -> None:
    healthy = True

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(text="up 1\n", status=200 if healthy else 500)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    async with TestServer(app) as server, asyncio.TaskGroup() as tasks:
        watcher = RoleWatcher({"export": str(server.make_url("/metrics"))})
        life = tasks.create_task(watcher.run())
        async with asyncio.timeout(50):
            while watcher.page("export") is None:
                await asyncio.sleep(0.02)
            healthy = False
            while watcher.page("export") is not None:
                await asyncio.sleep(0.02)
        life.cancel()

    assert watcher.pages() == []
