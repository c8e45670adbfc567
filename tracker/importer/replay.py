"""From a line of an access log to an event at its own time. The event's id holds no address.

The id is a hash of the site, the log's first request and this line's number, time and request: the
same line gives the same id in every run, so a repeated chunk changes nothing in the warehouse.
"""

from hashlib import blake2b
from typing import Final

from tracker.events import PAGEVIEW, Event
from tracker.importer.combined_log import Request, classify
from tracker.importer.progress import day_salt
from tracker.ingest.hit import URL_CHARS_MAX, Hit
from tracker.ingest.steps import campaign, geo, identity, location
from tracker.ingest.steps.bots import Bots
from tracker.ingest.steps.referrer import Referrers
from tracker.ingest.steps.user_agent import UserAgents
from tracker.ingest.visit import Visit

DAY_MS: Final = 24 * 60 * 60 * 1000
ID_BYTES: Final = 16


def fingerprint(site: str, first: Request) -> str:
    """What names a log: its first request, without address and user agent. Survives a rename."""
    text = f"{site}\0{_words(first)}"
    return blake2b(text.encode(errors="replace"), digest_size=ID_BYTES).hexdigest()


def event_id(log: str, line: int, request: Request) -> str:
    text = f"{log}\0{line}\0{_words(request)}"
    return blake2b(text.encode(errors="replace"), digest_size=ID_BYTES).hexdigest()


def _words(request: Request) -> str:
    return "\0".join(
        (
            str(request.occurred_at_ms),
            request.method,
            request.target,
            str(request.status),
            str(request.size_bytes),
        )
    )


class Replay:
    """Makes the events of one log; `secret` is the import's, for its visitor ids."""

    def __init__(self, log: str, site: str, host: str, secret: str) -> None:
        self._log = log
        self._site = site
        self._host = host
        self._secret = secret
        self._salts: dict[int, bytes] = {}
        self._user_agents, self._bots = UserAgents(), Bots()
        self._referrers, self._domains = Referrers(), identity.Domains()

    def event(self, line: int, request: Request, now_ms: int) -> Event:
        """The event of line number `line`, counted from 1."""
        visit = Visit(request.address, request.user_agent, now_ms)
        target = request.target[:URL_CHARS_MAX]
        url = target if "://" in target[:10] else f"https://{self._host}/{target.lstrip('/')}"
        hit = Hit(
            name=classify(request),
            site=self._site,
            url=url,
            referrer=request.referrer[:URL_CHARS_MAX] if request.referrer else None,
        )
        event = Event(
            event_id=event_id(self._log, line, request),
            event_name=hit.name,
            site_id=self._site,
            received_at=now_ms,
            occurred_at=request.occurred_at_ms,
            visitor_id="",
            interactive=hit.name == PAGEVIEW,
            props={
                "method": request.method,
                "status": request.status,
                "bytes": request.size_bytes,
            },
            ingest_node="import",
        )
        location.apply(event, hit)
        campaign.apply(event)
        self._referrers.apply(event, hit)
        self._user_agents.apply(event, visit)
        self._bots.apply(event, visit)
        geo.apply(event, visit)
        identity.apply(event, visit, self._salt(request.occurred_at_ms // DAY_MS), self._domains)
        return event

    def _salt(self, day: int) -> bytes:
        salt = self._salts.get(day)
        if salt is None:
            salt = self._salts[day] = day_salt(self._secret, day)
        return salt
