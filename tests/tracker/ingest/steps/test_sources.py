"""Known places that visitors come from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.ingest.steps.sources import ALIASES, KNOWN, Kind, Source, of_host, of_name


@pytest.mark.parametrize(
    ("host", "name", "kind"),
    [
        ("google.com", "Google", Kind.SEARCH),
        ("www.google.com.br", "Google", Kind.SEARCH),
        ("search.yahoo.co.jp", "Yahoo", Kind.SEARCH),
        ("m.facebook.com", "Facebook", Kind.SOCIAL),
        ("facebook.com.evil.example", "facebook.com.evil.example", Kind.REFERRAL),
        ("notgoogle.com", "notgoogle.com", Kind.REFERRAL),
        ("www.example.org", "example.org", Kind.REFERRAL),
        ("", "", Kind.REFERRAL),
    ],
)
def test_a_host_is_a_known_place_or_itself(host: str, name: str, kind: Kind) -> None:
    assert of_host(host) == Source(name, kind)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Google", "Google"),
        (" google ", "Google"),
        ("twitter", "X"),
        ("hn", "Hacker News"),
        ("www.facebook.com", "Facebook"),
        ("Our Shop", "Our Shop"),
        ("shop.example", "shop.example"),
    ],
)
def test_what_people_write_for_a_place_is_understood(written: str, name: str) -> None:
    assert of_name(written).name == name


def test_every_alias_is_of_a_known_place() -> None:
    assert set(ALIASES.values()) <= KNOWN.keys()


@given(st.text(max_size=100))
def test_any_host_has_a_source(host: str) -> None:
    assert of_host(host).name is not None
