"""What the address of a page tells of a campaign."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tracked import enriched
from tracker.ingest.steps import campaign
from tracker.ingest.steps.campaign import CLICK_IDS, VALUE_CHARS_MAX


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("utm_source=news&utm_medium=email", "utm_source", "news"),
        ("utm_source=news&utm_medium=email", "utm_medium", "email"),
        ("UTM_Campaign=Spring+Sale", "utm_campaign", "Spring Sale"),
        ("utm_term=a%26b", "utm_term", "a&b"),
        ("utm_content=", "utm_content", None),
        ("utm_source=first&utm_source=second", "utm_source", "first"),
        ("ref=hn", "utm_source", "hn"),
        ("source=hn", "utm_source", "hn"),
        ("utm_source=news&ref=hn", "utm_source", "news"),
        ("gbraid=0Ab", "click_id_type", "gclid"),
        ("fbclid=Iw&gclid=Cj", "click_id_type", "fbclid"),
        ("page=2&q=utm_", "utm_source", None),
        ("utm_source=%ff%fe", "utm_source", "\ufffd\ufffd"),
    ],
)
def test_a_parameter_is_read(query: str, field: str, value: str | None) -> None:
    event = enriched(url=f"https://example.com/?{query}")

    assert getattr(event, field) == value


def test_a_long_value_is_cut() -> None:
    event = enriched(url=f"https://example.com/?utm_campaign={'x' * 1_000}")

    assert event.utm_campaign == "x" * VALUE_CHARS_MAX


@given(st.text(max_size=300))
def test_no_query_does_anything_but_enrich(query: str) -> None:
    event = enriched()
    event.query = query

    campaign.apply(event)

    assert event.click_id_type in (None, *CLICK_IDS.values())
