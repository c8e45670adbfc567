"""Visitors who are not counted."""

import pytest

from tests.support.tracked import a_hit, a_visit, outcome, pipeline
from tracker.ingest.outcome import Dropped, Reason
from tracker.ingest.steps.addresses import Networks


def test_a_blocked_address_is_not_counted() -> None:
    assert outcome(a_visit(client_ip="192.0.2.200")) == Dropped(Reason.BLOCKED_ADDRESS)


def test_global_privacy_control_is_honoured_when_it_is_set_so() -> None:
    visit = a_visit(gpc=True)

    assert pipeline(honour_gpc=True).run(a_hit(), visit) == Dropped(Reason.GPC)
    assert not isinstance(pipeline().run(a_hit(), visit), Dropped)


@pytest.mark.parametrize(
    ("listed", "address", "inside"),
    [
        (("192.0.2.0/24",), "192.0.2.255", True),
        (("192.0.2.0/24",), "192.0.3.0", False),
        (("192.0.2.7",), "192.0.2.7", True),
        (("192.0.2.7/24",), "192.0.2.200", True),  # an address in it names the network too
        (("2001:db8::/32",), "2001:db8:ffff::1", True),
        (("2001:db8::/32",), "192.0.2.1", False),
        (("192.0.2.0/24",), "nonsense", False),
        ((), "192.0.2.1", False),
    ],
)
def test_an_address_is_in_a_network_or_not(
    listed: tuple[str, ...], address: str, inside: bool
) -> None:
    assert (address in Networks(listed)) is inside


def test_an_entry_that_is_no_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/33"):
        Networks(("10.0.0.0/33",))
