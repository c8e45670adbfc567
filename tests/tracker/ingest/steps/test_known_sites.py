"""Only registered sites are counted."""

import pytest

from tests.support.tracked import a_visit, enriched
from tracker.ingest.outcome import Reason, Refused
from tracker.ingest.steps.known_sites import KnownSites


def test_a_site_that_nobody_registered_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        enriched(site="typo.example")

    assert refusal.value.reason is Reason.UNKNOWN_SITE


@pytest.mark.parametrize(
    ("origin", "foreign"),
    [("https://strict.example", False), ("https://thief.example", True), ("", False)],
)
def test_a_page_of_an_unlisted_host_is_flagged(origin: str, foreign: bool) -> None:
    event = enriched(a_visit(origin=origin), site="strict.example", url="https://strict.example/")

    assert event.is_foreign_origin is foreign


def test_while_the_list_is_not_read_nobody_is_told_that_a_site_is_unknown() -> None:
    """503 makes the sender repeat it; 404 would lose the event for ever."""
    sites = KnownSites({})

    with pytest.raises(Refused) as early:
        sites.apply(enriched(), a_visit())
    sites.ready = True
    with pytest.raises(Refused) as later:
        sites.apply(enriched(), a_visit())

    assert early.value.reason is Reason.NOT_STORED
    assert later.value.reason is Reason.UNKNOWN_SITE


def test_a_long_name_is_not_told_back_whole() -> None:
    with pytest.raises(Refused) as refusal:
        enriched(site="x" * 5_000)

    assert len(str(refusal.value)) < 200
