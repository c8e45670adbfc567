"""Dashboard: what open pages, looks and pages cost on a cluster with very many topics and groups.

The served process has 2,000 topics with 10,000 partitions and 500 groups in front of it, made up
in its own memory, so that no broker's time is in the figures. Processor time is that process's,
as the kernel tells it.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import psutil
from aiohttp import ClientSession, ClientTimeout, web

from dashboard.web import Site, metrics_text
from tests.benchmarks.plan import Plan
from tests.benchmarks.table import Row
from tests.support.made_cluster import MadeCluster, MadePartition
from tests.support.made_dashboard import made_state
from tests.support.tools import ROOT
from tracker.clock import SystemClock
from tracker.topics import TopicPartition

TITLE = "Dashboard (2,000 topics, 10,000 partitions, 500 groups, alerts on)"
TOPICS, PARTITIONS, GROUPS = 2_000, 5, 500
DASHBOARDS = 50
WATCHED_S = 20.0
CORE_SHARE_MAX = 0.05
PAGE_MS_MAX = 100.0
PAGE_LOADS = 20
OPENED = ("/", "/", "/", "/topics", "/groups", "/groups/group-7", "/topics/topic-7", "/alerts",
          "/cluster", "/pipeline")  # fmt: skip
HISTORY = "/api/v1/history?range=1h&s=cluster.in"  # every chart asks it again in five seconds
PAGES = ("/", "/topics", "/topics?page=20&sort=-lag", "/topics/topic-7?tab=partitions", "/groups",
         "/groups/group-7", "/cluster", "/alerts", "/pipeline", "/settings")  # fmt: skip


def large_cluster() -> MadeCluster:
    """Every group reads a few topics, one in five is behind."""
    made = MadeCluster()
    stamps = {0: SystemClock().now_ms() - 30_000}
    for number in range(TOPICS):
        made.add_topic(
            f"topic-{number}",
            *(MadePartition(end=1_000 + index, stamps=stamps) for index in range(PARTITIONS)),
            retention_ms="604800000",
        )
    for number in range(GROUPS):
        places = [
            TopicPartition(f"topic-{number * 4 + at}", index)
            for at in range(2)
            for index in range(PARTITIONS)
        ]
        behind = 10 if number % 5 else 900
        made.add_group(f"group-{number}", dict.fromkeys(places, 1_000 - behind), places)
    return made


async def serve(directory: Path) -> None:
    """What a dashboard runs, until it is killed; tells its port and what a look cost."""
    state = made_state(directory, large_cluster())
    poller = state.poller(None)
    looks, scrapes, rules = [], [], []
    for _ in range(3):
        looks.append(await _spent_ms(poller.look))
        rules.append(await _spent_ms(lambda: asyncio.to_thread(state.alerts.evaluate)))
        scrapes.append(await _spent_ms(lambda: asyncio.to_thread(metrics_text, state)))
    runner = web.AppRunner(Site(state).application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    told = {"port": port, "look": median(looks), "rules": median(rules), "scrape": median(scrapes)}
    print(json.dumps(told), flush=True)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(poller.run())
        tasks.create_task(state.alerts.run())


async def _spent_ms(work: Callable[[], Awaitable[object]]) -> float:
    began = time.process_time()
    await work()
    return (time.process_time() - began) * 1000


async def _share(process: psutil.Process) -> float:
    """Of one core, while we wait."""
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    await asyncio.sleep(WATCHED_S)
    return float(sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)


async def _watch(session: ClientSession, path: str) -> None:
    """One open tab: its stream, and its charts every five seconds."""

    async def charts() -> None:
        while True:
            async with session.get(HISTORY) as answer:
                await answer.read()
            await asyncio.sleep(5)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(charts())
        async with session.get("/api/stream", params={"page": path}) as answer:
            async for _ in answer.content.iter_any():
                pass


async def _measure(port: int, process: psutil.Process) -> tuple[float, float, dict[str, float]]:
    """Share of a core without and with open dashboards, and milliseconds of each page."""
    base = f"http://127.0.0.1:{port}"
    timeout = ClientTimeout(total=None)
    async with ClientSession(base, timeout=timeout) as session:
        pages = {}
        for path in PAGES:
            began = sum(process.cpu_times()[:2])
            for _ in range(PAGE_LOADS):  # the kernel counts in hundredths of a second
                async with session.get(path) as answer:
                    assert answer.status == 200, (path, answer.status)
                    await answer.read()
            pages[path] = (sum(process.cpu_times()[:2]) - began) * 1000 / PAGE_LOADS
        alone = await _share(process)
        watchers = asyncio.gather(
            *(_watch(session, OPENED[one % len(OPENED)]) for one in range(DASHBOARDS))
        )
        await asyncio.sleep(6)  # the first frames are over
        watched = await _share(process)
        watchers.cancel()
        await asyncio.gather(watchers, return_exceptions=True)
    return alone, watched, pages


def rows(plan: Plan) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.bench_dashboard", directory],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert child.stdout is not None
            told = json.loads(child.stdout.readline())
            process = psutil.Process(child.pid)
            alone, watched, pages = asyncio.run(_measure(told["port"], process))
            memory = process.memory_info().rss / 1e6
        finally:
            child.kill()
            child.wait()
    limit = CORE_SHARE_MAX * 100
    found = [
        Row("a look at the cluster: processor time", told["look"], "ms"),
        Row("all alert rules asked once: processor time", told["rules"], "ms"),
        Row("a scrape of /metrics: processor time", told["scrape"], "ms"),
        Row("watching with no page open", alone * 100, "% of a core"),
        Row(
            f"{DASHBOARDS} open dashboards, beside that",
            (watched - alone) * 100,
            "% of a core",
            (watched - alone) / CORE_SHARE_MAX,
            f"the {limit:.0f} % that they may cost",
        ),
    ]
    found += [
        Row(f"page {path}: processor time", spent, "ms", spent / PAGE_MS_MAX, "100 ms")
        for path, spent in pages.items()
    ]
    return [*found, Row("memory", memory, "MB")]


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
