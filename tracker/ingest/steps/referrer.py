"""Step: source, medium and channel of a page view, by the referrer and the campaign parameters.

Channels are those of GA4's default grouping, and "AI Assistants". A visitor who walks from page to
page of one site has medium "internal" and no source or channel: not an arrival. No referrer and no
campaign is source "Direct", medium "none".
"""

import re
from typing import Final, NamedTuple

from tracker.events import Event
from tracker.ingest.cache import BoundedCache
from tracker.ingest.hit import Hit
from tracker.ingest.steps import sources
from tracker.ingest.steps.location import host_of
from tracker.ingest.steps.sources import Kind, Source

CACHE_SIZE: Final = 10_000
DIRECT: Final = "Direct"
INTERNAL: Final = "internal"
PAID: Final = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")  # GA4's rule for utm_medium
EMAIL_WORDS: Final = frozenset(("email", "e-mail", "e_mail", "e mail", "newsletter"))
DISPLAY_WORDS: Final = frozenset(
    ("display", "banner", "expandable", "interstitial", "cpm", "programmatic")
)
SOCIAL_WORDS: Final = frozenset(
    ("social", "social-network", "social-media", "sm", "social network", "social media")
)
PAID_CHANNELS: Final = {
    Kind.SEARCH: "Paid Search",
    Kind.SOCIAL: "Paid Social",
    Kind.VIDEO: "Paid Video",
    Kind.SHOPPING: "Paid Shopping",
}
ORGANIC_CHANNELS: Final = {
    Kind.SEARCH: ("Organic Search", "organic"),
    Kind.SOCIAL: ("Organic Social", "social"),
    Kind.VIDEO: ("Organic Video", "video"),
    Kind.SHOPPING: ("Organic Shopping", "shopping"),
    Kind.EMAIL: ("Email", "email"),
    Kind.AI: ("AI Assistants", "ai"),
    Kind.REFERRAL: ("Referral", "referral"),
}
CLICK_SOURCES: Final = {
    "gclid": "Google",
    "dclid": "Google",
    "msclkid": "Bing",
    "ttclid": "TikTok",
    "twclid": "X",
    "fbclid": "Facebook",
    "li_fat_id": "LinkedIn",
}
PAID_CLICKS: Final = frozenset(("gclid", "dclid", "msclkid", "ttclid", "twclid", "li_fat_id"))
"""fbclid is on every link out of Facebook, paid or not."""


class Arrival(NamedTuple):
    """Where a page view came from; None: nothing says so."""

    source: str | None
    medium: str | None
    channel: str | None


class Referrers:
    """Remembers what each referring host stands for."""

    def __init__(self) -> None:
        self._of_host = BoundedCache(sources.of_host, CACHE_SIZE)
        self._of_name = BoundedCache(sources.of_name, CACHE_SIZE)

    def apply(self, event: Event, hit: Hit) -> None:
        event.referrer_host = _host(hit.referrer)
        if event.referrer_host:
            event.referrer = _without_query(hit.referrer or "")
        event.source, event.medium, event.channel = self._arrival(event)

    def _arrival(self, event: Event) -> Arrival:
        host = event.referrer_host
        if event.utm_source or event.utm_medium:
            source = self._campaign_source(event, host)
            medium = (event.utm_medium or "").lower()
            return Arrival(source.name, medium or None, _campaign_channel(source, medium, event))
        if event.click_id_type in PAID_CLICKS:
            source = self._of_name(CLICK_SOURCES[event.click_id_type or ""])
            return Arrival(source.name, "cpc", PAID_CHANNELS.get(source.kind, "Paid Other"))
        if not host:
            if event.click_id_type:
                source = self._of_name(CLICK_SOURCES[event.click_id_type])
                channel, medium = ORGANIC_CHANNELS[source.kind]
                return Arrival(source.name, medium, channel)
            return Arrival(DIRECT, "none", DIRECT)
        if _same_site(host, event.hostname or ""):
            return Arrival(None, INTERNAL, None)
        source = self._of_host(host)
        channel, medium = ORGANIC_CHANNELS[source.kind]
        return Arrival(source.name, medium, channel)

    def _campaign_source(self, event: Event, host: str | None) -> Source:
        if event.utm_source:
            return self._of_name(event.utm_source)
        return self._of_host(host) if host else Source(DIRECT, Kind.REFERRAL)


def _campaign_channel(source: Source, medium: str, event: Event) -> str:
    """GA4's order of rules, shortened to what we know."""
    if "cross-network" in (event.utm_campaign or "").lower():
        return "Cross-network"
    if PAID.match(medium) and medium not in DISPLAY_WORDS:
        return PAID_CHANNELS.get(source.kind, "Paid Other")
    if medium in DISPLAY_WORDS:
        return "Display"
    if medium in SOCIAL_WORDS:
        return "Organic Social"
    if medium in EMAIL_WORDS or (event.utm_source or "").lower() in EMAIL_WORDS:
        return "Email"
    by_medium = {
        "affiliate": "Affiliates",
        "affiliates": "Affiliates",
        "organic": "Organic Search",
        "video": "Organic Video",
        "audio": "Audio",
        "sms": "SMS",
        "push": "Mobile Push Notifications",
        "ai": "AI Assistants",
    }
    if medium in by_medium:
        return by_medium[medium]
    return ORGANIC_CHANNELS[source.kind][0]


def _host(referrer: str | None) -> str | None:
    """Host of the referring page; an app's package for "android-app://com.app"; None: no page."""
    if not referrer:
        return None
    scheme, mark, rest = referrer.partition("://")
    if not mark or scheme.lower() not in ("http", "https", "android-app"):
        return None
    authority = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    return host_of(authority) or None


def _without_query(referrer: str) -> str:
    """Queries of other sites may hold what people searched or who they are: not kept."""
    return referrer.partition("?")[0].partition("#")[0]


def _same_site(one: str, other: str) -> bool:
    return one.removeprefix("www.") == other.removeprefix("www.")
