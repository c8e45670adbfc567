"""The address of a page, taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tracked import enriched
from tracker.ingest.outcome import Reason, Refused
from tracker.ingest.steps.location import split


def test_an_address_is_taken_apart() -> None:
    event = enriched(url="https://User@Example.COM:8443/a/b?x=1&y=2#part")

    assert (event.hostname, event.pathname, event.query) == ("example.com", "/a/b", "x=1&y=2")


def test_hash_routing_makes_the_fragment_a_part_of_the_path() -> None:
    event = enriched(url="https://example.com/app#/cart?step=2", hash_routing=True)

    assert (event.pathname, event.query) == ("/app#/cart", "step=2")


@pytest.mark.parametrize("url", ["/path", "example.com", "https://", "https:///x", "://x", ":"])
def test_an_address_without_a_host_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        enriched(url=url)

    assert (refusal.value.reason, refusal.value.step) == (Reason.SCHEMA_VIOLATION, "location")


@given(st.text(max_size=80))
def test_no_address_does_anything_but_enrich_or_refuse(url: str) -> None:
    try:
        event = enriched(url=url)
    except Refused:
        return

    assert event.hostname


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com", ("example.com", "/", "")),
        ("https://example.com?a=b", ("example.com", "/", "a=b")),
        ("https://example.com/a?", ("example.com", "/a", "")),
        ("https://[2001:DB8::1]:8443/x", ("[2001:db8::1]", "/x", "")),
        ("https://ann:pencil@example.com/x", ("example.com", "/x", "")),
        ("https://example.com/a?b=c?d#e?f", ("example.com", "/a", "b=c?d")),
        ("app+native://example.com/", None),
    ],
)
def test_each_part_ends_where_the_next_begins(
    url: str, expected: tuple[str, str, str] | None
) -> None:
    if expected is None:
        with pytest.raises(Refused, match="not absolute"):
            split(url)
    else:
        assert tuple(split(url)) == expected


def test_a_name_and_password_in_an_address_are_not_kept() -> None:
    event = enriched(url="https://ann:pencil@example.com/x?y=z")

    assert "pencil" not in f"{event.hostname}{event.pathname}{event.query}"
