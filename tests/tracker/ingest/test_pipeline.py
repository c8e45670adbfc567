"""From a hit to an event: what each step puts into it, and how it may end."""

import pytest

from tests.support.tracked import IPHONE, NOW_MS, a_visit, enriched
from tracker.events import encode
from tracker.ingest.pipeline import DAY_MS, FUTURE_MS_MAX


def test_neither_address_nor_user_agent_is_in_the_record() -> None:
    visit = a_visit(client_ip="203.0.113.77", user_agent=IPHONE + " Marker/9.9")

    record = encode(enriched(visit))

    assert b"203.0.113.77" not in record
    assert b"Marker" not in record


@pytest.mark.parametrize(
    ("offset_ms", "believed"),
    [
        (0, True),
        (-DAY_MS, True),
        (-DAY_MS - 1, False),
        (FUTURE_MS_MAX, True),
        (FUTURE_MS_MAX + 1, False),
    ],
)
def test_a_time_is_believed_within_bounds(offset_ms: int, believed: bool) -> None:
    event = enriched(timestamp_ms=NOW_MS + offset_ms)

    assert event.occurred_at == (NOW_MS + offset_ms if believed else NOW_MS)
    assert event.ts_adjusted is not believed


def test_a_server_may_tell_of_last_month() -> None:
    event = enriched(a_visit(server_side=True), timestamp_ms=NOW_MS - 30 * DAY_MS)

    assert not event.ts_adjusted


def test_an_event_without_an_id_gets_one() -> None:
    assert enriched().event_id != enriched().event_id
    assert enriched(event_id="abc").event_id == "abc"


def test_the_browsers_first_language_is_taken() -> None:
    assert enriched(a_visit(accept_language="de-CH,de;q=0.9")).language == "de-CH"
