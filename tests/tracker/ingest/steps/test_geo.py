"""The country of a visitor."""

import pytest

from tests.support.tracked import a_visit, enriched


@pytest.mark.parametrize(
    ("address", "country"),
    [("8.8.8.8", "US"), ("2001:4860:4860::8888", "US"), ("10.0.0.1", None), ("nonsense", None)],
)
def test_an_address_has_a_country(address: str, country: str | None) -> None:
    assert enriched(a_visit(client_ip=address)).country == country


@pytest.mark.parametrize(("told", "country"), [("it", "IT"), ("XX", "US"), ("T1", "US")])
def test_a_proxy_that_knows_the_country_goes_first(told: str, country: str) -> None:
    assert enriched(a_visit(client_ip="8.8.8.8", country=told)).country == country


@pytest.mark.parametrize("told", ["", "x", "usa", "1T", "\u00e4\u00f6"])
def test_what_is_no_country_is_not_believed(told: str) -> None:
    assert enriched(a_visit(client_ip="8.8.8.8", country=told)).country == "US"
