"""Messages of agents: which era they are of, and what is wrong with those that are odd."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.mcp.envelope import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    META,
    UNSUPPORTED_VERSION,
    Call,
    Fault,
    agreed,
    answered,
    read,
    unwrapped,
)

NEWEST = "2026-07-28"
ENVELOPE = {META + "protocolVersion": NEWEST, META + "clientCapabilities": {}}


def body(method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def headers(method: str, **more: str) -> dict[str, str]:
    return {"MCP-Protocol-Version": NEWEST, "Mcp-Method": method, **more}


def test_a_message_with_an_envelope_stands_for_itself() -> None:
    call = read(body("tools/list", _meta=ENVELOPE), headers("tools/list"))

    assert call is not None and call.standalone
    assert answered(call, {}, {"name": "x"})["result"]["resultType"] == "complete"


@pytest.mark.parametrize("version", [{}, {"MCP-Protocol-Version": "2025-06-18"}])
def test_a_message_without_one_is_of_the_handshake_era(version: dict[str, str]) -> None:
    call = read(body("tools/list"), version)

    assert call is not None and not call.standalone
    assert answered(call, {"tools": []}, {})["result"] == {"tools": []}


@pytest.mark.parametrize(
    ("sent", "params", "code"),
    [
        ({"Mcp-Method": "ping"}, {"_meta": ENVELOPE}, HEADER_MISMATCH),
        ({"Mcp-Name": "other"}, {"_meta": ENVELOPE, "name": "health"}, HEADER_MISMATCH),
        ({"MCP-Protocol-Version": "2025-11-25"}, {"_meta": ENVELOPE}, HEADER_MISMATCH),
        ({}, {}, INVALID_PARAMS),
        ({}, {"_meta": {META + "protocolVersion": NEWEST}}, INVALID_PARAMS),
        ({"MCP-Protocol-Version": "2031-01-01"}, {}, UNSUPPORTED_VERSION),
        (
            {"MCP-Protocol-Version": "2031-01-01", "Mcp-Name": "health"},
            {"_meta": {**ENVELOPE, META + "protocolVersion": "2031-01-01"}, "name": "health"},
            UNSUPPORTED_VERSION,
        ),
    ],
)
def test_headers_and_body_must_say_the_same(
    sent: dict[str, str], params: dict[str, Any], code: int
) -> None:
    with pytest.raises(Fault) as caught:
        read(body("tools/call", **params), headers("tools/call") | sent)

    assert (caught.value.code, caught.value.status, caught.value.id) == (code, 400, 1)


def test_names_beyond_ascii_travel_wrapped() -> None:
    packed = base64.b64encode("gr\u00fcn".encode()).decode()
    wrapped = f"=?base64?{packed}?="

    assert unwrapped(wrapped) == "gr\u00fcn"
    assert unwrapped("=?base64?%%?=") is None
    assert unwrapped("plain") == "plain"


@pytest.mark.parametrize(
    ("asked", "version"),
    [("2025-06-18", "2025-06-18"), ("2024-11-05", "2025-11-25"), (None, "2025-11-25")],
)
def test_a_handshake_ends_with_the_version_asked_for_or_the_newest(
    asked: object, version: str
) -> None:
    assert agreed(asked) == version


@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["jsonrpc", "id", "method", "params", "_meta"]), inner
                )
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_any_bytes_are_a_call_a_notification_or_a_fault(data: bytes) -> None:
    try:
        found = read(data, {})
    except Fault as fault:
        assert json.loads(json.dumps(fault.body()))["error"]["message"]
    else:
        assert found is None or isinstance(found, Call)
