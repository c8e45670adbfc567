"""`footfall demo`: a small site that carries the beacon, and visitors played at it over HTTP.

The site is there to be opened in a browser, too: what you do on it shows up beside the visitors.
"""

import asyncio
import signal
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web
from rich.console import Console

from footfall.config import DemoConfig
from footfall.console import snippet
from footfall.data_dir import StartRefused
from footfall.demo_visitors import View, Visitor, visit, visitor
from footfall.settings import SettingsError
from tracker import sites
from tracker.config import KafkaConfig

SITE_FILES: Final = Path(__file__).parent.parent / "demo_site"
BEACON_SLOT: Final = "<!-- beacon -->"
FIRST_VISITORS: Final = 12  # arrive at once, so that the first look shows something
VISITORS_AT_ONCE_MAX: Final = 500
REPORT_SECONDS: Final = 10.0
REQUEST_TIMEOUT: Final = ClientTimeout(total=10)


@dataclass(slots=True)
class Tally:
    """What was played so far."""

    visitors: int = 0
    stored: int = 0
    refused: int = 0
    last_refusal: str = ""

    def told(self) -> str:
        refused = f", {self.refused} refused ({self.last_refusal})" if self.refused else ""
        return f"{self.visitors} visitors, {self.stored} events stored{refused}"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the play takes place."""

    settings: DemoConfig
    ingest: str
    """Origin of the tracker, http://host:port."""
    site: str
    """Origin of the demo site."""


def checked_site(config: DemoConfig) -> str:
    """The site that is played on; raises SettingsError."""
    try:
        return sites.new_name(config.site)
    except sites.SiteNameError as error:
        raise SettingsError(f"site in [demo]: {error}") from error


def demo(config: DemoConfig, kafka: KafkaConfig, ingest: str, console: Console) -> int:
    """Registers the demo site and plays until Ctrl-C or SIGTERM; the exit code."""
    sites.add(kafka, sites.Site(checked_site(config), time.time_ns() // 1_000_000))
    tally = Tally()
    pages = site_application(ingest, config.site)
    asyncio.run(_play(pages, config, ingest, tally, console))
    console.print(f"demo ended: {tally.told()}", markup=False)
    return 0 if tally.stored or not tally.refused else 1


async def _play(
    pages: web.Application, config: DemoConfig, ingest: str, tally: Tally, console: Console
) -> None:
    runner = web.AppRunner(pages, access_log=None)
    await runner.setup()
    try:
        listener = web.TCPSite(runner, config.host, config.port)
        try:
            await listener.start()
        except OSError as error:
            raise StartRefused(
                f"the demo site cannot listen on {config.host}:{config.port}"
                f" ({error.strerror}): change port in [demo]"
            ) from error
        host, port = runner.addresses[0][:2]
        stage = Stage(config, ingest, f"http://{host}:{port}")
        console.print(f"demo site  {stage.site}/   (open it: you are counted too)")
        console.print(
            f"visitors   {config.visitors_per_minute:g} a minute, as site {config.site};"
            " Ctrl-C ends it"
        )
        await _until_asked_to_stop(stage, tally, console)
    finally:
        await runner.cleanup()


async def _until_asked_to_stop(stage: Stage, tally: Tally, console: Console) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as tasks:
        playing = [
            tasks.create_task(_visitors(stage, tally)),
            tasks.create_task(_report(tally, console)),
        ]
        await stop.wait()
        for task in playing:
            task.cancel()


async def _report(tally: Tally, console: Console) -> None:
    while True:
        await asyncio.sleep(REPORT_SECONDS)
        console.print(tally.told(), markup=False)


async def _visitors(stage: Stage, tally: Tally) -> None:
    """Lets visitors arrive one after another, each at a random moment, up to a bound at once."""
    dice = Random()
    room = asyncio.Semaphore(VISITORS_AT_ONCE_MAX)
    arrivals_a_second = stage.settings.visitors_per_minute / 60
    async with asyncio.TaskGroup() as visits:
        number = 0
        while True:
            await room.acquire()
            task = visits.create_task(_visit(stage, Random(dice.random()), tally))
            task.add_done_callback(lambda _: room.release())
            number += 1
            if number >= FIRST_VISITORS:
                await asyncio.sleep(dice.expovariate(arrivals_a_second))


async def _visit(stage: Stage, dice: Random, tally: Tally) -> None:
    """One visitor from arrival to leaving, with the real pauses of a reader."""
    who = visitor(dice)
    tally.visitors += 1
    headers = {
        "User-Agent": who.user_agent,
        "Accept-Language": who.language,
        "X-Forwarded-For": who.forwarded_for,
    }
    connector = TCPConnector(local_addr=(who.loopback, 0)) if _loopback(stage.ingest) else None
    async with ClientSession(
        headers=headers, connector=connector, timeout=REQUEST_TIMEOUT
    ) as browser:
        for view in visit(dice):
            try:
                await _see(browser, stage, who, view, tally)
            except (ClientError, OSError, TimeoutError) as error:
                tally.refused += 1
                tally.last_refusal = f"{type(error).__name__}: {error}"
                return
            await asyncio.sleep(view.pause * stage.settings.page_seconds)


async def _see(
    browser: ClientSession, stage: Stage, who: Visitor, view: View, tally: Tally
) -> None:
    """Loads the page, then sends what the beacon in it would send."""
    async with browser.get(stage.site + view.path) as page:
        await page.read()
    body = beacon_body(stage, who, view)
    async with browser.post(f"{stage.ingest}/api/event", json=body) as answer:
        if answer.status == web.HTTPAccepted.status_code:
            tally.stored += 1
        else:
            tally.refused += 1
            tally.last_refusal = f"{answer.status} {answer.reason}"


def beacon_body(stage: Stage, who: Visitor, view: View) -> dict[str, Any]:
    """One event in the beacon's envelope."""
    now_ms = time.time_ns() // 1_000_000
    origin = f"http://{stage.settings.site}"
    event = {
        "id": str(uuid.uuid4()),
        "name": view.event,
        "site": stage.settings.site,
        "url": f"{origin}{view.path}",
        "referrer": f"{origin}{view.referrer}" if view.referrer.startswith("/") else view.referrer,
        "title": view.title,
        "ts": now_ms,
        "screen": who.screen,
        "language": who.language,
        "props": dict(view.props),
    }
    return {"v": 1, "sent_at": now_ms, "events": [event]}


def site_application(ingest: str, site: str) -> web.Application:
    """The static site, each page with the script tag in its head."""
    application = web.Application()
    tag = snippet(ingest, site).replace("<script ", '<script data-local="true" ')
    for path in sorted(SITE_FILES.iterdir()):
        body = path.read_text(encoding="utf-8").replace(BEACON_SLOT, tag)
        kind = "text/css" if path.suffix == ".css" else "text/html"
        route = "/" if path.name == "index.html" else f"/{path.name}"
        application.router.add_get(route, _page(body, kind))
    return application


def _page(body: str, kind: str) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type=kind)

    return answer


def _loopback(origin: str) -> bool:
    return "//127." in origin
