"""A page of a shop that carries the beacon, and what is stored of a visit to it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from playwright.async_api import Page

from tests.support.running_ingest import events_of
from tracker.events import Event
from tracker.topics import EVENTS, METRICS, Topic

SECONDS = 60.0
HTML = """<!doctype html><title>Shop</title>
<script>window.stats=window.stats||function(){{(stats.q=stats.q||[]).push(arguments)}}
stats('Early', {{props: {{when: 'before load'}}}})
document.addEventListener('load', event => {{ window.loaded = event.target.src }}, true)</script>
<script defer src="{ingest}/js/s.js" data-site="{site}" data-local data-props-plan="pro"
 {attributes}></script>
<div style="height:3000px"><a id=file href="/report.pdf" onclick="event.preventDefault()">r</a>
<a id=out href="http://other.example/x" onclick="event.preventDefault()">o</a>
<button id=tagged data-event="Signup" data-event-kind="trial">s</button>
<form id=letter data-event="Newsletter" data-event-kind="weekly" onsubmit="event.preventDefault()">
<input id=mail><button id=send>s</button></form>
<form id=contact onsubmit="event.preventDefault()"><input name=id><button id=ask>a</button></form>
</div>"""
GONE = "/gone"
"""A page that is not there, and says so in a page."""


@dataclass(slots=True)
class Visited:
    """A browser page on a small site that carries the beacon."""

    page: Page
    origin: str
    kafka: str
    site: str

    async def events(
        self, enough: Callable[[list[Event]], bool], topic: Topic = EVENTS
    ) -> list[Event]:
        """What is stored, once it is enough; the last state when half a minute was not."""
        found: list[Event] = []
        try:
            async with asyncio.timeout(SECONDS):
                while not enough(
                    found := await asyncio.to_thread(events_of, self.kafka, self.site, topic)
                ):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        return found

    async def measured(self, *names: str) -> dict[str, float]:
        """Values of the stored metrics, once there are those of `names`."""
        events = await self.events(
            lambda events: {one.metric_name for one in events} >= set(names), METRICS
        )
        return {one.metric_name or "": one.metric_value or 0.0 for one in events}

    async def named(self, name: str) -> Event:
        """The stored event of this name."""
        events = await self.events(lambda events: any(one.event_name == name for one in events))
        return next(one for one in events if one.event_name == name)
