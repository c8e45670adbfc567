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
    groups,
    now,
    pipeline,
    runbook,
    schemas,
    security,
    settings,
    topics,
)
from dashboard.pages.page import NotFound, Page, Visit, poller_of
from dashboard.state import State

PAGES: Final = (
    now.PAGE,
    activity.PAGE,
    topics.LIST,
    topics.TOPIC,
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
    page = _BY_PATH.get(path)
    if page is not None and not (path.endswith("/") and path != "/"):
        return page, Visit(state, poller, query)
    for named in _NAMED:
        if path.startswith(named.path):
            name = path.removeprefix(named.path) or query.get("name", "")
            return named, Visit(state, poller, query, name)
    raise NotFound(f"There is no page {path!r}.")
