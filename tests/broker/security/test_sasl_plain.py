import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.security.sasl import Identity, SaslRefused, Step
from broker.security.sasl_plain import PlainExchange, PlainUsers, users_of


@pytest.fixture
def exchange() -> PlainExchange:
    return PlainExchange(PlainUsers([("alice", "wonder land"), ("bob", "b:b")]))


@pytest.mark.parametrize("token", [b"\0alice\0wonder land", b"alice\0alice\0wonder land"])
def test_the_right_password_is_the_whole_log_in(exchange: PlainExchange, token: bytes) -> None:
    assert exchange.respond(token) == Step(b"", Identity("alice"))


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (b"\0alice\0wrong", "Invalid username or password"),
        (b"\0carol\0wonder land", "Invalid username or password"),
        (b"\0alice\0", "password not specified"),
        (b"\0\0wonder land", "username not specified"),
        (b"bob\0alice\0wonder land", "different from username"),
        (b"alice", "expected 3 tokens, got 1"),
        (b"\0a\0b\0c", "expected 3 tokens, got 4"),
        (b"\0alice\0\xff", "UTF-8"),
        (b"", "expected 3 tokens"),
    ],
)
def test_anything_else_is_refused_without_naming_the_password(
    exchange: PlainExchange, token: bytes, message: str
) -> None:
    with pytest.raises(SaslRefused, match=message) as refused:
        exchange.respond(token)

    assert "wonder" not in str(refused.value)


def test_passwords_are_not_kept() -> None:
    users = PlainUsers([("alice", "wonder land")])

    kept = repr(vars(users)) + str(users)

    assert "wonder" not in kept


def test_a_file_of_users_is_lines_with_comments() -> None:
    text = "# who may\n\nalice:wonder land\nbob:b:b\n"

    assert users_of(text) == [("alice", "wonder land"), ("bob", "b:b")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alice", "line 1 is not"),
        ("a:b\n:x", "line 2 is not"),
        ("a:", "line 1 is not"),
        ("a:b\na:c", "line 2 names user 'a' a second time"),
    ],
)
def test_a_line_that_is_no_user_is_named_and_not_shown(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        users_of(text)


@given(st.binary())
def test_random_tokens_are_refused(token: bytes) -> None:
    with pytest.raises(SaslRefused):
        PlainExchange(PlainUsers([])).respond(token)
