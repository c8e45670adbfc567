"""The Combined Log Format of Apache httpd and nginx: one line in, one `Request` out. Pure.

    host ident user [day/Mon/year:h:m:s zone] "METHOD target PROTO" status bytes "referer" "agent"

Quotes inside a field are written as backslash quote. Fields after the user agent are ignored.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final, NamedTuple

from tracker.events import ASSET, NOT_FOUND, PAGEVIEW

OTHER: Final = "request"
"""What is neither a page, a file nor a missing page: redirects, errors, HEAD and POST."""

MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
ASSET_TYPES: Final = frozenset(
    (
        *("css", "js", "mjs", "map", "json", "xml", "txt", "rss", "atom", "wasm"),
        *("png", "jpg", "jpeg", "gif", "svg", "ico", "webp", "avif", "bmp", "tif", "tiff"),
        *("woff", "woff2", "ttf", "otf", "eot", "mp3", "mp4", "webm", "ogg", "wav", "avi", "mov"),
        *("pdf", "zip", "gz", "tgz", "bz2", "xz", "7z", "rar", "tar", "exe", "dmg", "iso", "rpm"),
        *("deb", "jar", "swf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "csv", "webmanifest"),
    )
)
_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
_LINE: Final = re.compile(
    r"(\S+) \S+ .*?\[(\d{2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-]\d{4})\] "
    + _QUOTED
    + r" (\d{3}) (\d+|-) "
    + _QUOTED
    + " "
    + _QUOTED
)
_REQUEST: Final = re.compile(r"([A-Z]{3,20}) (\S+)(?: HTTP/\d(?:\.\d)?)?")


class Malformed(ValueError):
    """A line that is not in the format; the message says which part."""


class Status(StrEnum):
    """Classes of status that decide what a request counts as."""

    SERVED = "served"  # 2xx and 304
    MISSING = "missing"  # 404, 410
    OTHER = "other"


class Request(NamedTuple):
    """One line of the log."""

    address: str
    occurred_at_ms: int
    method: str
    target: str  # path and query, as it was sent
    status: int
    size_bytes: int
    referrer: str | None
    user_agent: str


def parse(line: str) -> Request:
    """Raises Malformed."""
    found = _LINE.match(line)
    if found is None:
        raise Malformed("not the Combined Log Format")
    request = _REQUEST.fullmatch(found[9])
    if request is None:
        raise Malformed("the request is not METHOD target PROTOCOL")
    return Request(
        found[1],
        _time_ms(found),
        request[1],
        request[2],
        int(found[10]),
        0 if found[11] == "-" else int(found[11]),
        None if found[12] in ("-", "") else _unquoted(found[12]),
        "" if found[13] == "-" else _unquoted(found[13]),
    )


def classify(request: Request) -> str:
    """The event's name: "pageview", "asset", "404" or "request"."""
    status = status_class(request.status)
    if request.method != "GET" or status is Status.OTHER:
        return OTHER
    if status is Status.MISSING:
        return NOT_FOUND
    path = request.target.partition("?")[0].partition("#")[0]
    _, dot, suffix = path.rpartition("/")[2].rpartition(".")
    return ASSET if dot and suffix.lower() in ASSET_TYPES else PAGEVIEW


def status_class(status: int) -> Status:
    if 200 <= status < 300 or status == 304:
        return Status.SERVED
    return Status.MISSING if status in (404, 410) else Status.OTHER


def _time_ms(found: re.Match[str]) -> int:
    """Milliseconds since 1970 UTC; month names are English whatever our locale is."""
    zone_text = found[8]
    zone = timedelta(hours=int(zone_text[1:3]), minutes=int(zone_text[3:5]))
    try:
        moment = datetime(
            int(found[4]),
            MONTHS[found[3]],
            int(found[2]),
            int(found[5]),
            int(found[6]),
            min(int(found[7]), 59),  # a leap second is written as 60
            tzinfo=timezone(-zone if zone_text[0] == "-" else zone),
        )
    except (KeyError, ValueError) as error:
        raise Malformed("the time is not a time") from error
    return int(moment.astimezone(UTC).timestamp() * 1000)


def _unquoted(text: str) -> str:
    return text.replace('\\"', '"') if "\\" in text else text
