"""The metrics port of a role: scraped, and not held open by who says nothing."""

import socket
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge

from tracker.metrics import serve

HALF = b"GET /metrics HTTP/1.1\r\nX-Slow: "


@pytest.fixture
def port() -> Iterator[int]:
    registry = CollectorRegistry()
    Gauge("footfall_made", "Made for a test.", registry=registry).set(7)
    server = serve(registry, "127.0.0.1", 0, read_s=0.2)
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_metrics_are_served(port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert b"footfall_made 7.0" in answer.read()


@pytest.mark.parametrize("begun", [b"", HALF])
def test_a_client_that_does_not_finish_its_head_is_closed(port: int, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(begun)

        assert client.recv(1) == b""
