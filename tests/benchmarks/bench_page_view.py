"""From a page view in a real browser to the open dashboard in another window."""

import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.benchmarks.plan import Plan
from tests.benchmarks.table import Row
from tests.support.appliance import Appliance
from tests.support.tools import chromium
from tests.support.web_page import ORDINARY_BROWSER, PATH, served_page

TITLE = "A page view on the dashboard"
ROUNDS = 7


def rows(_plan: Plan) -> list[Row]:
    """One row, measured with a new site each round, so that the page is new to the dashboard."""
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as directory:
        appliance = Appliance(Path(directory))
        try:
            appliance.start()
            appliance.told.wait_for("partitions assigned sink=rollups", 30)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=chromium(), args=["--no-sandbox"], headless=True
                )
                taken = [_seconds(appliance, browser, f"bench{one}") for one in range(ROUNDS)]
                browser.close()
        finally:
            appliance.close()
    spread = f"rounds {min(taken):.2f} to {max(taken):.2f} s"
    name = f"from opening a page in Chromium until the open dashboard shows it; {spread}"
    return [Row(name, statistics.median(taken), "s")]


def _seconds(appliance: Appliance, browser: Browser, site: str) -> float:
    appliance.footfall("site", "add", site)
    watcher = browser.new_page()
    visitor = browser.new_page(user_agent=ORDINARY_BROWSER)
    with served_page(appliance.ingest, site) as address:
        watcher.goto(f"{appliance.dashboard}/activity?site={site}")
        begun = time.perf_counter()
        visitor.goto(address)
        watcher.get_by_text(PATH).first.wait_for()
        taken = time.perf_counter() - begun
    watcher.close()
    visitor.close()
    return taken
