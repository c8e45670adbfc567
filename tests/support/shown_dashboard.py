"""A dashboard over a made cluster, served on a port and shown in a tab of Chromium."""

from pathlib import Path
from typing import Self

from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, ConsoleMessage, Page

from dashboard.state import State
from dashboard.web import Site
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import made_state
from tests.support.made_events import made_event
from tests.support.seen_visits import store_measures, store_visits
from tracker.clock import SystemClock
from tracker.vitals import VITALS

HEIGHT = 800


class Shown:
    """One tab on a served dashboard, and everything it complained about."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    async def go(self, path: str) -> None:
        await self.page.goto(self.base + path)

    async def open_details(self) -> None:
        """All at once: a menu is shut by a click somewhere else."""
        await self.page.evaluate(
            "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
        )

    async def be_wide(self, width: int) -> None:
        await self.page.set_viewport_size({"width": width, "height": HEIGHT})


class Served:
    """A dashboard on a port, over a made cluster."""

    def __init__(self, data_dir: Path, cluster: MadeCluster, **settings: object) -> None:
        self.cluster = cluster
        self.state: State = made_state(data_dir, cluster, **settings)
        self.server = TestServer(Site(self.state).application())

    async def __aenter__(self) -> Self:
        await self.state.poller(None).look()
        await self.server.start_server(shutdown_timeout=0.2)  # open streams are cut
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()
        self.state.beside["local"].browser.close()

    async def tab(self, browser: Browser, width: int = 1280, scheme: str = "light") -> Shown:
        page = await browser.new_page(
            viewport={"width": width, "height": HEIGHT},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        return Shown(page, str(self.server.make_url("")).rstrip("/"))


def store_measured_visits(data_dir: Path) -> None:
    """A visit, a value of every vital that needs improvement, and a metric with a long name."""
    now_ms = SystemClock().now_ms()
    store_visits(data_dir, [made_event(1, occurred_at=now_ms)], now_ms)
    amounts = {name: fair for name, (_good, fair) in VITALS.items()} | {"m" * 120: 12_345.0}
    values = [
        made_event(
            event_id=name,
            metric_name=name,
            metric_value=amount,
            occurred_at=now_ms,
            pathname="/" + "long" * 60,
        )
        for name, amount in amounts.items()
    ]
    store_measures(data_dir, values, now_ms)
