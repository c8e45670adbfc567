"""Databases of places: what is read of them, and that none of them harms ingest."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.mmdb import mmdb
from tests.support.tracked import NOW_MS, a_visit
from tracker.events import Event
from tracker.ingest.places import LOOK_EVERY_MS, Place, Places, PlacesError, place_of
from tracker.ingest.steps import geo

BAVARIA = {
    "country": {"iso_code": "DE", "names": {"en": "Germany"}},
    "subdivisions": [{"iso_code": "BY", "names": {"de": "Bayern", "en": "Bavaria"}}],
    "city": {"names": {"en": "Munich"}},
}
MUNICH = Place("DE", "Bavaria", "Munich")


KEYS = ("country", "iso_code", "names", "en", "city", "subdivisions")
odd = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda one: st.lists(one) | st.dictionaries(st.sampled_from(KEYS), one),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "places.mmdb"
    file.write_bytes(mmdb({"198.51.100.0/24": BAVARIA, "203.0.113.0/25": "no record"}))
    return file


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("198.51.100.7", MUNICH),
        ("198.51.101.7", Place()),
        ("203.0.113.1", Place()),
        ("2001:db8::1", Place()),
        ("nonsense", Place()),
    ],
)
def test_an_address_is_where_the_database_says(path: Path, address: str, place: Place) -> None:
    assert Places(str(path)).of(address, NOW_MS) == place


@pytest.mark.parametrize(
    ("record", "place"),
    [
        (BAVARIA, MUNICH),
        ({"country": "DE", "region": "Bavaria", "city": "Munich"}, MUNICH),
        ({"country_code": "de", "state1": "Bavaria", "city": "Munich"}, MUNICH),
        ({"country": {"iso_code": "DE"}}, Place("DE")),
        ({"country": "Germany", "city": 7, "subdivisions": [3]}, Place()),
        ({"city": {"names": {"de": "Muenchen"}}, "subdivisions": []}, Place()),
        ({"country": "DE", "city": "x" * 500}, Place("DE", None, "x" * 100)),
    ],
)
def test_records_of_several_makers_are_understood(record: dict[str, Any], place: Place) -> None:
    assert place_of(record) == place


@given(odd)
def test_no_record_is_too_odd(found: Any) -> None:
    assert isinstance(place_of({"country": found, "city": found, "subdivisions": found}), Place)


@pytest.mark.parametrize("content", [b"", b"x" * 5_000, None])
def test_a_file_that_is_no_database_is_told_at_the_start(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "bad.mmdb"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(PlacesError, match=r"bad\.mmdb"):
        Places(str(file))


def test_a_new_file_is_seen_and_a_damaged_one_changes_nothing(path: Path) -> None:
    places = Places(str(path))
    places.of("198.51.100.7", NOW_MS)

    path.write_bytes(b"cut short")
    damaged = places.of("198.51.100.7", NOW_MS + LOOK_EVERY_MS + 1)
    path.write_bytes(mmdb({"198.51.100.0/24": {"country": "FR", "city": "Lyon"}}))
    renewed = places.of("198.51.100.7", NOW_MS + 2 * LOOK_EVERY_MS + 2)

    assert (damaged, renewed) == (MUNICH, Place("FR", None, "Lyon"))


@pytest.mark.parametrize(
    ("told", "country", "city"), [("", "DE", "Munich"), ("DE", "DE", "Munich"), ("FR", "FR", None)]
)
def test_a_proxy_s_country_goes_before_the_database(
    path: Path, told: str, country: str, city: str | None
) -> None:
    event = Event(
        event_id="1", event_name="x", site_id="s", received_at=0, occurred_at=0, visitor_id=""
    )

    geo.apply(event, a_visit(client_ip="198.51.100.7", country=told), Places(str(path)))

    assert (event.country, event.city) == (country, city)
