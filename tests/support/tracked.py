"""One hit through the real pipeline, for tests of its steps."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tracker.events import Event
from tracker.ingest.hit import Hit
from tracker.ingest.outcome import Dropped
from tracker.ingest.pipeline import Parts, Pipeline
from tracker.ingest.salts import Salts
from tracker.ingest.steps.addresses import Addresses, Networks
from tracker.ingest.steps.known_sites import KnownSites
from tracker.ingest.visit import Visit
from tracker.sites import Site

NOW_MS = 1_780_000_000_000
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Safari/537.36"
)

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)


@cache
def pipeline(*, honour_gpc: bool = False) -> Pipeline:
    """Knows the sites example.com and strict.example, blocks 192.0.2.0/24."""
    known_sites = KnownSites(
        {
            "example.com": Site("example.com", 0),
            "strict.example": Site("strict.example", 0, ("strict.example",)),
        }
    )
    known_sites.ready = True
    addresses = Addresses(Networks(("192.0.2.0/24",)), honour_gpc=honour_gpc)
    salts = Salts(Path(tempfile.mkdtemp()))
    return Pipeline(Parts(known_sites, addresses, salts, "node"))


def a_visit(**fields: Any) -> Visit:
    known = {"client_ip": "198.51.100.7", "user_agent": CHROME, "received_at_ms": NOW_MS}
    return Visit(**{**known, **fields})


def a_hit(**fields: Any) -> Hit:
    known = {"name": "pageview", "site": "example.com", "url": "https://example.com/"}
    return Hit(**{**known, **fields})


def outcome(visit: Visit | None = None, **fields: Any) -> Event | Dropped:
    return pipeline().run(a_hit(**fields), visit or a_visit())


def enriched(visit: Visit | None = None, **fields: Any) -> Event:
    """The event of a hit that is counted; `fields` are the hit's."""
    event = outcome(visit, **fields)
    assert isinstance(event, Event)
    return event
