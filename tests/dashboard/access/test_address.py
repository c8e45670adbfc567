"""Whose address counts, with and without proxies of ours in front."""

import pytest

from dashboard.access.address import networks, sender
from footfall.settings import SettingsError

OURS = networks(["10.1.2.3/8", "::1"])  # an address in it names the network too


@pytest.mark.parametrize(
    ("peer", "headers", "found"),
    [
        ("203.0.113.5", (), "203.0.113.5"),
        ("203.0.113.5", ("198.51.100.9",), "203.0.113.5"),  # a stranger's header is a claim only
        ("10.1.1.1", ("198.51.100.9",), "198.51.100.9"),
        ("10.1.1.1", ("1.2.3.4, 198.51.100.9",), "198.51.100.9"),  # what stands left, anybody wrote
        ("10.1.1.1", ("1.2.3.4, 198.51.100.9, 10.2.2.2",), "198.51.100.9"),
        ("10.1.1.1", ("1.2.3.4", "198.51.100.9"), "198.51.100.9"),
        ("::ffff:10.1.1.1", ("198.51.100.9",), "198.51.100.9"),
        ("::1", ("2001:db8::7",), "2001:db8::7"),
        ("10.1.1.1", ("not an address",), "10.1.1.1"),
        ("10.1.1.1", (), "10.1.1.1"),
    ],
)
def test_the_first_address_from_the_right_that_is_not_ours_counts(
    peer: str, headers: tuple[str, ...], found: str
) -> None:
    assert sender(peer, headers, OURS) == found


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert sender("10.1.1.1", ("198.51.100.9",), ()) == "10.1.1.1"


def test_what_is_no_network_is_named() -> None:
    with pytest.raises(SettingsError, match="trusted_proxies"):
        networks(["10.0.0.0/99"])
