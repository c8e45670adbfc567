"""The native wire format: spellings, bounds, refusals."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.ingest.adapters.plausible import parse, parse_server
from tracker.ingest.hit import Batch, Hit
from tracker.ingest.outcome import Reason, Refused

PAGE: dict[str, Any] = {"n": "pageview", "u": "https://example.com/", "d": "example.com"}


def parsed(**fields: Any) -> Hit:
    return parse(json.dumps({**PAGE, **fields}).encode(), events_max=50).hits[0]


def refusal_of(body: bytes) -> Refused:
    with pytest.raises(Refused) as refusal:
        parse(body, events_max=50)
    return refusal.value


def test_long_names_and_aliases_say_the_same() -> None:
    short = {**PAGE, "r": "https://a.example/", "p": {"x": 1}, "i": False, "h": 1, "sd": 40, "e": 9}
    long = {
        "name": "pageview",
        "url": "https://example.com/",
        "site": "example.com",
        "referrer": "https://a.example/",
        "props": {"x": 1},
        "interactive": False,
        "hashMode": True,
        "scroll_depth": 40,
        "engagement_time_ms": 9,
    }

    one = parse(json.dumps(short).encode(), events_max=1).hits[0]
    other = parse(json.dumps(long).encode(), events_max=1).hits[0]

    assert one == other


def test_what_plausibles_own_script_sends_is_understood() -> None:
    body = (
        b'{"n":"Purchase","v":37,"u":"https://example.com/shop","d":"example.com","r":null,'
        b'"p":{"plan":"pro"},"$":{"currency":"EUR","amount":29.9},"i":true}'
    )

    hit = parse(body, events_max=50).hits[0]

    assert (hit.name, hit.props) == ("Purchase", {"plan": "pro"})
    assert (hit.revenue_currency, hit.revenue_amount) == ("EUR", "29.9")


def test_props_as_text_are_an_object() -> None:
    assert parsed(m='{"author":"ann"}').props == {"author": "ann"}


def test_arrays_and_objects_in_props_are_left_out_and_counted() -> None:
    body = json.dumps({**PAGE, "p": {"a": [1], "b": {}, "c": None, "d": 4.5}}).encode()

    batch = parse(body, events_max=1)

    assert batch.hits[0].props == {"d": 4.5}
    assert batch.props_dropped == 3


@pytest.mark.parametrize("missing", ["n", "u", "d"])
def test_what_must_be_there_is_asked_for_by_name(missing: str) -> None:
    body = json.dumps({key: value for key, value in PAGE.items() if key != missing}).encode()

    refusal = refusal_of(body)

    assert refusal.reason is Reason.SCHEMA_VIOLATION
    assert {"n": "name", "u": "url", "d": "site"}[missing] in str(refusal)


@pytest.mark.parametrize(
    "fields",
    [
        {"n": "x" * 121},
        {"u": "https://example.com/" + "x" * 2_000},
        {"p": {f"k{i}": 1 for i in range(31)}},
        {"p": {"k" * 301: 1}},
        {"p": {"k": "v" * 2_001}},
        {"p": "not json"},
        {"$": {"currency": "EURO", "amount": 1}},
        {"$": {"currency": "EUR", "amount": "much"}},
        {"$": {"currency": "EUR", "amount": "1e999999"}},
        {"$": {"currency": "EUR", "amount": "NaN"}},
        {"n": 7},
        {"metrics": {f"m{i}": 1 for i in range(31)}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_is_out_of_bounds_is_refused(fields: dict[str, Any]) -> None:
    assert refusal_of(json.dumps({**PAGE, **fields}).encode()).reason is Reason.SCHEMA_VIOLATION


def test_bounds_are_inclusive() -> None:
    url = "https://example.com/" + "x" * (2_000 - len("https://example.com/"))

    hit = parsed(n="x" * 120, u=url, p={"k" * 300: "v" * 2_000})

    assert len(hit.url) == 2_000


def test_a_long_title_is_cut_and_the_event_kept() -> None:
    assert len(parsed(title="t" * 600).title or "") == 500


@pytest.mark.parametrize(("sent", "kept"), [(64.4, 64), (101, None), (-1, None)])
def test_a_scroll_depth_is_a_percentage(sent: float, kept: int | None) -> None:
    assert parsed(sd=sent).scroll_depth == kept


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[" * 5_000, b"\xff", b'"x"', b"\x00"])
def test_garbage_is_refused(body: bytes) -> None:
    assert refusal_of(body).reason in (Reason.FORMAT_VIOLATION, Reason.SCHEMA_VIOLATION)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_body_does_anything_but_parse_or_refuse(body: bytes) -> None:
    try:
        batch = parse_server(body, events_max=5)
    except Refused:
        return

    assert isinstance(batch, Batch)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
names = st.sampled_from(sorted([*"nudrpmievh$", "sd", "props", "ts", "events", "vitals", "seq"]))


@given(st.dictionaries(names, json_values))
def test_no_json_object_does_anything_but_parse_or_refuse(fields: dict[str, Any]) -> None:
    try:
        batch = parse(json.dumps({**PAGE, **fields}).encode(), events_max=5)
    except Refused:
        return

    assert len(batch.hits) + len(batch.rejected) >= 1


def test_an_envelope_brings_many_and_a_bad_one_does_not_hurt_the_others() -> None:
    body = json.dumps({"v": 1, "sent_at": 77, "events": [PAGE, {"n": "x"}, PAGE]}).encode()

    batch = parse(body, events_max=50)

    assert batch.indexes == [0, 2]
    assert [one.index for one in batch.rejected] == [1]
    assert batch.sent_at_ms == 77


def test_too_many_events_are_refused_as_a_whole() -> None:
    body = json.dumps({"events": [PAGE] * 51}).encode()

    assert refusal_of(body).reason is Reason.SIZE_VIOLATION


def test_one_event_may_not_be_larger_than_16_kib() -> None:
    body = json.dumps({**PAGE, "x": "y" * 16_384}).encode()

    assert refusal_of(body).reason is Reason.SIZE_VIOLATION


def test_an_array_and_lines_are_batches_for_servers() -> None:
    array = json.dumps([PAGE, PAGE]).encode()
    lines = b"\n".join([json.dumps(PAGE).encode()] * 3) + b"\n"

    assert len(parse_server(array, events_max=9).hits) == 2
    assert len(parse_server(lines, events_max=9).hits) == 3
    assert len(parse_server(json.dumps(PAGE).encode(), events_max=9).hits) == 1
