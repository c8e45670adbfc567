"""Step: campaign parameters of the page's query. Of click ids only the kind is kept."""

from typing import Final
from urllib.parse import unquote_plus

from tracker.events import Event

VALUE_CHARS_MAX: Final = 300
CLICK_IDS: Final = {
    "gclid": "gclid",
    "wbraid": "gclid",
    "gbraid": "gclid",
    "dclid": "dclid",
    "msclkid": "msclkid",
    "fbclid": "fbclid",
    "ttclid": "ttclid",
    "twclid": "twclid",
    "li_fat_id": "li_fat_id",
}
UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
SOURCE_ALIASES: Final = frozenset(("ref", "source"))
HINTS: Final = ("utm_", "clid", "braid", "li_fat_id", "ref=", "source=")


def apply(event: Event) -> None:
    query = event.query
    if query is None:
        return
    lowered = query.lower()
    if not any(hint in lowered for hint in HINTS):
        return  # most pages: no parsing
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        key = key.lower()
        if not value:
            continue
        if key in UTM and getattr(event, key) is None:
            setattr(event, key, _text(value))
        elif key in SOURCE_ALIASES and event.utm_source is None:
            event.utm_source = _text(value)
        elif key in CLICK_IDS and event.click_id_type is None:
            event.click_id_type = CLICK_IDS[key]


def _text(value: str) -> str:
    return unquote_plus(value)[:VALUE_CHARS_MAX]
