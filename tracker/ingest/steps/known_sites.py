"""Step: only registered sites are counted; a page of a host the site does not list is flagged."""

from collections.abc import Mapping

from tracker.events import Event
from tracker.ingest.outcome import Reason, Refused
from tracker.ingest.steps.location import host_of
from tracker.ingest.visit import Visit
from tracker.sites import Site


class KnownSites:
    """Asks the live registry. `ready` False means that it has not been read yet."""

    def __init__(self, sites: Mapping[str, Site]) -> None:
        self._sites = sites
        self.ready = False

    def apply(self, event: Event, visit: Visit) -> None:
        """Raises Refused: 404 for a site nobody registered, 503 while we cannot know yet."""
        site = self._sites.get(event.site_id)
        if site is None:
            if not self.ready:
                raise Refused(Reason.NOT_STORED, "the list of sites is not read yet")
            raise Refused(Reason.UNKNOWN_SITE, f"no site {event.site_id[:100]!r} is registered")
        if site.allowed_hosts and visit.origin:
            host = host_of(visit.origin.partition("://")[2])
            event.is_foreign_origin = host not in site.allowed_hosts
