"""Who is the same visitor, and who is not."""

from typing import Any

import pytest

from tests.support.tracked import IPHONE, NOW_MS, a_visit, enriched
from tracker.ingest.pipeline import DAY_MS
from tracker.ingest.steps.identity import Domains, visitor_id

DOMAINS = Domains()


def test_a_visitor_is_the_same_all_day_and_another_tomorrow() -> None:
    now = enriched().visitor_id
    later = enriched(a_visit(received_at_ms=NOW_MS + 3_600_000)).visitor_id
    tomorrow = enriched(a_visit(received_at_ms=NOW_MS + DAY_MS)).visitor_id

    assert now == later
    assert now != tomorrow
    assert len(now) == 16


@pytest.mark.parametrize(
    "change",
    [{"client_ip": "198.51.100.8"}, {"user_agent": IPHONE}],
    ids=lambda change: next(iter(change)),
)
def test_another_address_or_browser_is_another_visitor(change: dict[str, Any]) -> None:
    assert enriched(a_visit(**change)).visitor_id != enriched().visitor_id


def test_the_same_person_on_another_site_is_another_visitor() -> None:
    other = enriched(site="strict.example", url="https://strict.example/")

    assert other.visitor_id != enriched().visitor_id


def test_an_ipv6_visitor_is_its_network() -> None:
    one = enriched(a_visit(client_ip="2001:db8:1:2::1")).visitor_id
    same = enriched(a_visit(client_ip="2001:db8:1:2:ffff::9")).visitor_id
    other = enriched(a_visit(client_ip="2001:db8:1:3::1")).visitor_id

    assert one == same
    assert one != other


def test_subdomains_of_a_site_share_their_visitors() -> None:
    shop = enriched(url="https://shop.example.com/")

    assert shop.visitor_id == enriched(url="https://www.example.com/").visitor_id


def test_the_id_tells_nothing_without_the_salt_of_its_day() -> None:
    known = ("example.com", "198.51.100.7", "agent", "example.com")

    ids = {visitor_id(salt, *known) for salt in (b"one", b"two")}

    assert len(ids) == 2


def test_parts_cannot_be_moved_from_one_to_the_next() -> None:
    one = visitor_id(b"salt", "site", "1.2.3.4", "agent", "a.com")
    other = visitor_id(b"salt", "site1", ".2.3.4", "agent", "a.com")

    assert one != other


@pytest.mark.parametrize(
    ("hostname", "domain"),
    [
        ("shop.example.co.uk", "example.co.uk"),
        ("example.com", "example.com"),
        ("localhost", "localhost"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("", ""),
    ],
)
def test_a_host_has_one_registrable_domain(hostname: str, domain: str) -> None:
    assert DOMAINS.registrable(hostname) == domain


@pytest.mark.parametrize("part", range(4), ids=["site", "address", "browser", "domain"])
def test_each_part_alone_makes_another_visitor(part: int) -> None:
    """Two sites of one domain, and one site's tag on two domains: nobody is followed across."""
    known = ["example.com", "198.51.100.7", "agent", "example.com"]
    other = [*known[:part], "192.0.2.1", *known[part + 1 :]]

    assert visitor_id(b"salt", *known) != visitor_id(b"salt", *other)
