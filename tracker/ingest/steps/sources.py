"""Where visitors come from: known hosts, their names and what kind of place each is. Our own list.

A host matches when it is the key or ends with "." + key; a key with a trailing "." matches a brand
under any country ("google." is google.com, google.co.uk, www.google.it).
"""

from enum import StrEnum
from typing import Final, NamedTuple

COUNTRY_CHARS: Final = 2


class Kind(StrEnum):
    SEARCH = "search"
    SOCIAL = "social"
    VIDEO = "video"
    SHOPPING = "shopping"
    EMAIL = "email"
    AI = "ai"
    REFERRAL = "referral"


class Source(NamedTuple):
    """A known site that visitors come from."""

    name: str
    kind: Kind


def _named(kind: Kind, **hosts: str) -> dict[str, Source]:
    return {
        host: Source(name.replace("_", " "), kind)
        for name, listed in hosts.items()
        for host in listed.split()
    }


KNOWN: Final[dict[str, Source]] = {
    **_named(
        Kind.SEARCH,
        Google="google. googleusercontent.com com.google.android.googlequicksearchbox",
        Bing="bing.com",
        DuckDuckGo="duckduckgo.com",
        Yahoo="search.yahoo. yahoo.com",
        Yandex="yandex. ya.ru",
        Baidu="baidu.com",
        Ecosia="ecosia.org",
        Qwant="qwant.com",
        Brave="search.brave.com",
        Startpage="startpage.com",
        Kagi="kagi.com",
        Naver="naver.com",
        Seznam="seznam.cz",
        Sogou="sogou.com",
        Daum="daum.net",
        AOL="search.aol.com aol.com",
        Ask="ask.com",
        Swisscows="swisscows.com",
        Mojeek="mojeek.com",
        Presearch="presearch.com",
    ),
    **_named(
        Kind.SOCIAL,
        Facebook="facebook.com fb.com fb.me com.facebook.katana",
        Instagram="instagram.com com.instagram.android",
        X="twitter.com x.com t.co com.twitter.android",
        LinkedIn="linkedin.com lnkd.in com.linkedin.android",
        Reddit="reddit.com redd.it com.reddit.frontpage",
        Pinterest="pinterest. pin.it",
        TikTok="tiktok.com",
        Threads="threads.net threads.com",
        Bluesky="bsky.app",
        Mastodon="mastodon.social mastodon.online fosstodon.org hachyderm.io mas.to",
        Hacker_News="news.ycombinator.com",
        Lobsters="lobste.rs",
        Telegram="t.me telegram.org org.telegram.messenger",
        WhatsApp="whatsapp.com wa.me",
        Discord="discord.com discordapp.com",
        Slack="slack.com",
        Tumblr="tumblr.com",
        VK="vk.com",
        Weibo="weibo.com",
        Quora="quora.com",
        Stack_Overflow="stackoverflow.com stackexchange.com",
        GitHub="github.com",
        Medium="medium.com",
        Substack="substack.com",
        Product_Hunt="producthunt.com",
        XING="xing.com",
    ),
    **_named(
        Kind.VIDEO,
        YouTube="youtube.com youtu.be",
        Vimeo="vimeo.com",
        Twitch="twitch.tv",
        Dailymotion="dailymotion.com",
        Netflix="netflix.com",
    ),
    **_named(
        Kind.SHOPPING,
        Amazon="amazon.",
        eBay="ebay.",
        Etsy="etsy.com",
        AliExpress="aliexpress.com",
        Walmart="walmart.com",
        Shopify="shopify.com myshopify.com shop.app",
    ),
    **_named(
        Kind.EMAIL,
        Gmail="mail.google.com com.google.android.gm",
        Outlook="outlook.live.com outlook.office.com outlook.office365.com",
        Yahoo_Mail="mail.yahoo.com",
        Proton_Mail="mail.proton.me",
        GMX="gmx.net gmx.de",
        Mailchimp="list-manage.com campaign-archive.com",
    ),
    **_named(
        Kind.AI,
        ChatGPT="chatgpt.com chat.openai.com openai.com",
        Claude="claude.ai",
        Perplexity="perplexity.ai",
        Gemini="gemini.google.com bard.google.com",
        Copilot="copilot.microsoft.com",
        DeepSeek="chat.deepseek.com deepseek.com",
        Mistral="chat.mistral.ai",
        Grok="grok.com",
        Meta_AI="meta.ai",
        You="you.com",
        Poe="poe.com",
    ),
}

ALIASES: Final[dict[str, str]] = {
    "fb": "facebook.com",
    "ig": "instagram.com",
    "adwords": "google.",
    "twitter": "twitter.com",
    "hn": "news.ycombinator.com",
    "newsletter": "list-manage.com",
    "yt": "youtube.com",
}
"""What people write in utm_source for a known place, beside its name."""

_BY_NAME: Final = {source.name.lower(): source for source in KNOWN.values()}


def of_host(host: str) -> Source:
    """The source a referring host stands for; the host itself when it is not known."""
    labels = host.split(".")
    for start in range(len(labels)):
        rest = labels[start:]
        known = KNOWN.get(".".join(rest))
        for end in range(len(rest) - 1, 0, -1):  # "search.yahoo." before "yahoo."
            if _is_suffix(rest[end:]):
                known = known or KNOWN.get(".".join(rest[:end]) + ".")
        if known:
            return known
    return Source(host.removeprefix("www."), Kind.REFERRAL)


def _is_suffix(labels: list[str]) -> bool:
    """What follows a brand: "com", a country, or both: "it", "co.uk", "com.br"."""
    return all(len(label) == COUNTRY_CHARS or label in ("com", "net", "org") for label in labels)


def of_name(name: str) -> Source:
    """The source that a campaign's utm_source names: a brand, an alias, a host, or itself."""
    lowered = name.strip().lower()
    if lowered in ALIASES:
        return KNOWN[ALIASES[lowered]]
    if lowered in _BY_NAME:
        return _BY_NAME[lowered]
    if "." in lowered:
        found = of_host(lowered)
        return found if found.kind is not Kind.REFERRAL else Source(name.strip(), Kind.REFERRAL)
    return Source(name.strip(), Kind.REFERRAL)
