"""Which addresses are there for a limited person at all; one that is not listed is not there."""

from typing import Final

from dashboard.rights.rules import Sight

API: Final = "/api/v1/"
PAGES: Final = frozenset(
    (
        *("/", "/activity", "/topics", "/topics/", "/groups", "/groups/", "/cluster", "/alerts"),
        *("/copies", "/runbooks/", "/settings", "/schemas", "/schemas/"),
    )
)
ANSWERS: Final = frozenset(
    (
        *("health", "clusters", "cluster", "topics", "groups", "history", "activity", "sites"),
        *("alerts", "openapi", "actions", "copies", "logout", "subjects"),
    )
)
SHARED: Final = "/activity"  # the page that a link shows; its figures have the same name
ALL_CLUSTERS: Final = frozenset(("/audit", "audit", "pipeline", "settings"))
"""They tell of every cluster, or of the appliance whichever cluster is asked for."""
OURS: Final = frozenset(("/pipeline",))  # of the appliance, whichever cluster is asked for


def shows_page(sight: Sight, path: str, cluster: str, own: str) -> bool:
    """`path` as the page's own: `/topics/` when a name follows. `own`: the appliance's cluster."""
    if sight.shared:
        return path == SHARED
    about = own if path in OURS else cluster
    return not sight.limited or path in PAGES or _whole(sight, path, about)


def answers(sight: Sight, path: str, cluster: str) -> bool:
    """Of the JSON API and its files: what comes first behind /api/v1/ decides."""
    if not sight.limited or not path.startswith(API):
        return True
    first = path.removeprefix(API).split("/")[0].split(".")[0]
    if sight.shared:
        return f"/{first}" == SHARED
    return first in ANSWERS or _whole(sight, first, cluster)


def _whole(sight: Sight, what: str, cluster: str) -> bool:
    return sight.everywhere() if what in ALL_CLUSTERS else sight.whole(cluster)
