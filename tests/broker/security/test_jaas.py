"""Kafka's sasl.jaas.config: what Java's tokenizer makes of it, and nothing told of its values."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.security.jaas import PACKAGE, options_of

MODULE = "plain.PlainLoginModule"
BEGIN = f"{PACKAGE}{MODULE} required"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", {}),
        (' user_ann="pencil"', {"user_ann": "pencil"}),
        ("\n  a = 'b'  c=d.e-f_g$ // comment; x=y\n", {"a": "b", "c": "d.e-f_g$"}),
        (' a="b\\"c\\\\d\\n\\101" /* e="f" */', {"a": 'b"c\\d\nA'}),
        (' a="1" a="2"', {"a": "2"}),
        (' "a b"="c"', {"a b": "c"}),
    ],
)
def test_options_are_read_as_by_java(written: str, read: dict[str, str]) -> None:
    assert options_of(f"{BEGIN}{written};", MODULE) == read


@pytest.mark.parametrize("flag", ["required", "REQUISITE", "Sufficient", "optional"])
def test_the_flag_is_one_of_four(flag: str) -> None:
    assert options_of(f"{PACKAGE}{MODULE} {flag};", MODULE) == {}


@given(st.text(st.sampled_from("ab=;\"'\\ \n.-/*1")).map(lambda text: BEGIN + text))
@example(f"{BEGIN} a=")
@example(f"{BEGIN} = = ;")
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        options_of(text, MODULE)
    except ValueError:
        return
    assert ";" in text
