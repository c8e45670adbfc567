"""Step: takes the page's address apart into host, path and query.

A hand-made split: urllib's is the dearest single step of the pipeline (spec: 6 us a new address).
"""

from typing import NamedTuple

from tracker.events import Event
from tracker.ingest.hit import Hit, schema_violation


class Location(NamedTuple):
    """An address in parts; `query` without its question mark."""

    hostname: str
    pathname: str
    query: str


def split(url: str, *, hash_routing: bool = False) -> Location:
    """Raises Refused when it is not an absolute address with a host."""
    scheme, mark, rest = url.partition("://")
    if not mark or not scheme.isalnum():
        raise schema_violation("url is not absolute")
    rest, hash_mark, fragment = rest.partition("#")
    rest, _, query = rest.partition("?")
    authority, slash, path = rest.partition("/")
    hostname = host_of(authority)
    if not hostname:
        raise schema_violation("url has no host")
    pathname = slash + path if slash else "/"
    if hash_routing and hash_mark:
        fragment, _, fragment_query = fragment.partition("?")
        pathname += "#" + fragment
        query = query or fragment_query
    return Location(hostname, pathname, query)


def host_of(authority: str) -> str:
    """Lower-case host of "user@Host:port"; an IPv6 address keeps its brackets."""
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()


def apply(event: Event, hit: Hit) -> None:
    """Raises Refused when the address cannot be read."""
    location = split(hit.url, hash_routing=hit.hash_routing)
    event.hostname = location.hostname
    event.pathname = location.pathname
    event.query = location.query or None
