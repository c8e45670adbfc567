"""Believable visitors for the demo: who comes from where and reads what. Pure but for the dice."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

PAGES: Final = {
    "/": "Bramble & Co, garden tools",
    "/tools.html": "Tools",
    "/guide.html": "When to prune what",
    "/about.html": "About us",
    "/basket.html": "Your basket",
}
"""Path and title of each page of footfall/demo_site."""

LINKS: Final = {
    "/": ("/tools.html", "/tools.html", "/guide.html", "/about.html"),
    "/tools.html": ("/basket.html", "/guide.html", "/"),
    "/guide.html": ("/tools.html", "/"),
    "/about.html": ("/",),
    "/basket.html": ("/tools.html",),
}
"""Where a reader of each page goes next; the first ones are listed twice to weigh more."""

SOURCES: Final = (
    "",
    "",
    "https://www.google.com/",
    "https://www.google.com/",
    "https://duckduckgo.com/",
    "https://news.ycombinator.com/item?id=1",
    "https://www.bing.com/",
    "https://social.example/@garden",
)
USER_AGENTS: Final = (
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/142.0.0.0 Safari/537.36"
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/18.1 Safari/605.1.15"
    ),
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"
        " (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/142.0.0.0 Mobile Safari/537.36"
    ),
)
SCREENS: Final = ("1440x900", "1920x1080", "390x844", "412x915", "2560x1440")
NETWORKS: Final = ("81.2", "84.17", "93.184", "133.11", "139.130", "151.3", "200.17")
"""First halves of addresses in several countries."""
LANGUAGES: Final = ("en-GB", "en-US", "de-DE", "fr-FR", "it-IT")
STAY_ON_SITE: Final = 0.62  # chance to read another page
BUY: Final = 0.4  # chance that a basket becomes an order
PAGES_MAX: Final = 12


@dataclass(frozen=True, slots=True)
class View:
    """A page seen, or something done on it; `pause` is the share of `page_seconds` spent there."""

    path: str
    title: str
    referrer: str
    """Address of the page before, on another site or as a path of this one; "": none."""
    event: str
    props: tuple[tuple[str, str], ...]
    pause: float


@dataclass(frozen=True, slots=True)
class Visitor:
    """One person, told apart by address and user agent as ingest tells them apart."""

    loopback: str
    """The address that the requests really come from: Linux answers on all of 127.0.0.0/8."""
    forwarded_for: str
    """Said in X-Forwarded-For; ingest believes it, and knows a country, where loopback is one of
    its trusted_proxies."""
    user_agent: str
    screen: str
    language: str


def visitor(dice: Random) -> Visitor:
    """Somebody new."""
    low = f"{dice.randrange(1, 255)}.{dice.randrange(1, 255)}"
    return Visitor(
        loopback=f"127.9.{low}",
        forwarded_for=f"{dice.choice(NETWORKS)}.{low}",
        user_agent=dice.choice(USER_AGENTS),
        screen=dice.choice(SCREENS),
        language=dice.choice(LANGUAGES),
    )


def visit(dice: Random) -> Iterator[View]:
    """What one visitor does until leaving; at least one page view."""
    path = dice.choice(("/", "/", "/", "/guide.html", "/tools.html"))
    referrer = dice.choice(SOURCES)
    for _ in range(PAGES_MAX):
        yield View(path, PAGES[path], referrer, "pageview", (), dice.uniform(0.3, 1.7))
        if path == "/basket.html" and dice.random() < BUY:
            plan = dice.choice(("secateurs", "spade", "gloves"))
            yield View(path, PAGES[path], referrer, "Order", (("item", plan),), 0.2)
            return
        if dice.random() > STAY_ON_SITE:
            return
        referrer, path = path, dice.choice(LINKS[path])
