"""`make screenshots`: takes the pictures of docs/images from a running appliance with visitors.

Two weeks of visits are imported, more are played; beside them a shop writes orders, which one group
reads as they come, one too slowly, and one began to read and left. It takes some seven minutes: the
charts of Now are to show five in which nothing was imported.
"""

import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import confluent_kafka
from playwright.sync_api import ViewportSize, sync_playwright

from tests.benchmarks.past_visits import write_past
from tests.support.appliance import Appliance, eventually, fetch
from tests.support.tools import ROOT, chromium

IMAGES = ROOT / "docs" / "images"
SITE = "demo.localhost"
LIFE_S = 330.0  # that is watched before the pictures are taken
ORDERS = "orders"
ORDERS_A_SECOND = 40
READ_BEFORE_LEAVING = 2_000
SLOWLY_S = 0.04  # for a record
PAGES = {
    "dashboard": f"/activity?site={SITE}&period=7d",
    "now": "/?range=5m",
}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
BYTES_MAX = 400_000  # of one picture: the README loads all of them
SIZE = ViewportSize(width=1280, height=860)
SETTLE_MS = 3_000  # until the live charts have drawn something


def main() -> None:
    demo_settings = {"port": "0", "visitors_per_minute": "4.0"}
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


@dataclass(frozen=True, slots=True)
class Reader:
    """A group of one member: how long it takes for a record, and after how many it leaves."""

    group: str
    pause_s: float = 0.0
    most: int | None = None


SLOW = Reader("search-index", SLOWLY_S)
GONE = Reader("mailer", most=READ_BEFORE_LEAVING)


@contextmanager
def shop(bootstrap: str) -> Iterator[None]:
    """Orders that arrive, a group that reads them, and one that has nobody in it any more."""
    over = threading.Event()
    threads = [
        threading.Thread(target=order, args=(bootstrap, over)),
        *(
            threading.Thread(target=read, args=(bootstrap, reader, over))
            for reader in (Reader("billing"), SLOW, GONE)
        ),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(30)


def order(bootstrap: str, over: threading.Event) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, "linger.ms": 20})
    number = 0
    while not over.wait(1 / ORDERS_A_SECOND):
        number += 1
        producer.produce(ORDERS, f'{{"order": {number}}}'.encode(), f"customer-{number % 97}")
        producer.poll(0)
    producer.flush(10)


def read(bootstrap: str, reader: Reader, over: threading.Event) -> None:
    """Reads until it is over, or has read so many."""
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": reader.group,
        "client.id": f"{reader.group}-1",
        "auto.offset.reset": "earliest",
        "auto.commit.interval.ms": 1000,
        "topic.metadata.refresh.interval.ms": 1000,
    }
    consumer = confluent_kafka.Consumer(settings)
    consumer.subscribe([ORDERS])
    seen = 0
    while not over.wait(reader.pause_s) and (reader.most is None or seen < reader.most):
        message = consumer.poll(0.2)
        seen += message is not None and message.error() is None
    consumer.close()


def play_and_take(appliance: Appliance) -> None:
    """Lets visitors come until the pages have something to show, then takes every picture."""
    python = [sys.executable, "-m", "footfall"]
    log = appliance.directory / "access.log"
    wanted = write_past(log)
    where = ["--config", str(appliance.config)]
    register = [*python, "site", "add", SITE, *where]
    bring_in = [*python, "import", "access-log", str(log), "--site", SITE, *where]
    subprocess.run(register, cwd=ROOT, check=True)
    subprocess.run([*bring_in, "--data-dir", str(appliance.data_dir)], cwd=ROOT, check=True)
    eventually(lambda: stored(appliance) >= wanted, 300, lambda: str(stored(appliance)))
    demo = subprocess.Popen([*python, "demo", *where], cwd=ROOT)
    try:
        with shop(appliance.bootstrap):
            time.sleep(LIFE_S)
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
