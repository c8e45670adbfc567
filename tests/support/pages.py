"""An address of every page of the dashboard's site map, and of its tabs."""

from dashboard.pages import connect, schemas, security, topics
from dashboard.site_map import PAGES

NAMES = {"/topics/": "events", "/groups/": "export", "/brokers/": "1", "/runbooks/": "NoBeacons"}
"""Whose page is shown: what a made cluster has."""
TABS = {topics.TOPIC.path: topics.TABS, security.PAGE.path: security.TABS}


def _addresses() -> tuple[str, ...]:
    found = []
    for page in PAGES:
        if page in (connect.CONNECTOR, connect.WORKER, schemas.SUBJECT):
            continue  # only where a Connect worker, or a schema registry runs
        named = page.path.endswith("/") and page.path != "/"
        address = page.path + (NAMES[page.path] if named else "")
        further = list(TABS.get(page.path, ()))[1:]  # the first is the page's own
        found += [address, *(f"{address}?tab={tab}" for tab in further)]
    return tuple(found)


ADDRESSES = _addresses()
