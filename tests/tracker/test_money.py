"""Amounts and currencies, as any Kafka client may write them."""

from decimal import Decimal

import pytest

from tests.support.made_events import made_event
from tracker.money import amount_of, drop_unusable


@pytest.mark.parametrize(
    ("text", "amount"), [("29.90", Decimal("29.9")), ("-1", Decimal(-1)), ("1e3", Decimal(1000))]
)
def test_numbers_are_amounts(text: str, amount: Decimal) -> None:
    assert amount_of(text) == amount


@pytest.mark.parametrize("text", ["", "abc", "NaN", "sNaN", "-Infinity", "1_0", "１２", "9" * 65])  # noqa: RUF001
def test_other_texts_are_none(text: str) -> None:
    assert amount_of(text) is None


@pytest.mark.parametrize(
    ("amount", "currency", "kept"),
    [
        ("1", "EUR", True),
        (None, None, True),
        ("1", None, True),
        ("abc", "EUR", False),
        ("1", "€€€", False),
        ("1", "EURO", False),
        (None, "", False),
    ],
)
def test_what_cannot_be_added_up_is_taken_out(
    amount: str | None, currency: str | None, kept: bool
) -> None:
    event = made_event(1, revenue_amount=amount, revenue_currency=currency)

    assert drop_unusable(event) is not kept
    assert event.revenue_amount == (amount if kept else None)
    assert event.revenue_currency == (currency if kept else None)
