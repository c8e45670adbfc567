"""Step: the country of the address, from the registries' delegations that come with iptocc."""

from iptocc import country_code

from tracker.events import Event
from tracker.ingest.visit import Visit

COUNTRY_CHARS = 2  # ISO 3166-1 alpha-2


def apply(event: Event, visit: Visit) -> None:
    """A trusted proxy's word goes first; private and unknown addresses have no country."""
    told = visit.country
    if len(told) == COUNTRY_CHARS and told.isascii() and told.isalpha() and told.upper() != "XX":
        event.country = told.upper()
    else:
        event.country = country_code(visit.client_ip)
