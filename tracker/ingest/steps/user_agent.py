"""Step: browser, system and kind of device from the user agent (uap-core's patterns)."""

from functools import cache
from typing import Final, NamedTuple

from ua_parser import Parser
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from tracker.events import Event
from tracker.ingest.cache import BoundedCache
from tracker.ingest.visit import Visit

CACHE_SIZE: Final = 10_000  # agents; a busy site sees fewer in a day
USER_AGENT_CHARS_MAX: Final = 1_000  # what follows is not looked at
DESKTOP_SYSTEMS: Final = frozenset(
    ("Windows", "Mac OS X", "Linux", "Ubuntu", "Debian", "Fedora", "Chrome OS", "FreeBSD")
)
PHONE_SYSTEMS: Final = frozenset(("iOS", "Windows Phone", "BlackBerry OS", "KaiOS", "Firefox OS"))
TV_WORDS: Final = ("SmartTV", "SMART-TV", "Apple TV", "AppleTV", "BRAVIA", "Web0S", "GoogleTV")


class Agent(NamedTuple):
    """What a user agent says of itself; None: not known."""

    browser: str | None
    browser_version: str | None  # major
    os: str | None
    os_version: str | None
    device_type: str


@cache
def _patterns() -> Parser:
    """Of a process: they take 25 MB and a seventh of a second."""
    return Parser(Resolver(load_lazy_builtins()))


class UserAgents:
    """Parses each user agent once and remembers the answer, within bounds."""

    def __init__(self) -> None:
        self._parser = _patterns()
        self.agent = BoundedCache(self._parse, CACHE_SIZE)

    def apply(self, event: Event, visit: Visit) -> None:
        agent = self.agent(visit.user_agent[:USER_AGENT_CHARS_MAX])
        event.browser = agent.browser
        event.browser_version = agent.browser_version
        event.os = agent.os
        event.os_version = agent.os_version
        event.device_type = agent.device_type

    def _parse(self, text: str) -> Agent:
        parsed = self._parser.parse(text)
        browser, system = parsed.user_agent, parsed.os
        family = system.family if system else None
        version = None
        if system and system.major:
            version = system.major + (f".{system.minor}" if system.minor else "")
        return Agent(
            browser.family if browser else None,
            browser.major if browser else None,
            family,
            version,
            _device_type(text, family),
        )


def _device_type(text: str, system: str | None) -> str:
    """One of desktop, mobile, tablet, tv, other."""
    if any(word in text for word in TV_WORDS):
        return "tv"
    if "iPad" in text or "Tablet" in text:
        return "tablet"
    if system == "Android":  # Android's own rule: a phone says "Mobile", a tablet does not
        return "mobile" if "Mobile" in text else "tablet"
    if system in PHONE_SYSTEMS:
        return "mobile"
    return "desktop" if system in DESKTOP_SYSTEMS else "other"
