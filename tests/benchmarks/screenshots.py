"""`make screenshots`: takes the pictures of docs/images from a running appliance with visitors."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import ViewportSize, sync_playwright

from tests.support.appliance import Appliance, eventually, fetch
from tests.support.tools import ROOT, chromium

IMAGES = ROOT / "docs" / "images"
SITE = "demo.localhost"
EVENTS = 400
PAGES = {
    "dashboard": f"/activity?site={SITE}&period=30m",
    "now": "/",
}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
BYTES_MAX = 400_000  # of one picture: the README loads all of them
SIZE = ViewportSize(width=1280, height=860)
SETTLE_MS = 3_000  # until the live charts have drawn something


def main() -> None:
    demo_settings = {"port": "0", "visitors_per_minute": "240.0", "page_seconds": "2.0"}
    with tempfile.TemporaryDirectory(prefix="footfall-pictures-") as directory:
        appliance = Appliance(
            Path(directory),
            {"demo": demo_settings, "ingest": {"trusted_proxies": '["127.0.0.0/8"]'}},
        )
        try:
            appliance.start()
            play_and_take(appliance)
        finally:
            appliance.close()


def play_and_take(appliance: Appliance) -> None:
    """Lets visitors come until the pages have something to show, then takes every picture."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "footfall", "demo", "--config", str(appliance.config)], cwd=ROOT
    )
    try:
        eventually(lambda: stored(appliance) >= EVENTS, 300, lambda: str(stored(appliance)))
        eventually(lambda: fetch(f"{appliance.dashboard}/readyz")[0] == 200, 20, str)
        take(appliance.dashboard)
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(20)


def stored(appliance: Appliance) -> int:
    found = appliance.warehouse("select count(*) from events")
    return int(str(found[0][0])) if found else 0


def take(origin: str) -> None:
    """Each page in both themes; docs/images/<name>.png, and <name>-dark.png."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"], headless=True
        )
        for theme in THEMES:
            page = browser.new_page(viewport=SIZE, color_scheme=theme)
            for name, path in PAGES.items():
                page.goto(origin + path)
                page.wait_for_timeout(SETTLE_MS)
                picture = IMAGES / (f"{name}.png" if theme == "light" else f"{name}-dark.png")
                page.screenshot(path=picture)
                assert picture.stat().st_size < BYTES_MAX, picture
                print(picture, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
