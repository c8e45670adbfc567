"""From a hit to an event: an ordered list of named steps, each one file, none of them waits.

    sites -> location -> addresses -> campaign -> referrer -> user_agent -> bots -> geo -> identity

A step fills in its fields of the event; it may also end the way with `Dropped` (understood, not
counted) or `Refused` (the sender's mistake). To add one: a file in steps/, a line in `Pipeline`.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from tracker.events import Event
from tracker.ingest.hit import Hit
from tracker.ingest.outcome import Dropped, Reason, Refused
from tracker.ingest.places import Places
from tracker.ingest.salts import Salts
from tracker.ingest.steps import campaign, geo, identity, location
from tracker.ingest.steps.addresses import Addresses
from tracker.ingest.steps.bots import Bots
from tracker.ingest.steps.known_sites import KnownSites
from tracker.ingest.steps.referrer import Referrers
from tracker.ingest.steps.user_agent import UserAgents
from tracker.ingest.visit import Visit

DAY_MS: Final = 24 * 60 * 60 * 1000
PAST_MS_MAX: Final = DAY_MS  # how old a browser's event may be: it retries for a day
SERVER_PAST_MS_MAX: Final = 30 * DAY_MS
FUTURE_MS_MAX: Final = 10 * 60 * 1000
LANGUAGE_CHARS_MAX: Final = 35  # RFC 5646 section 4.4.1


class Step(NamedTuple):
    """One step of the pipeline; its name labels metrics and dead letters."""

    name: str
    apply: Callable[[Event, Hit, Visit], Dropped | None]


class Parts(NamedTuple):
    """What the steps need that lives longer than one event."""

    known_sites: KnownSites
    addresses: Addresses
    salts: Salts
    node: str
    places: Places | None = None


class Pipeline:
    """`run` is called for every event of every worker: no I/O but a new salt once a day."""

    def __init__(self, parts: Parts) -> None:
        user_agents, bots, referrers = UserAgents(), Bots(), Referrers()
        domains, salts = identity.Domains(), parts.salts
        self._node = parts.node
        self.steps: Sequence[Step] = (
            Step("sites", lambda event, hit, visit: parts.known_sites.apply(event, visit)),
            Step("location", lambda event, hit, visit: location.apply(event, hit)),
            Step("addresses", lambda event, hit, visit: parts.addresses.apply(visit)),
            Step("campaign", lambda event, hit, visit: campaign.apply(event)),
            Step("referrer", lambda event, hit, visit: referrers.apply(event, hit)),
            Step("user_agent", lambda event, hit, visit: user_agents.apply(event, visit)),
            Step("bots", lambda event, hit, visit: bots.apply(event, visit)),
            Step("geo", lambda event, hit, visit: geo.apply(event, visit, parts.places)),
            Step(
                "identity",
                lambda event, hit, visit: identity.apply(
                    event, visit, _salt_of(salts, visit), domains
                ),
            ),
        )

    def run(self, hit: Hit, visit: Visit) -> Event | Dropped:
        """The finished event, or why it is not counted; raises Refused, naming the step."""
        event = self._draft(hit, visit)
        for name, apply in self.steps:
            try:
                dropped = apply(event, hit, visit)
            except Refused as refusal:
                refusal.step = name
                raise
            if dropped is not None:
                return dropped
        return event

    def _draft(self, hit: Hit, visit: Visit) -> Event:
        occurred_at, adjusted = believable_time(hit.timestamp_ms, visit)
        return Event(
            event_id=hit.event_id or secrets.token_hex(16),
            event_name=hit.name,
            site_id=hit.site,
            received_at=visit.received_at_ms,
            occurred_at=occurred_at,
            ts_adjusted=adjusted,
            visitor_id="",
            clock_skew_ms=0
            if visit.sent_at_ms is None
            else visit.received_at_ms - visit.sent_at_ms,
            page_view_id=hit.page_view_id,
            sequence=hit.sequence,
            title=hit.title,
            screen=hit.screen,
            viewport=hit.viewport,
            language=hit.language or _first_language(visit.accept_language),
            timezone=hit.timezone,
            interactive=hit.interactive,
            props=hit.props,
            revenue_amount=hit.revenue_amount,
            revenue_currency=hit.revenue_currency,
            engagement_ms=hit.engagement_ms,
            scroll_depth=hit.scroll_depth,
            ingest_node=self._node,
        )


def _salt_of(salts: Salts, visit: Visit) -> bytes:
    """Raises Refused: a disk of ours that keeps no salt is no mistake of the sender's."""
    try:
        return salts.today(visit.received_at_ms)
    except OSError as error:
        reason = f"the salt of the day cannot be kept: {error.strerror}"
        raise Refused(Reason.NOT_STORED, reason) from error


def believable_time(timestamp_ms: int | None, visit: Visit) -> tuple[int, bool]:
    """(when it happened, whether the sender's time was not believed and ours was taken)."""
    received = visit.received_at_ms
    if timestamp_ms is None:
        return received, False
    oldest = received - (SERVER_PAST_MS_MAX if visit.server_side else PAST_MS_MAX)
    if oldest <= timestamp_ms <= received + FUTURE_MS_MAX:
        return timestamp_ms, False
    return received, True


def _first_language(accept_language: str) -> str | None:
    """ "de-CH" of "de-CH,de;q=0.9": the browser's first choice."""
    first = accept_language.partition(",")[0].partition(";")[0].strip()
    return first[:LANGUAGE_CHARS_MAX] or None


def is_counted(event: Event) -> Reason:
    """The reason under which a stored event is counted."""
    return Reason.BOT if event.is_bot else Reason.STORED
