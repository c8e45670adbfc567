"""What the beacon asks of its endpoint: a real Chromium, its clock moved by hand, no server.

Every request of the page is answered here, so a test says in full what the endpoint is asked.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.asked_shop import HTML, SHOP, Shop
from tests.support.web_page import ORDINARY_BROWSER

pytestmark = [
    pytest.mark.browser,
    pytest.mark.may_block,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]

Open = Callable[..., Awaitable[Shop]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_shop(browser: Browser) -> AsyncIterator[Open]:
    async def opened(
        attributes: str = "",
        before: str = "",
        path: str = "/",
        *,
        status: int = 202,
        automated: bool = False,
        home: str = SHOP,
    ) -> Shop:
        context = await browser.new_context(user_agent=ORDINARY_BROWSER)
        shop = Shop(context, await context.new_page(), status=status)
        before = ("" if automated else "window.__footfall = 1;") + before
        shop.html = HTML.format(before=before, attributes=attributes)
        await context.route("**/*", shop.answer)
        await shop.page.clock.install(time=1_700_000_000)
        await shop.page.clock.pause_at(1_700_000_001)
        await shop.page.goto(home + path)
        await shop.wait()
        return shop

    yield opened


async def test_a_view_goes_at_once_and_the_rest_a_second_later(open_shop: Open) -> None:
    shop = await open_shop()
    await shop.do("stats('Buy')")
    await shop.wait(900)
    early = [one["name"] for one in shop.events]
    await shop.wait(200)

    assert (early, [one["name"] for one in shop.events]) == (["pageview"], ["pageview", "Buy"])
    assert [one["seq"] for one in shop.events] == [0, 1]


async def test_twenty_events_go_together_and_no_more(open_shop: Open) -> None:
    shop = await open_shop()
    await shop.do("for (let i = 0; i < 19; i++) stats('Buy')")
    await shop.wait()
    early = len(shop.asked)
    await shop.do("for (let i = 0; i < 26; i++) stats('Buy')")
    await shop.wait()
    at_once = [len(events) for _, events in shop.asked]
    await shop.wait(1_100)
    await shop.wait(1_100)

    assert (early, at_once) == (1, [1, 20])
    assert [len(events) for _, events in shop.asked] == [1, 20, 20, 5]
    assert len(shop.events) == 46


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
async def test_what_is_refused_for_good_is_not_sent_again(open_shop: Open, status: int) -> None:
    shop = await open_shop(status=status)
    await shop.do("stats('Buy', {callback: one => { window.told = one.stored }})")
    await shop.wait(1_100)
    await shop.wait(20_000)

    assert [len(events) for _, events in shop.asked] == [1, 1]
    assert await shop.do("window.told") is True


async def test_what_could_not_be_stored_goes_first_after_ever_longer_pauses(
    open_shop: Open,
) -> None:
    shop = await open_shop(status=503)
    await shop.do("stats('Buy', {callback: one => { window.told = one.stored }})")
    asked = []
    for seconds in (5, 3, 16, 8):  # 6 s, then 12 s, and up to a quarter more by chance
        await shop.wait(seconds * 1_000)
        asked.append(len(shop.asked))
    shop.status = 202
    for _ in range(4):
        await shop.wait(32_000)

    assert asked == [1, 2, 3, 3]
    assert [one["name"] for one in shop.asked[-1][1]] == ["pageview", "Buy"]
    assert await shop.do("window.told") is False  # told when it was put off, not later


async def test_the_pauses_end_at_ten_minutes_and_begin_small_again(open_shop: Open) -> None:
    shop = await open_shop(status=503)
    for _ in range(60):
        await shop.wait(60_000)
    in_an_hour = len(shop.asked)
    for _ in range(13):
        await shop.wait(60_000)
    later = len(shop.asked) - in_an_hour
    shop.status = 202
    for _ in range(13):
        await shop.wait(60_000)
    shop.status, before = 503, len(shop.asked)
    await shop.do("stats('Buy')")
    await shop.wait(1_100)
    await shop.wait(8_000)

    assert 8 <= in_an_hour <= 16
    assert later >= 1
    assert len(shop.asked) - before == 2


async def test_the_endpoint_says_how_long_to_pause(open_shop: Open) -> None:
    shop = await open_shop()
    shop.status, shop.headers = (
        429,
        {
            "Retry-After": "100",
            "Access-Control-Expose-Headers": "Retry-After",
        },
    )
    await shop.do("stats('Buy')")
    await shop.wait(1_100)
    await shop.do("stats('More')")
    await shop.wait(90_000)
    early = len(shop.asked)
    await shop.wait(40_000)

    assert (early, len(shop.asked)) == (2, 3)


async def test_back_online_the_pause_is_over(open_shop: Open) -> None:
    shop = await open_shop(status=503)
    shop.status = 202
    await shop.do("dispatchEvent(new Event('online'))")
    await shop.wait()

    assert [len(events) for _, events in shop.asked] == [1, 1]


async def test_of_what_waits_the_newest_200_of_a_day_are_kept(open_shop: Open) -> None:
    now = 1_700_000_000_000
    old = f"{{id: 'old', name: 'old', ts: {now - 86_400_001}}}"
    young = f"{{id: i, name: 'young', ts: {now - 86_000_000}}}"
    shop = await open_shop(
        before=f"localStorage.stats = JSON.stringify([{old},"
        f" ...Array.from({{length: 199}}, (_, i) => ({young}))])",
        status=503,
    )
    kept = await shop.do("JSON.parse(localStorage.stats).map(one => one.name)")
    await shop.do("for (let i = 0; i < 9; i++) stats('Buy')")
    await shop.leave()
    most = await shop.do("JSON.parse(localStorage.stats).map(one => one.name)")

    assert (kept.count("old"), kept.count("young")) == (0, 199)
    assert (len(most), most.count("Buy")) == (200, 9)


async def test_what_an_earlier_page_left_goes_first_and_all_of_it(open_shop: Open) -> None:
    left = "(_, i) => ({id: i, name: 'left', ts: 1700000000000})"
    shop = await open_shop(
        before=f"localStorage.stats = JSON.stringify(Array.from({{length: 50}}, {left}))"
    )
    await shop.wait(1_100)
    await shop.wait(1_100)

    assert [len(events) for _, events in shop.asked] == [20, 20, 11]
    assert [one["name"] for one in shop.events] == ["left"] * 50 + ["pageview"]
    assert await shop.do("localStorage.stats") == "[]"


@pytest.mark.parametrize(
    ("before", "attributes", "counts"),
    [
        ("", "", True),
        ("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})", "", False),
        (
            "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})",
            "data-gpc=ignore",
            True,
        ),
        ("Object.defineProperty(navigator, 'doNotTrack', {value: '1'})", "", True),
        ("Object.defineProperty(navigator, 'doNotTrack', {value: '1'})", "data-dnt=honour", False),
        ("localStorage.plausible_ignore = 'true'", "", False),
        ("localStorage.statsOff = 1", "", False),
    ],
)
async def test_who_is_counted(open_shop: Open, before: str, attributes: str, counts: bool) -> None:
    shop = await open_shop(attributes, before)

    assert bool(shop.asked) is counts


async def test_cypress_is_not_counted(open_shop: Open) -> None:
    hide = "Object.defineProperty(navigator, 'webdriver', {value: false});"
    visitor = await open_shop(before=hide, automated=True)
    robot = await open_shop(before=hide + "window.Cypress = {}", automated=True)

    assert (len(visitor.asked), len(robot.asked)) == (1, 0)


async def test_opting_out_holds_until_it_is_taken_back(open_shop: Open) -> None:
    shop = await open_shop()
    await shop.do("stats.optOut(); stats('Out'); stats.optOut(false); stats('In')")
    await shop.wait(1_100)

    assert [one["name"] for one in shop.events] == ["pageview", "In"]


@pytest.mark.parametrize(
    ("rule", "path", "counts"),
    [
        ("/admin", "/admin", False),
        ("/admin", "/admin/x", True),
        ("/admin/*", "/admin/x", False),
        ("/admin/*", "/admin/x/y", True),
        ("/admin/**", "/admin/x/y", False),
        ("/a.b", "/axb", True),
        ("/x, /y", "/y", False),
    ],
)
async def test_excluded_pages(open_shop: Open, rule: str, path: str, counts: bool) -> None:
    shop = await open_shop(f'data-exclude="{rule}"', path=path)

    assert bool(shop.asked) is counts


@pytest.mark.parametrize(
    ("attributes", "url"),
    [
        ("", "http://shop.example/p?q=1"),
        ("data-hash", "http://shop.example/p?q=1#part"),
        ("data-hash data-exclude-hash", "http://shop.example/p?q=1"),
        ("data-hash data-exclude-search", "http://shop.example/p#part"),
        ("data-exclude-search", "http://shop.example/p"),
    ],
)
async def test_the_address_that_is_told(open_shop: Open, attributes: str, url: str) -> None:
    shop = await open_shop(attributes, path="/p?q=1#part")

    assert [one["url"] for one in shop.events] == [url]
    assert shop.events[0]["hashMode"] is ("data-hash" in attributes)


@pytest.mark.parametrize(
    ("attributes", "where"),
    [
        ("", "http://t.example/api/event"),
        ("data-api=http://u.example/e", "http://u.example/e"),
        ("data-host-url=http://u.example", "http://u.example/api/event"),
    ],
)
async def test_where_events_go(open_shop: Open, attributes: str, where: str) -> None:
    shop = await open_shop(attributes)

    assert [url for url, _ in shop.asked] == [where]


async def test_every_event_has_the_script_s_own_properties(open_shop: Open) -> None:
    shop = await open_shop("data-props-plan=pro data-tag=blue")
    await shop.do("stats('Buy', {props: {plan: 'free', size: 1}})")
    await shop.wait(1_100)

    assert [one["props"] for one in shop.events] == [
        {"tag": "blue", "plan": "pro"},
        {"tag": "blue", "plan": "free", "size": 1},
    ]


async def test_time_and_depth_are_told_once_each(open_shop: Open) -> None:
    shop = await open_shop()
    await shop.wait(4_000)
    await shop.leave()
    await shop.wait(60_000)  # out of sight, which is nobody's time
    await shop.leave(hidden=False)
    await shop.scroll("document.documentElement.scrollHeight")
    await shop.wait(5_000)
    await shop.scroll("0")
    await shop.leave()
    await shop.leave()
    await shop.wait()

    told = shop.named("engagement")
    assert [one["engagement_time_ms"] // 1_000 for one in told] == [4, 5]
    assert told[0]["scroll_depth"] < told[1]["scroll_depth"] == 100
    assert [one["interactive"] for one in told] == [False, False]


async def test_a_glance_is_no_engagement_and_it_can_be_switched_off(open_shop: Open) -> None:
    shop, off = await open_shop(), await open_shop("data-engagement=false")
    await shop.wait(4_000)
    await shop.leave()
    await shop.leave(hidden=False)
    await shop.wait(2_000)
    await shop.leave()
    await shop.wait()
    glanced = len(shop.named("engagement"))
    await shop.leave(hidden=False)
    await shop.wait(2_000)
    await shop.leave()
    await shop.wait()
    await off.wait(4_000)
    await off.leave()
    await off.wait()

    assert (glanced, len(off.named("engagement"))) == (1, 0)
    assert [one["engagement_time_ms"] // 1_000 for one in shop.named("engagement")] == [4, 4]


async def test_a_page_that_is_loaded_and_left_out_of_sight_has_no_time_in_view(
    open_shop: Open,
) -> None:
    shop = await open_shop(before="Object.defineProperty(document, 'hidden', {value: true});")
    await shop.wait(4_000)
    await shop.do("dispatchEvent(new PageTransitionEvent('pagehide'))")
    await shop.wait()

    assert [one["engagement_time_ms"] for one in shop.named("engagement")] == [0]


@pytest.mark.parametrize(("attributes", "views"), [("", 0), ("data-local", 1)])
async def test_a_page_of_this_machine_is_counted_where_that_is_asked_for(
    open_shop: Open, attributes: str, views: int
) -> None:
    shop = await open_shop(attributes, home="http://localhost")

    assert len(shop.named("pageview")) == views


async def test_a_next_page_begins_with_nothing_seen_and_knows_the_last(open_shop: Open) -> None:
    shop = await open_shop()
    await shop.scroll("document.documentElement.scrollHeight")
    await shop.wait(8_000)
    await shop.scroll("0")
    await shop.do("history.pushState(0, '', '/next')")
    await shop.wait(4_000)
    await shop.leave()
    await shop.wait()

    first, second = shop.named("engagement")
    assert [one["url"] for one in shop.named("pageview")] == [SHOP + "/", SHOP + "/next"]
    assert shop.named("pageview")[1]["referrer"] == SHOP + "/"
    assert (first["url"], second["url"]) == (SHOP + "/", SHOP + "/next")
    assert [one["engagement_time_ms"] // 1_000 for one in (first, second)] == [8, 4]
    assert first["scroll_depth"] == 100 > second["scroll_depth"]
    assert [one["seq"] for one in shop.events] == [0, 1, 0, 1]
    assert first["pv"] != second["pv"]


@pytest.mark.parametrize(
    ("attributes", "script", "views"),
    [
        ("", "history.back()", 3),
        ("data-hash", "location.hash = 'part'", 3),
        ("", "location.hash = 'part'", 2),
        (
            "",
            "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))",
            3,
        ),
        (
            "",
            "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: false}))",
            2,
        ),
        ("data-auto=false", "history.back()", 0),
        ("data-auto-track=false", "history.back()", 0),
    ],
)
async def test_what_is_a_view(open_shop: Open, attributes: str, script: str, views: int) -> None:
    shop = await open_shop(attributes)
    await shop.do("history.pushState(0, '', '/next')")
    await shop.wait()
    await shop.do(
        "new Promise(done => { addEventListener('popstate', done); addEventListener('hashchange',"
        f" done); addEventListener('pageshow', done); {script} }}).then(() => 0)"
    )
    await shop.wait()
    await shop.wait(1_100)
    await shop.wait(1_100)

    assert len(shop.named("pageview")) == views


@pytest.mark.parametrize(
    ("attributes", "status", "told"),
    [("", 404, 1), ("", 410, 1), ("", 200, 0), ("data-404=false", 404, 0)],
)
async def test_a_page_that_is_not_there(
    open_shop: Open, attributes: str, status: int, told: int
) -> None:
    """The page may say so as well: that counts once."""
    answered = f"performance.getEntriesByType = () => [{{responseStatus: {status}}}]"
    shop = await open_shop(attributes, answered)
    await shop.do(f"if ({told} && {status} == 404) stats('404')")
    await shop.wait(1_100)

    assert len(shop.named("404")) == told


async def test_a_scroll_right_before_the_page_is_left_counts(open_shop: Open) -> None:
    shop = await open_shop()
    await shop.do(
        "Object.defineProperty(document, 'hidden', {value: true});"
        " scrollTo(0, document.documentElement.scrollHeight);"
        " document.dispatchEvent(new Event('visibilitychange'))"
    )
    await shop.wait()

    assert [one["scroll_depth"] for one in shop.named("engagement")] == [100]


async def test_no_cookie_goes_to_the_endpoint_not_even_to_one_of_the_site_s_own(
    open_shop: Open,
) -> None:
    shop = await open_shop("data-api=/collect", "document.cookie = 'session=secret'")

    assert [url for url, _ in shop.asked] == [SHOP + "/collect"]
    assert shop.cookies == [""]


CLICK = "document.getElementById('{}').dispatchEvent(new MouseEvent('{}', {{button: {}, bubbles: true, cancelable: true, composed: true}}))"  # noqa: E501


@pytest.mark.parametrize(
    ("attributes", "link", "kind", "button", "names"),
    [
        ("", "file", "click", 0, ["File Download"]),
        ("", "file", "auxclick", 1, ["File Download"]),
        ("", "file", "auxclick", 2, []),
        ("data-downloads=false", "file", "click", 0, []),
        ("", "book", "click", 0, []),
        ("data-file-types=epub,mobi", "book", "click", 0, ["File Download"]),
        ("data-file-types=epub,mobi", "file", "click", 0, []),
        ("", "out", "click", 0, ["Outbound Link: Click"]),
        ("data-outbound=false", "out", "click", 0, []),
        ("", "plain", "click", 0, []),
    ],
)
async def test_which_links_tell_of_themselves(
    open_shop: Open, attributes: str, link: str, kind: str, button: int, names: list[str]
) -> None:
    shop = await open_shop(attributes)
    await shop.do(CLICK.format(link, kind, button))
    await shop.wait(1_100)

    assert [one["name"] for one in shop.events[1:]] == names


@pytest.mark.parametrize(("attributes", "told"), [("", 0), ("data-forms", 1)])
async def test_forms_without_a_name_are_told_where_wanted(
    open_shop: Open, attributes: str, told: int
) -> None:
    shop = await open_shop(attributes)
    await shop.do("document.getElementById('letter').requestSubmit()")
    await shop.wait(1_100)

    assert len(shop.named("Form: Submission")) == told
