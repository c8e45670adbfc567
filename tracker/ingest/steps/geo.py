"""Step: where the address is. The country, from the registries' delegations that come with iptocc;
region and city too where the user has a database of places. The address itself goes no further."""

from iptocc import country_code

from tracker.events import Event
from tracker.ingest.places import Place, Places
from tracker.ingest.visit import Visit

COUNTRY_CHARS = 2  # ISO 3166-1 alpha-2


def apply(event: Event, visit: Visit, places: Places | None = None) -> None:
    """A trusted proxy's word goes first; private and unknown addresses have no country.

    Region and city of another country than the one that counts are nobody's.
    """
    told = visit.country
    found = places.of(visit.client_ip, visit.received_at_ms) if places is not None else Place()
    if len(told) == COUNTRY_CHARS and told.isascii() and told.isalpha() and told.upper() != "XX":
        event.country = told.upper()
    else:
        event.country = found.country or country_code(visit.client_ip)
    if found.country in (None, event.country):
        event.region, event.city = found.region, found.city
