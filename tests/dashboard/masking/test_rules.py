"""What masks hide, in every part of a record and at every depth, and what cannot start."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.cluster.decoded import decoded
from dashboard.config import MaskConfig
from dashboard.masking.reader import hash_secret
from dashboard.masking.rules import Masks
from footfall.settings import SettingsError
from tracker.kafka.answers import Record

PRIVATE = "ann@example.com"


def record(value: bytes | None, key: bytes | None = b"k", topic: str = "users") -> Record:
    headers = (("trace", b"t-1"), ("authorization", b"Bearer abc"))
    return Record(topic, 0, 5, 1, True, key, value, headers)


def masks(**config: Any) -> Masks:
    return Masks({"rule": MaskConfig(topics="users", **config)}, b"secret")


def seen(rule: Masks, body: Any) -> Any:
    value = rule.masked(record(json.dumps(body).encode())).value
    assert value is not None
    return json.loads(value)


@pytest.mark.parametrize(
    ("field", "body", "shown"),
    [
        ("email", {"email": PRIVATE, "id": 1}, {"email": "***", "id": 1}),
        ("user.email", {"user": {"email": PRIVATE}}, {"user": {"email": "***"}}),
        ("users.email", {"users": [{"email": PRIVATE}, 5]}, {"users": [{"email": "***"}, 5]}),
        ("user.*", {"user": {"a": 1, "b": [2]}}, {"user": {"a": "***", "b": "***"}}),
        ("**.email", {"a": [{"b": {"email": {"x": 1}}}]}, {"a": [{"b": {"email": "***"}}]}),
        ("**.email", {"email": 1}, {"email": "***"}),
        ("email", [{"email": 1}], [{"email": "***"}]),
        ("email", {"name": "ann"}, {"name": "ann"}),
    ],
)
def test_fields_are_hidden_wherever_their_path_leads(field: str, body: Any, shown: Any) -> None:
    assert seen(masks(fields=(field,)), body) == shown


def test_a_removed_field_is_gone() -> None:
    rule = masks(fields=("**.email",), action="remove")

    assert seen(rule, {"email": 1, "a": {"email": 2, "b": 3}}) == {"a": {"b": 3}}


def test_a_hash_is_the_same_for_the_same_value_and_other_with_another_secret() -> None:
    rule = masks(fields=("email",), action="hash")
    other = Masks({"r": MaskConfig(topics="users", fields=("email",), action="hash")}, b"other")

    first, again = (seen(rule, {"email": PRIVATE, "n": n})["email"] for n in (1, 2))

    assert first == again != seen(other, {"email": PRIVATE})["email"]
    assert first.startswith("#") and PRIVATE not in first


@pytest.mark.parametrize("value", [b"ann@example.com", b'"ann@example.com"', b"\xff\xfe", b"[1]"])
def test_where_fields_cannot_be_looked_for_the_whole_value_is_hidden(value: bytes) -> None:
    found = masks(fields=("email",)).masked(record(value))

    assert found.value == b"(masked: no JSON fields)"
    assert found.key == b"k"


def test_a_pattern_hides_what_it_finds_in_keys_values_and_headers() -> None:
    rule = masks(pattern=r"[a-z]+@[a-z.]+|Bearer \w+", replacement="<mail>")

    found = rule.masked(record(b"to ann@example.com", b"ann@example.com"))

    assert (found.key, found.value) == (b"<mail>", b"to <mail>")
    assert found.headers[1] == ("authorization", b"<mail>")
    assert rule.masked(record(b"\xff\xfe")).value == b"(masked: not text)"


@pytest.mark.parametrize(
    "value",
    [
        rb'{"mail":"ann\u0040example.com"}',
        rb' ["\u0061nn@example.com"]',
        b'{"mail":"ann@example.com"}'.replace(b"", b"\0")[1:],
        rb'{"a":"\ud83d\ude00\\ann\u0040example.com\ud83d"}',
    ],
)
def test_what_json_writes_in_another_way_does_not_slip_through_a_pattern(value: bytes) -> None:
    found = masks(pattern=r"[a-z]+@[a-z.]+").masked(record(value)).value

    assert found is not None
    assert b"example" not in found.replace(b"\0", b"") and b"0040" not in found


def test_a_number_with_an_exponent_does_not_slip_through_a_pattern() -> None:
    """Pages show 4.111111111111111e15 written out."""
    value = b'{"card": 4.111111111111111e15, "size": 1e3, "text": "4.111111111111111e15"}'

    found = decoded(masks(pattern="[0-9]{13,19}").masked(record(value)))

    assert found.value is not None and "4111111111111111" not in found.value
    assert "1000.0" in found.value


def test_why_a_value_could_not_be_opened_does_not_quote_what_is_hidden() -> None:
    note = (("(schema)", b"not Avro of schema 7 (UnicodeDecodeError: can't decode byte 0xe9)"),)

    found = masks(value=True).masked(replace(record(b"v"), headers=note))

    assert found.headers == (("(schema)", b"not Avro of schema 7"),)


def test_what_json_must_escape_is_still_json_after_a_pattern() -> None:
    body = {"said": 'a "b" \\ c\n', "mail": PRIVATE, "smile": "\U0001f600", "path": "a/b"}

    assert seen(masks(pattern=r"[a-z]+@[a-z.]+"), body) == body | {"mail": "***"}


def test_headers_keys_and_values_can_be_hidden_as_a_whole() -> None:
    found = masks(headers=("authorization",), key=True, value=True).masked(record(b"v"))
    gone = masks(headers=("authorization",), key=True, action="remove").masked(record(b"v"))

    assert (found.key, found.value, found.headers[1][1]) == (b"***", b"***", b"***")
    assert (gone.key, gone.value, len(gone.headers)) == (b"(removed)", b"v", 1)


def test_tombstones_stay_tombstones_and_other_topics_as_they_are() -> None:
    rule = masks(fields=("email",), value=True, key=True)

    assert rule.masked(record(None)).value is None
    assert rule.masked(record(b"x", topic="users-2")) == record(b"x", topic="users-2")
    assert rule.names("users") == ("rule",) and rule.names("users-2") == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("email"), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text() | st.just("email"), json_values))
def test_no_secret_is_left_at_any_depth(body: dict[str, Any]) -> None:
    def planted(item: Any) -> Any:
        if isinstance(item, dict):
            return {k: PRIVATE if k == "email" else planted(v) for k, v in item.items()}
        return [planted(one) for one in item] if isinstance(item, list) else item

    value = masks(fields=("**.email",)).masked(record(json.dumps(planted(body)).encode())).value

    assert value is not None and PRIVATE.encode() not in value


@pytest.mark.parametrize(
    "config",
    [
        {"topics": "", "key": True},
        {"topics": "users"},
        {"topics": "(", "key": True},
        {"topics": "users", "pattern": r"(?=x)"},
        {"topics": "users", "fields": ("a..b",)},
        {"topics": "users", "fields": ("a.**",)},
    ],
)
def test_a_rule_that_would_hide_nothing_stops_the_start(config: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"\[masks\.rule\]"):
        Masks({"rule": MaskConfig(**config)}, b"secret")


def test_the_secret_of_hashes_is_kept_and_only_ours(tmp_path: Path) -> None:
    path = tmp_path / "dashboard" / "masks.secret"

    first, again = hash_secret(path), hash_secret(path)

    assert first == again and len(first) == 32
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_secret_that_a_crash_cut_short_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "masks.secret"
    path.write_bytes(b"")

    assert len(hash_secret(path)) == 32 == len(path.read_bytes())


def test_text_that_is_no_json_keeps_its_backslashes() -> None:
    found = masks(pattern="ann@[a-z.]+").masked(record(b"C:\\new\\u0041 of ann@example.com"))

    assert found.value == b"C:\\new\\u0041 of ***"
