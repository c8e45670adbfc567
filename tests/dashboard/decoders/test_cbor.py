"""CBOR: examples of RFC 8949 (appendix A), and bytes that are none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decoders.cbor import NotCbor, decode


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("00", 0),
        ("1818", 24),
        ("1b000000e8d4a51000", 1_000_000_000_000),
        ("c249010000000000000000", 18446744073709551616),
        ("c349010000000000000000", -18446744073709551617),
        ("3903e7", -1000),
        ("f93e00", 1.5),
        ("fa47c35000", 100000.0),
        ("fbc010666666666666", -4.1),
        ("f4", False),
        ("f6", None),
        ("f7", "undefined"),
        ("f8ff", "simple(255)"),
        ("c074323031332d30332d32315432303a30343a30305a", "2013-03-21T20:04:00Z"),
        ("c11a514b67b0", 1363896240),
        ("d74401020304", {"tag 23": "h'01020304'"}),
        ("4401020304", "h'01020304'"),
        ("62c3bc", "ü"),
        ("8301820203820405", [1, [2, 3], [4, 5]]),
        ("a201020304", {"1": 2, "3": 4}),
        ("5f42010243030405ff", "h'0102030405'"),
        ("7f657374726561646d696e67ff", "streaming"),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
        ("d9d9f7a10102", {"1": 2}),
    ],
)
def test_examples_of_the_standard(raw: str, told: Any) -> None:
    assert decode(bytes.fromhex(raw)) == told


@pytest.mark.parametrize(
    "raw",
    [
        *("", "ff", "81", "8101ff", "82ff01", "a101", "a1ff", "a101ff", "1c", "1f", "5f6161ff"),
        *("61ff", "f818", "fc", "c2", "d7ff", "0000", "5b7fffffffffffffff", "9b7fffffffffffffff"),
        *("81" * 70 + "00", "c25904" + "01" + "00" * 1025),
    ],
)
def test_what_is_none_is_refused(raw: str) -> None:
    with pytest.raises(NotCbor):
        decode(bytes.fromhex(raw))


@given(st.binary(max_size=200))
def test_any_bytes_are_told_as_json_or_refused(raw: bytes) -> None:
    try:
        found = decode(raw)
    except NotCbor:
        return

    assert json.loads(json.dumps(found, allow_nan=False)) == found
