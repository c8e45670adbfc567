"""The contract of topic `events`."""

import msgspec
import pytest

from tracker.events import Event, EventError, decode, encode


def an_event(**fields: object) -> Event:
    required = {
        "event_id": "e1",
        "event_name": "pageview",
        "site_id": "example.com",
        "received_at": 2_000,
        "occurred_at": 1_000,
        "visitor_id": "0123456789abcdef",
    }
    return msgspec.convert({**required, **fields}, Event)


def test_an_event_survives_the_topic() -> None:
    event = an_event(props={"plan": "pro", "seats": 3, "trial": False}, country="IT", is_bot=True)

    again = decode(encode(event))

    assert again == event


def test_what_is_not_known_takes_no_room_in_the_record() -> None:
    assert b"country" not in encode(an_event())


def test_fields_of_a_later_version_are_ignored() -> None:
    value = encode(an_event()).replace(b"{", b'{"mood":"good",', 1)

    assert decode(value) == an_event()


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"{}", b'{"event_id": 7}', b"\xff\xfe"])
def test_damaged_bytes_are_an_event_error(value: bytes) -> None:
    with pytest.raises(EventError):
        decode(value)


def test_the_key_is_the_visitor() -> None:
    assert an_event().key() == b"0123456789abcdef"


def test_no_field_could_hold_an_address_or_a_user_agent() -> None:
    names = set(Event.__struct_fields__)

    assert not names & {"ip", "client_ip", "address", "user_agent"}
