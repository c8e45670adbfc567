"""The image for pages without JavaScript and for e-mail: GET /px.gif?site=&url=&name=&p.x=

`p.<key>` are properties, always text. Without `url` the page is the Referer header's.
"""

from collections.abc import Mapping

from tracker.events import PAGEVIEW
from tracker.ingest.adapters.plausible import WireEvent, add_event
from tracker.ingest.hit import Batch

PROP_PREFIX = "p."


def parse(query: Mapping[str, str], referer: str) -> Batch:
    """One event; raises Refused."""
    batch = Batch()
    props = {
        key.removeprefix(PROP_PREFIX): value
        for key, value in query.items()
        if key.startswith(PROP_PREFIX)
    }
    wire = WireEvent(
        name=query.get("name") or PAGEVIEW,
        site=query.get("site"),
        url=query.get("url") or referer,
        referrer=query.get("referrer"),
        props=props or None,
    )
    add_event(batch, 0, wire)
    return batch
