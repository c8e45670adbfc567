"""Bounds on what a request may be, and who is believed about its address."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from tracker.ingest.outcome import Reason, Refused
from tracker.ingest.request import (
    BROWSER_TYPES,
    Visitors,
    gunzip,
    plain_address,
    read_body,
)

PACKED = gzip.compress(b"x" * 100, mtime=0)  # the same bytes in every test process


def visit_address(trusted: tuple[str, ...], peer: str, **headers: str) -> str:
    request = make_mocked_request(
        "POST", "/api/event", headers={name.replace("_", "-"): v for name, v in headers.items()}
    ).clone(remote=peer)
    return Visitors(trusted, "CF-IPCountry").visit(request, 0).client_ip


@given(st.binary(max_size=2_000))
def test_what_was_packed_comes_back(body: bytes) -> None:
    assert gunzip(gzip.compress(body), 2_000) == body


async def read(request: web.Request) -> web.Response:
    try:
        body = await read_body(request, 1_000, BROWSER_TYPES)
    except Refused as refusal:
        return web.Response(status=413, text=refusal.reason)
    return web.Response(body=body)


async def asked(body: bytes | AsyncIterator[bytes]) -> tuple[int, str]:
    app = web.Application()
    app.router.add_post("/", read)
    async with TestClient(TestServer(app)) as client:
        answer = await client.post("/", data=body, headers={"Content-Type": "text/plain"})
        return answer.status, await answer.text()


async def in_parts(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
        await asyncio.sleep(0)


async def test_a_body_at_the_bound_is_read_and_a_larger_one_is_not() -> None:
    assert await asked(b"x" * 1_000) == (200, "x" * 1_000)
    assert await asked(in_parts(b"x" * 600, b"y" * 400)) == (200, "x" * 600 + "y" * 400)
    assert await asked(b"x" * 1_001) == (413, Reason.SIZE_VIOLATION)
    assert await asked(in_parts(b"x" * 600, b"y" * 401)) == (413, Reason.SIZE_VIOLATION)


def test_an_unpacked_body_at_the_bound_is_read() -> None:
    assert gunzip(gzip.compress(b"x" * 1_000), 1_000) == b"x" * 1_000


@pytest.mark.parametrize(("sent", "told"), [({}, False), ({"Sec-GPC": "1"}, True)])
def test_who_asks_not_to_be_tracked_is_heard(sent: dict[str, str], told: bool) -> None:
    request = make_mocked_request("POST", "/api/event", headers=sent)

    assert Visitors((), "").visit(request, 0).gpc is told


def test_a_bomb_is_refused_without_unpacking_it() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)

    with pytest.raises(Refused) as refusal:
        gunzip(bomb, 1_000)

    assert refusal.value.reason is Reason.SIZE_VIOLATION


@pytest.mark.parametrize("body", [b"", b"plain", PACKED[:-3], b"\x1f\x8b"])
def test_a_broken_gzip_body_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        gunzip(body, 1_000)

    assert refusal.value.reason is Reason.FORMAT_VIOLATION


def test_a_tail_after_the_gzip_body_is_refused() -> None:
    with pytest.raises(Refused):
        gunzip(gzip.compress(b"x") + b"y", 1_000)


def test_a_stranger_is_not_believed_about_its_address() -> None:
    assert visit_address((), "203.0.113.9", X_Forwarded_For="198.51.100.1") == "203.0.113.9"


def test_a_trusted_proxy_is_believed() -> None:
    address = visit_address(("10.0.0.0/8",), "10.1.2.3", X_Forwarded_For="198.51.100.1")

    assert address == "198.51.100.1"


def test_only_what_trusted_proxies_added_is_believed() -> None:
    forged = "8.8.8.8, 198.51.100.1, 10.9.9.9"

    assert visit_address(("10.0.0.0/8",), "10.1.2.3", X_Forwarded_For=forged) == "198.51.100.1"


@pytest.mark.parametrize(
    ("hop", "address"),
    [
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("nonsense", "10.1.2.3"),
        ("", "10.1.2.3"),
    ],
)
def test_every_spelling_of_a_hop_is_understood(hop: str, address: str) -> None:
    assert visit_address(("10.0.0.0/8",), "10.1.2.3", X_Forwarded_For=hop) == address


@pytest.mark.parametrize(
    ("given_address", "plain"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::1"), ("192.0.2.1", "192.0.2.1")],
)
def test_an_address_has_one_spelling(given_address: str, plain: str) -> None:
    assert plain_address(given_address) == plain


def test_a_proxy_that_is_no_network_is_an_error() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Visitors(("nonsense",), "")
