"""What a page is: a path, a template, and a function that gathers what the template shows.

The same function feeds the first load and the live stream; nothing here asks a cluster.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from dashboard.beside import Beside
from dashboard.cluster.model import Snapshot
from dashboard.cluster.poller import Poller
from dashboard.identity import NotAllowed
from dashboard.state import State

PAGE_ROWS: Final = 100
FILTER_MAX: Final = 200  # characters of what is searched for
PLAIN: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


class NotFound(Exception):
    """What the address names is not there; the message is for the person who asked."""


def poller_of(state: State, query: Mapping[str, str]) -> Poller:
    """Of the cluster that an address names, or of the first; raises NotFound."""
    try:
        return state.poller(query.get("cluster"))
    except KeyError as error:
        if not state.pollers:
            raise NotAllowed("No rule of [rights] lets you see a cluster.") from error
        raise NotFound(f"There is no cluster {query['cluster']!r} in the settings.") from error


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page, or one turn of its stream."""

    state: State
    poller: Poller
    query: Mapping[str, str]
    name: str = ""  # what follows /topics/ or /groups/
    first: bool = True  # False: a later frame of the stream
    whole: bool = False  # tables are not cut to a page: for files

    @property
    def snapshot(self) -> Snapshot | None:
        return self.poller.snapshot

    @property
    def beside(self) -> Beside:
        """Who else is asked about this cluster."""
        return self.state.beside[self.poller.settings.name]

    def number(self, key: str, default: int, high: int) -> int:
        """A whole number from the query, kept in [0, high]; nonsense is the default."""
        text = self.query.get(key, "")[:20]
        return min(int(text), high) if text.isascii() and text.isdigit() else default


Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the site map."""

    title: str
    path: str  # "/topics", or "/topics/" when a name follows
    template: str
    values: Callable[[Visit], Awaitable[Values]]
    every_s: float = 5.0  # the stream sends at most this often
    nav: str = field(default="")  # the entry of the menu that is lit


def link(kind: str, name: str, cluster: str = "", **further: str) -> str:
    """Address of a topic's or group's page; any name is safe in it.

    Names that are not plain (`..`, empty, with a slash) go into the query: browsers would fold
    them away in a path.
    """
    query = ({"cluster": cluster} if cluster else {}) | further
    if PLAIN.fullmatch(name):
        path = f"/{kind}/{quote(name, safe='')}"
    else:
        path, query = f"/{kind}/", {"name": name, **query}
    return path + (f"?{urlencode(query)}" if query else "")


@dataclass(frozen=True, slots=True)
class Table:
    """One page of sorted, filtered rows; done here, so that ten thousand rows stay cheap."""

    rows: list[Any]
    total: int
    page: int
    pages: int
    sort: str
    descending: bool
    filter: str
    key: str = "page"  # of the address, see Sheet


def table(
    visit: Visit,
    rows: list[Any],
    sorts: Mapping[str, Callable[[Any], Any]],
    text_of: Callable[[Any], str],
) -> Table:
    """Filter by `?q=`, sort by `?sort=` (a leading `-` turns it round), cut to `?page=`."""
    wanted = visit.query.get("q", "")[:FILTER_MAX]
    if wanted:
        rows = [row for row in rows if wanted.lower() in text_of(row).lower()]
    asked = visit.query.get("sort", "")
    descending = asked.startswith("-")
    sort = asked.removeprefix("-")
    if sort not in sorts:
        sort, descending = next(iter(sorts)), False
    ordered = sorted(rows, key=sorts[sort], reverse=descending)
    cut = sheet(visit, ordered, "page")
    return Table(cut.rows, cut.total, cut.page, cut.pages, sort, descending, wanted)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of a list among several of an address, each with a key of its own there."""

    rows: list[Any]
    total: int
    page: int
    pages: int
    key: str


def sheet(visit: Visit, rows: Sequence[Any], key: str) -> Sheet:
    """Cut to the page that `?KEY=` names, in the order they have."""
    size = len(rows) + 1 if visit.whole else PAGE_ROWS
    pages = max(1, -(-len(rows) // size))
    page = min(max(1, visit.number(key, 1, 1_000_000)), pages)
    return Sheet(list(rows[(page - 1) * size : page * size]), len(rows), page, pages, key)
