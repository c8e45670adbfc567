"""Money: which amounts and currencies of an event can be added up. Ingest lets no other through,
but any Kafka client may write to topic `events`."""

from decimal import Decimal, InvalidOperation
from typing import Final

from tracker.events import Event

AMOUNT_MAX: Final = Decimal(10) ** 9
"""Greatest amount that is added up: the warehouse keeps every other, here one would spoil a sum."""
AMOUNT_CHARS_MAX: Final = 64
CURRENCY_CHARS: Final = 3


def amount_of(text: str) -> Decimal | None:
    """A finite decimal number in ASCII, as ingest writes them; None for any other text."""
    if len(text) > AMOUNT_CHARS_MAX or not text.isascii() or "_" in text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def is_currency(text: str) -> bool:
    """Three ASCII letters, as ISO 4217 has them."""
    return len(text) == CURRENCY_CHARS and text.isascii() and text.isalpha()


def drop_unusable(event: Event) -> bool:
    """Takes an amount or a currency that is none out of the event; whether there was one."""
    amount, currency = event.revenue_amount, event.revenue_currency
    is_fine = (amount is None or amount_of(amount) is not None) and (
        currency is None or is_currency(currency)
    )
    if not is_fine:
        event.revenue_amount = event.revenue_currency = None
    return not is_fine
