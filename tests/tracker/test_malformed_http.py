"""What is no HTTP is counted in the log, without its bytes and without anybody's address."""

import logging

import pytest
from aiohttp.http_exceptions import BadStatusLine, LineTooLong

from tracker.malformed_http import SILENT_S, MalformedRequests


@pytest.fixture
def now_s() -> list[float]:
    return [100.0]


@pytest.fixture
def server(now_s: list[float]) -> logging.Logger:
    made = logging.getLogger("tests.aiohttp.server")
    for old in list(made.filters):
        made.removeFilter(old)
    made.addFilter(MalformedRequests(lambda: now_s[0]))
    return made


def refuse(server: logging.Logger, error: Exception) -> None:
    """As aiohttp tells of it."""
    server.error("Error handling request from %s", "203.0.113.9", exc_info=error)


def test_many_are_one_line_without_address_and_traceback(
    server: logging.Logger, now_s: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for _ in range(50):
        refuse(server, BadStatusLine("GET secret"))
    now_s[0] += SILENT_S
    refuse(server, LineTooLong(b"secret", 8190))

    first, second = caplog.records
    assert first.getMessage() == "requests refused that are no HTTP count=1 last=BadStatusLine"
    assert second.getMessage() == "requests refused that are no HTTP count=50 last=LineTooLong"
    assert {first.levelname, second.levelname} == {"INFO"}
    assert "203.0.113.9" not in caplog.text and "secret" not in caplog.text


def test_our_own_errors_are_told_as_ever(
    server: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(server, ValueError("a mistake of ours"))

    (record,) = caplog.records
    assert (record.levelname, record.exc_info is not None) == ("ERROR", True)
