"""Disks: of the data directory, and of log directories as the broker tells them."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dashboard.metrics.disk import Disk, DiskWatch, each_once, silent_disks
from dashboard.metrics.roles import RoleWatcher

TELLS = """# TYPE footfall_disk_free_bytes gauge
footfall_disk_free_bytes{path="/logs a"} 5
footfall_disk_free_bytes{path="/without total"} 5
# TYPE footfall_disk_total_bytes gauge
footfall_disk_total_bytes{path="/logs a"} 100
# TYPE footfall_disk_waiting_seconds gauge
footfall_disk_waiting_seconds{path="/logs a"} 5.0
footfall_disk_waiting_seconds{path="/hangs"} 5.1
"""


def test_directories_on_one_disk_are_one_and_the_fullest_disk_comes_first() -> None:
    told = [
        Disk("/data", 50_000, 100_000),
        Disk("/data/broker", 50_200, 100_000),  # seen some seconds later
        Disk("/mnt/logs", 20_000, 100_000),  # as large, and another
        Disk("/mnt/more", 50_000, 400_000),
    ]

    found = each_once(told)

    assert [disk.path for disk in found] == ["/mnt/more", "/mnt/logs", "/data"]


@pytest.mark.may_block
async def test_disks_of_log_directories_are_those_that_the_broker_tells(tmp_path: Path) -> None:
    async def metrics(request: web.Request) -> web.Response:
        return web.Response(text=TELLS)

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    async with TestServer(application) as server:
        roles = RoleWatcher({"broker": str(server.make_url("/metrics"))})
        watch = DiskWatch(tmp_path, roles)
        async with asyncio.timeout(50), asyncio.TaskGroup() as tasks:
            fetching = tasks.create_task(roles.run())
            while len(watch.disks) < 2:
                await asyncio.sleep(0)
            fetching.cancel()

    assert watch.disks[0] == Disk("/logs a", 5, 100)
    assert watch.disks[1].path == str(tmp_path)
    assert silent_disks(roles) == [("/hangs", 5.1)]
