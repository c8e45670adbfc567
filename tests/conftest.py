"""What holds for every test: profiles, a watched event loop, no silent skip in CI, and a broker."""

import gc
import inspect
import os
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings

from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.tools import OUTSIDE_THE_REPO

settings.register_profile(
    "quick",
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("exhaustive", max_examples=3_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

LOOP_CODE = ["broker", "tracker", "dashboard", "footfall"]
"""Modules whose blocking calls inside a running event loop fail the test."""


@pytest.fixture(autouse=True)
def watched_event_loop(request: pytest.FixtureRequest) -> Iterator[BlockBuster | None]:
    """Fails an async test whose code under test blocks the event loop (sleep, file, socket)."""
    function = getattr(request.node, "function", None)
    if not inspect.iscoroutinefunction(function) or request.node.get_closest_marker("may_block"):
        yield None
        return
    with blockbuster_ctx(scanned_modules=LOOP_CODE) as watcher:
        # To a socket that does not block it only fills what the kernel has room for.
        watcher.functions["os.sendfile"].can_block_in("broker/server/writer.py", "_send_file")
        # The kernel's figures of this process are in memory.
        watcher.functions["io.TextIOWrapper.read"].can_block_in(
            "broker/metrics.py", "_of_this_process"
        )
        yield watcher


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    """Of a test's own, in its process."""
    async with running_broker(tmp_path / "data") as running:
        yield running


@pytest.fixture
async def client(broker: RunningBroker) -> AsyncIterator[RawClient]:
    async with await RawClient.connect(broker.host, broker.port) as connected:
        yield connected


LONGEST_FIRST = (
    "tests/browser/test_every_page.py",
    "tests/browser/",
    "tests/system/test_kill_roles.py",
    "tests/system/test_appliance.py",
    "tests/system/test_main_job.py",
    "tests/system/",
    "tests/wire/test_streams_groups.py",
    "tests/wire/test_dashboard_clusters.py",
    "tests/wire/",
    "tests/fuzz/",
    "tests/grafana/",
    "tests/tracker/",
    "tests/broker/protocol/",
)
"""What takes long begins first, so that no worker is left alone with it at the end."""

STARTS_PROCESSES = ("system", "browser", "wire")
PROCESSES_TIMEOUT_S = 240
"""A JVM that starts beside a full machine takes a minute by itself."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, None, None]:
    """Seven thousand tests are made, and stay: without the collector in half of the time.

    Nor does it look at them again while they run, which costs a tenth of their processor time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        found = (at for at, begin in enumerate(LONGEST_FIRST) if item.nodeid.startswith(begin))
        return next(found, len(LONGEST_FIRST))

    items.sort(key=rank)  # stable: what is of one rank stays in its random order
    for item in items:
        starts = any(item.get_closest_marker(name) for name in STARTS_PROCESSES)
        if starts and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(PROCESSES_TIMEOUT_S))


def _skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI a skip means that something which must be there is not."""
    if os.environ.get("CI") != "true" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = _skip_reason(report)
    if OUTSIDE_THE_REPO not in reason:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be missing: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_if_skipped(report)
    return report
