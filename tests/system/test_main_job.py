"""The main job: a real access log, and a real browser, end to end.

The totals of the access log are counted here straight from the file with a few lines of their own,
and must agree with the topic, the warehouse and the page.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.support.appliance import Appliance, eventually, fetch
from tests.support.running_ingest import events_of
from tests.support.tools import chromium, shared_data
from tests.support.web_page import ORDINARY_BROWSER, served_page

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

SECONDS = 120.0
"""How long something may take that comes by itself; the machine may be full."""
COMBINED = re.compile(
    r'\S+ \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?:\d+|-)'
    r' "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"'
)


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One for all; each test has a site of its own."""
    made = Appliance(tmp_path_factory.mktemp("main-job"))
    try:
        made.start()
        yield made
    finally:
        made.close()


def days_of(path: Path) -> dict[str, int]:
    """UTC day -> well-formed lines of that day, counted without our parser."""
    days: dict[str, int] = {}
    for line in path.read_text(errors="replace").splitlines():
        if found := COMBINED.match(line):
            moment = datetime.strptime(found["time"], "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
            day = moment.date().isoformat()
            days[day] = days.get(day, 0) + 1
    return days


def rows_by_day(appliance: Appliance, site: str) -> dict[str, int]:
    query = (
        "select date(occurred_at / 1000, 'unixepoch'), count(*) from events"
        " where site_id = ? group by 1"
    )
    return {str(day): int(str(count)) for day, count in appliance.warehouse(query, site)}


def import_log(appliance: Appliance, path: Path, site: str) -> str:
    appliance.footfall("site", "add", site)
    done = appliance.footfall(
        *("import", "access-log", str(path), "--site", site),
        *("--data-dir", str(appliance.data_dir)),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def check_totals(appliance: Appliance, path: Path, site: str) -> None:
    """File, topic, warehouse and page agree."""
    by_day = days_of(path)
    total = sum(by_day.values())
    eventually(
        lambda: sum(rows_by_day(appliance, site).values()) >= total,
        SECONDS,
        lambda: f"{sum(rows_by_day(appliance, site).values())} of {total} rows",
    )
    assert rows_by_day(appliance, site) == by_day
    assert len(events_of(appliance.bootstrap, site)) == total
    page_views = appliance.warehouse(
        "select count(*) from events where site_id = ? and event_name = 'pageview' and not is_bot",
        site,
    )[0][0]
    days = sorted(by_day)
    url = f"{appliance.dashboard}/activity?site={site}&from={days[0]}&to={days[-1]}"
    eventually(
        lambda: shown_page_views(fetch(url)[1]) == page_views,
        SECONDS,
        lambda: f"{shown_page_views(fetch(url)[1])} on {url}, {page_views} in the warehouse",
    )


def shown_page_views(page: str) -> int:
    """The number that a reader of the activity page sees; -1 when there is none."""
    found = re.search(r'id="page-views">([\d\u202f]+)<', page)
    return int(found[1].replace("\u202f", "")) if found else -1


def test_a_real_access_log_is_counted_the_same_everywhere(appliance: Appliance) -> None:
    path = shared_data("access_log_2015.txt")

    import_log(appliance, path, "semicomplete.example")

    check_totals(appliance, path, "semicomplete.example")


def test_importing_again_doubles_nothing(appliance: Appliance, tmp_path: Path) -> None:
    """A small log of our own, with a line that cannot be read."""
    path = tmp_path / "access.log"
    browser = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
    lines = [
        f"198.51.100.{number % 20} - - [17/May/2015:10:{number % 60:02}:03 +0000]"
        f' "GET /page{number % 7} HTTP/1.1" 200 512 "-" "{browser}"'
        for number in range(300)
    ]
    lines.insert(100, "this is no log line")
    path.write_text("\n".join(lines) + "\n")

    told = import_log(appliance, path, "again.example")
    import_log(appliance, path, "again.example")

    assert "101" in told  # the line number of what could not be read
    check_totals(appliance, path, "again.example")


@pytest.mark.browser
def test_a_page_in_a_real_browser_shows_up_on_the_open_dashboard(appliance: Appliance) -> None:
    """The page is of the demo site's kind: served on localhost, carrying the script tag.

    How soon (two seconds are promised) is measured by tests/benchmarks/bench_page_view.py.
    """
    browser_path = chromium()
    site = "localhost"
    appliance.footfall("site", "add", site)
    appliance.told.wait_for("partitions assigned sink=rollups", SECONDS)
    with (
        served_page(appliance.ingest, site) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox"], headless=True
        )
        watcher = browser.new_page()
        watcher.goto(f"{appliance.dashboard}/activity?site={site}")
        visitor = browser.new_page(user_agent=ORDINARY_BROWSER)

        visitor.goto(address)

        seen = watcher.get_by_text("/welcome").first
        seen.wait_for(timeout=SECONDS * 1000)
        assert seen.is_visible()
        browser.close()
