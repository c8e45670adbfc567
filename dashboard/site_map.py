"""Every page, and which one an address means."""

from collections.abc import Mapping
from typing import Final

from dashboard.pages import (
    activity,
    alerts,
    audit,
    broker,
    cluster,
    connect,
    copies,
    groups,
    now,
    pipeline,
    runbook,
    schemas,
    security,
    settings,
    topics,
    transactions,
)
from dashboard.pages.page import NotFound, Page, Visit, poller_of
from dashboard.rights.gate import shows_page
from dashboard.state import State

PAGES: Final = (
    now.PAGE,
    activity.PAGE,
    topics.LIST,
    topics.TOPIC,
    copies.PAGE,
    groups.LIST,
    groups.GROUP,
    pipeline.PAGE,
    cluster.PAGE,
    broker.PAGE,
    security.PAGE,
    connect.LIST,
    connect.CONNECTOR,
    connect.WORKER,
    schemas.LIST,
    schemas.SUBJECT,
    transactions.PAGE,
    audit.PAGE,
    alerts.PAGE,
    runbook.PAGE,
    settings.PAGE,
)
_BY_PATH: Final = {page.path: page for page in PAGES}

_NAMED: Final = tuple(page for page in PAGES if page.path.endswith("/") and page.path != "/")


def resolve(state: State, path: str, query: Mapping[str, str]) -> tuple[Page, Visit]:
    """The page at `path` (decoded, no query); raises NotFound."""
    poller = poller_of(state, query)
    page, name = _named(path, query)
    if page is None or not _shows(state, page, poller.settings.name):
        raise NotFound(f"There is no page {path!r}.")
    return page, Visit(state, poller, query, name)


def _shows(state: State, page: Page, cluster: str) -> bool:
    return shows_page(state.sight, page.path, cluster, state.own_cluster)


def _named(path: str, query: Mapping[str, str]) -> tuple[Page | None, str]:
    """The page, and the name that follows in its address."""
    page = _BY_PATH.get(path)
    if page is not None and not (path.endswith("/") and path != "/"):
        return page, ""
    for named in _NAMED:
        if path.startswith(named.path):
            return named, path.removeprefix(named.path) or query.get("name", "")
    return None, ""
