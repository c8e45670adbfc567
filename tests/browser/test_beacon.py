"""The beacon on a real page, in a real Chromium, against the real endpoint and broker."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, Route

from tests.support.kafka_address import kafka_address, new_site
from tests.support.running_ingest import RunningIngest, events_of, register, running_ingest
from tracker.events import Event
from tracker.topics import EVENTS, METRICS, Topic

pytestmark = [
    pytest.mark.browser,
    pytest.mark.may_block,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]

SECONDS = 60.0
SITES = 30
"""More than there are tests: each has a site of its own."""
HTML = """<!doctype html><title>Shop</title>
<script>window.stats=window.stats||function(){{(stats.q=stats.q||[]).push(arguments)}}
stats('Early', {{props: {{when: 'before load'}}}})
document.addEventListener('load', event => {{ window.loaded = event.target.src }}, true)</script>
<script defer src="{ingest}/js/s.js" data-site="{site}" data-local data-props-plan="pro"
 {attributes}></script>
<div style="height:3000px"><a id=file href="/report.pdf" onclick="event.preventDefault()">r</a>
<a id=out href="http://other.example/x" onclick="event.preventDefault()">o</a>
<button id=tagged data-event="Signup" data-event-kind="trial">s</button></div>"""


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


Visit = Callable[..., Awaitable[Visited]]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with kafka_address(tmp_path_factory.mktemp("broker")) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="module")
def sites(kafka: str) -> Iterator[str]:
    """Names of registered sites; the endpoint starts after them, so it knows them all."""
    names = [new_site() for _ in range(SITES)]
    for name in names:
        register(kafka, name)
    return iter(names)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ingest(
    kafka: str, sites: Iterator[str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningIngest]:
    async with running_ingest(kafka, tmp_path_factory.mktemp("ingest")) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def visit(
    kafka: str, ingest: RunningIngest, sites: Iterator[str], browser: Browser
) -> AsyncIterator[Visit]:
    """Opens the site; `attributes` go into the script tag, `automated` leaves the browser's
    automation mark as it is."""
    site = next(sites)
    served = {"attributes": ""}

    async def page(_request: web.Request) -> web.Response:
        html = HTML.format(ingest=ingest.url, site=site, attributes=served["attributes"])
        return web.Response(text=html, content_type="text/html")

    application = web.Application()
    application.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(application)
    await runner.setup()
    place = web.TCPSite(runner, "127.0.0.1", 0)
    await place.start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def open_site(
        path: str = "/shop?x=1", attributes: str = "", automated: bool = False
    ) -> Visited:
        served["attributes"] = attributes
        context = await browser.new_context(user_agent=USER_AGENT)
        opened = await context.new_page()
        if not automated:
            await opened.add_init_script("window.__footfall = true")
        await opened.goto(origin + path)
        return Visited(opened, origin, kafka, site)

    yield open_site
    await runner.cleanup()


USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36"
)


async def test_a_page_view_is_stored_with_what_the_page_knows(visit: Visit) -> None:
    visited = await visit()

    event = await visited.named("pageview")

    assert (event.pathname, event.query, event.title) == ("/shop", "x=1", "Shop")
    assert event.props == {"plan": "pro"}
    assert (event.browser, event.is_bot) == ("Chrome", False)
    assert re.fullmatch(r"\d+x\d+", event.screen or "")
    assert event.timezone
    assert event.page_view_id
    assert not event.ts_adjusted


async def test_no_preflight_is_asked_for(visit: Visit) -> None:
    """Each would double the requests of a site: the body is text/plain for that reason."""
    visited = await visit()
    methods: list[str] = []
    visited.page.on("request", lambda request: methods.append(request.method))

    await visited.page.evaluate("stats('Custom'); stats.flush()")
    await visited.named("Custom")

    assert "OPTIONS" not in methods
    assert "POST" in methods


async def test_calls_made_before_the_script_came_are_not_lost(visit: Visit) -> None:
    visited = await visit()

    event = await visited.named("Early")

    assert event.props == {"plan": "pro", "when": "before load"}


async def test_navigation_without_loading_is_a_page_view(visit: Visit) -> None:
    visited = await visit()

    await visited.page.evaluate("history.pushState({}, '', '/cart')")
    await visited.page.evaluate("history.replaceState({}, '', '/cart/2')")
    await visited.page.evaluate("history.back()")
    events = await visited.events(
        lambda events: sum(one.event_name == "pageview" for one in events) >= 4
    )

    views = [one for one in events if one.event_name == "pageview"]
    assert [one.pathname for one in views] == ["/shop", "/cart", "/cart/2", "/shop"]
    assert len({one.page_view_id for one in views}) == 4
    assert [one.medium for one in views[1:]] == ["internal"] * 3


async def test_a_custom_event_has_props_and_revenue(visit: Visit) -> None:
    visited = await visit()

    await visited.page.evaluate(
        "stats('Buy', {props: {size: 'L'}, revenue: {currency: 'EUR', amount: 29.9}})"
    )
    event = await visited.named("Buy")

    assert event.props == {"plan": "pro", "size": "L"}
    assert (event.revenue_currency, event.revenue_amount) == ("EUR", "29.9")


async def test_plausibles_name_works_too(visit: Visit) -> None:
    visited = await visit()

    await visited.page.evaluate("plausible('Old name', {props: {a: 1}})")

    assert (await visited.named("Old name")).props == {"plan": "pro", "a": 1}


async def test_links_and_tagged_elements_tell_of_themselves(visit: Visit) -> None:
    visited = await visit()

    for element in ("#file", "#out", "#tagged"):
        await visited.page.click(element)
    wanted = {"File Download", "Outbound Link: Click", "Signup"}
    events = await visited.events(lambda events: wanted <= {one.event_name for one in events})

    props = {one.event_name: one.props or {} for one in events}
    assert props["File Download"]["url"] == f"{visited.origin}/report.pdf"
    assert props["Outbound Link: Click"]["url"] == "http://other.example/x"
    assert props["Signup"]["kind"] == "trial"


async def test_leaving_the_page_loses_nothing(visit: Visit) -> None:
    """What waits for company goes out by sendBeacon, and engagement with it."""
    visited = await visit()
    await visited.named("Early")

    await visited.page.evaluate("scrollTo(0, 99999); stats('Last words')")
    await visited.page.wait_for_function("scrollY > 100")
    await visited.page.goto("about:blank")
    events = await visited.events(
        lambda events: {"Last words", "engagement"} <= {one.event_name for one in events}
    )

    engagement = next(one for one in events if one.event_name == "engagement")
    assert "Last words" in {one.event_name for one in events}
    assert engagement.scroll_depth is not None
    assert engagement.scroll_depth > 50
    assert engagement.engagement_ms is not None
    assert engagement.pathname == "/shop"
    assert not engagement.interactive


async def refused_once(visited: Visited, retry_after_s: int) -> list[str]:
    """An event of the name Stubborn that the next answer refuses; bodies that were refused."""
    refusals: list[str] = []

    async def refuse_once(route: Route) -> None:
        if refusals:
            await route.continue_()
            return
        refusals.append(route.request.post_data or "")
        await route.fulfill(
            status=503,
            headers={
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Expose-Headers": "Retry-After",
                "Retry-After": str(retry_after_s),
            },
        )

    await visited.page.route("**/api/event", refuse_once)
    await visited.page.evaluate("stats('Stubborn'); stats.flush()")
    await visited.page.wait_for_function("JSON.parse(localStorage.stats || '[]').length == 1")
    return refusals


async def test_what_happens_while_the_endpoint_wants_a_pause_goes_out_after_it(
    visit: Visit,
) -> None:
    visited = await visit()
    await visited.named("Early")
    await refused_once(visited, retry_after_s=2)

    await visited.page.evaluate("stats('Meanwhile')")

    assert (await visited.named("Stubborn")).pathname == "/shop"
    assert (await visited.named("Meanwhile")).pathname == "/shop"


async def test_what_got_503_is_sent_again(visit: Visit) -> None:
    visited = await visit()
    await visited.named("Early")

    refusals = await refused_once(visited, retry_after_s=1)
    event = await visited.named("Stubborn")

    assert event.event_id in refusals[0]
    kept = await visited.page.evaluate("JSON.parse(localStorage.stats).length")
    assert kept == 0


async def test_what_could_not_be_sent_goes_out_with_the_next_page(visit: Visit) -> None:
    visited = await visit()
    await visited.named("Early")
    await visited.page.route("**/api/event", lambda route: route.abort())
    await visited.page.evaluate("stats('Offline'); stats.flush()")
    await visited.page.wait_for_function("JSON.parse(localStorage.stats || '[]').length >= 1")

    await visited.page.unroute("**/api/event")
    await visited.page.goto(visited.origin + "/next")

    assert (await visited.named("Offline")).pathname == "/shop"


async def test_a_refusal_is_not_repeated(visit: Visit) -> None:
    visited = await visit()
    await visited.named("Early")
    await visited.page.evaluate("stats('x'.repeat(200)); stats.flush()")

    await visited.page.evaluate("stats('After'); stats.flush()")
    await visited.named("After")

    assert await visited.page.evaluate("JSON.parse(localStorage.stats || '[]').length") == 0


@pytest.mark.parametrize(
    "before",
    [
        "localStorage.statsOff = 1",
        "localStorage.plausible_ignore = 'true'",
        "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})",
    ],
    ids=["opt-out", "plausible opt-out", "gpc"],
)
async def test_who_does_not_want_to_be_counted_is_not(visit: Visit, before: str) -> None:
    visited = await visit("/silent", attributes='data-auto="false"')
    await visited.page.evaluate(before)

    await visited.page.evaluate("stats('Secret'); stats.flush()")
    await visited.page.evaluate(
        "delete localStorage.statsOff; delete localStorage.plausible_ignore;"
        "delete Navigator.prototype.globalPrivacyControl"
    )

    kept = await visited.page.evaluate("JSON.parse(localStorage.stats || '[]').length")
    events = await visited.events(bool)
    assert kept == 0
    assert "Secret" not in {one.event_name for one in events}


async def test_an_automated_browser_is_not_counted(visit: Visit) -> None:
    visited = await visit(automated=True)

    await visited.page.evaluate("stats('Robot'); stats.flush()")
    await visited.page.evaluate("window.__footfall = true; stats('Human'); stats.flush()")
    await visited.named("Human")

    events = await visited.events(bool)
    assert [one.event_name for one in events] == ["Human"]


async def test_excluded_pages_are_not_counted(visit: Visit) -> None:
    visited = await visit("/admin/users/7", attributes='data-exclude="/admin/**,/draft/*"')

    await visited.page.evaluate("history.pushState({}, '', '/public')")

    await visited.named("pageview")
    events = await visited.events(bool)
    assert {one.pathname for one in events} == {"/public"}


async def test_a_query_can_be_kept_out(visit: Visit) -> None:
    visited = await visit("/p?mail=a@b.example", attributes="data-exclude-search")

    assert (await visited.named("pageview")).query is None


async def test_before_send_may_change_or_drop(visit: Visit) -> None:
    visited = await visit(attributes='data-before-send="change" data-auto="false"')
    await visited.page.evaluate(
        "window.change = event => event.name == 'Drop' ? null : {...event, title: 'changed'}; 0"
    )

    await visited.page.evaluate("stats('Drop'); stats('Keep'); stats.flush()")

    assert (await visited.named("Keep")).title == "changed"
    assert "Drop" not in {one.event_name for one in await visited.events(bool)}


SLOW_CLICKS = """() => {
    document.querySelector('#tagged').addEventListener('click', () => {
        for (const end = performance.now() + 60; performance.now() < end;);
    })
    const seen = list => { window.told = list.getEntriesByName('click').length }
    new PerformanceObserver(seen).observe({type: 'event', durationThreshold: 16})
}"""
"""A click that takes long enough to be measured; `told` is true once the browser has done so."""


async def test_web_vitals_are_told_when_the_page_is_left(visit: Visit) -> None:
    visited = await visit(attributes="data-vitals")
    await visited.page.wait_for_function("window.loaded?.endsWith('/js/v.js')")
    await visited.page.evaluate(SLOW_CLICKS)
    await visited.page.click("#tagged")
    await visited.page.wait_for_function("window.told")

    await visited.page.goto("about:blank")
    found = await visited.measured("lcp", "fcp", "cls", "ttfb", "inp")

    assert set(found) == {"lcp", "fcp", "cls", "ttfb", "inp"}
    assert 0 < found["ttfb"] <= found["fcp"] <= found["lcp"] < 60_000


async def test_the_script_of_web_vitals_is_fetched_only_where_wanted(visit: Visit) -> None:
    visited = await visit()
    await visited.page.wait_for_load_state("load")

    fetched = await visited.page.evaluate(
        "performance.getEntriesByType('resource').map(one => new URL(one.name).pathname)"
    )

    assert "/js/s.js" in fetched
    assert "/js/v.js" not in fetched
    assert await visited.page.evaluate("document.querySelectorAll('script[src]').length") == 1


async def test_an_event_carries_metrics_of_the_site_s_own(visit: Visit) -> None:
    visited = await visit()

    await visited.page.evaluate("stats('Checkout', {metrics: {checkout_ms: 312.5}})")

    assert await visited.measured("checkout_ms") == {"checkout_ms": 312.5}
    assert (await visited.named("Checkout")).props == {"plan": "pro"}
