"""The beacon on a real page, in a real Chromium, against the real endpoint and broker."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Route

from tests.support.kafka_address import kafka_address, new_site
from tests.support.running_ingest import RunningIngest, register, running_ingest
from tests.support.visited_shop import GONE, HTML, Visited
from tests.support.web_page import ORDINARY_BROWSER

pytestmark = [
    pytest.mark.browser,
    pytest.mark.may_block,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]

SITES = 30
"""More than there are tests: each has a site of its own."""
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

    async def page(request: web.Request) -> web.Response:
        html = HTML.format(ingest=ingest.url, site=site, attributes=served["attributes"])
        status = 404 if request.path == GONE else 200
        return web.Response(text=html, content_type="text/html", status=status)

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
        context = await browser.new_context(user_agent=ORDINARY_BROWSER)
        opened = await context.new_page()
        if not automated:
            await opened.add_init_script("window.__footfall = true")
        await opened.goto(origin + path)
        return Visited(opened, origin, kafka, site)

    yield open_site
    await runner.cleanup()


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


async def test_a_state_that_is_written_into_the_query_is_no_page_view(visit: Visit) -> None:
    """A search box, tabs and filters do so; also the way back from there is none."""
    visited = await visit()

    await visited.page.evaluate("history.replaceState({}, '', '/shop?x=1&tab=2')")
    await visited.page.evaluate("location.hash = 'below'; history.pushState({}, '', '/cart')")
    events = await visited.events(lambda events: any(one.pathname == "/cart" for one in events))

    views = [one for one in events if one.event_name == "pageview"]
    assert [one.pathname for one in views] == ["/shop", "/cart"]


async def test_time_on_a_page_that_is_not_counted_is_nobody_s(visit: Visit) -> None:
    visited = await visit(attributes='data-exclude="/admin"')

    await visited.page.evaluate("history.pushState({}, '', '/admin')")
    await visited.page.wait_for_timeout(700)
    await visited.page.evaluate("history.pushState({}, '', '/shop?x=1')")
    await visited.page.evaluate("history.pushState({}, '', '/end')")
    events = await visited.events(lambda events: any(one.pathname == "/end" for one in events))

    views = [one for one in events if one.event_name == "pageview"]
    assert [one.pathname for one in views] == ["/shop", "/shop", "/end"]
    told = [one.engagement_ms or 0 for one in events if one.page_view_id == views[1].page_view_id]
    assert sum(told) < 700


async def test_a_page_that_is_not_there_is_told_once(visit: Visit) -> None:
    """Also where the page says so itself, as Plausible wants it."""
    visited = await visit(GONE)

    await visited.page.evaluate("plausible('404', {props: {path: '/gone'}}); stats('Last')")
    await visited.named("Last")
    events = await visited.events(bool)

    assert [one.props for one in events if one.event_name == "404"] == [
        {"plan": "pro", "path": GONE}
    ]


async def test_a_form_is_counted_when_it_is_sent_not_when_it_is_filled(visit: Visit) -> None:
    visited = await visit(attributes="data-forms")

    await visited.page.click("#mail")
    await visited.page.evaluate("stats('Typing')")
    await visited.page.click("#send")
    await visited.page.click("#ask")
    events = await visited.events(
        lambda events: any(one.event_name == "Form: Submission" for one in events)
    )

    names = [one.event_name for one in events]
    assert names[names.index("Typing") :] == ["Typing", "Newsletter", "Form: Submission"]
    assert [one.props for one in events[-2:]] == [
        {"plan": "pro", "kind": "weekly"},
        {"plan": "pro", "id": "contact"},
    ]


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


async def test_without_sendbeacon_the_next_page_tells_what_was_left(visit: Visit) -> None:
    visited = await visit()
    await visited.named("Early")
    await visited.page.evaluate("delete Navigator.prototype.sendBeacon; stats('Left')")

    await visited.page.goto(visited.origin + "/next")

    assert (await visited.named("Left")).pathname == "/shop"


async def test_an_endpoint_that_a_blocker_hides_is_asked_ever_less(visit: Visit) -> None:
    visited = await visit(attributes='data-auto="false"')
    await visited.page.clock.install()
    await visited.page.reload()
    await visited.named("Early")
    tried: list[str] = []

    async def block(route: Route) -> None:
        tried.append(route.request.url)
        await route.abort("blockedbyclient")

    await visited.page.route("**/api/event", block)
    await visited.page.evaluate("stats('Blocked'); stats.flush()")
    for _ in range(60):
        await visited.page.clock.run_for(10_000)

    assert 4 <= len(tried) <= 8


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
