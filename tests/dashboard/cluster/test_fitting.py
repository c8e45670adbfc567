"""Which records somebody wishes for by a field of a JSON value."""

import json

import pytest

from dashboard.cluster.fitting import Wish, fits
from tracker.kafka.answers import Record

VALUE = {"items": [{"sku": "a-1"}, {"sku": "b-2"}], "by_place": {"0": "first"}, "paid": None}


def is_fit(path: str, wanted: str) -> bool:
    value = json.dumps(VALUE).encode()
    record = Record("orders", 0, 5, 1, True, None, value, ())
    return fits(record, Wish(field=path, equals=wanted))


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("items.0.sku", "a-1"),
        ("items.1.sku", "b-2"),
        ("by_place.0", "first"),
        ("items.1", '{"sku": "b-2"}'),
        ("paid", "null"),
    ],
)
def test_a_field_is_found_by_names_and_by_places_in_lists(path: str, wanted: str) -> None:
    assert is_fit(path, wanted) and is_fit(path, "")
    assert not is_fit(path, "another")


@pytest.mark.parametrize(
    "path",
    [
        "items.2.sku",
        "items.-1.sku",
        "items.01.sku",
        "items.sku",
        "items.\u0660.sku",
        "items." + "9" * 190,
    ],
)
def test_a_place_that_is_not_there_is_no_field(path: str) -> None:
    assert not is_fit(path, "")
