"""The Combined Log Format, line by line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.importer.combined_log import Malformed, classify, parse

LINE = (
    '83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a/b?c=d HTTP/1.1" 200 203023'
    ' "http://example.com/start" "Mozilla/5.0 (X11)"'
)


def test_a_line_is_taken_apart() -> None:
    request = parse(LINE)

    assert request.address == "83.149.9.216"
    assert request.occurred_at_ms == 1_431_857_103_000
    assert (request.method, request.target, request.status) == ("GET", "/a/b?c=d", 200)
    assert (request.size_bytes, request.referrer) == (203_023, "http://example.com/start")
    assert request.user_agent == "Mozilla/5.0 (X11)"


def test_a_zone_is_counted_in() -> None:
    east = parse(LINE.replace("+0000", "+0530")).occurred_at_ms

    assert parse(LINE).occurred_at_ms - east == (5 * 60 + 30) * 60_000


def test_dashes_are_nothing() -> None:
    request = parse(LINE.replace("203023", "-").replace('"http://example.com/start"', '"-"'))

    assert (request.size_bytes, request.referrer) == (0, None)


def test_a_quote_inside_a_field_does_not_end_it() -> None:
    assert parse(LINE.replace("(X11)", '(\\"X11\\")')).user_agent == 'Mozilla/5.0 ("X11")'


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        LINE[:-1],
        LINE.replace("May", "Mai"),
        LINE.replace("17/May", "31/Feb"),
        LINE.replace("GET /a/b?c=d HTTP/1.1", "\\x16\\x03\\x01"),
        LINE.replace(" 200 ", " OK "),
    ],
)
def test_what_is_not_in_the_format_is_malformed(line: str) -> None:
    with pytest.raises(Malformed):
        parse(line)


@given(st.integers(0, len(LINE)), st.integers(0, 30), st.text(max_size=30))
def test_what_is_read_of_a_damaged_line_stands_in_it(at: int, cut: int, put: str) -> None:
    line = LINE[:at] + put + LINE[at + cut :]

    try:
        request = parse(line)
    except Malformed:
        return

    assert line.startswith(f"{request.address} ")
    assert f'"{request.method} {request.target} ' in line
    assert 0 <= request.status <= 999
    assert request.size_bytes >= 0


@pytest.mark.parametrize(
    ("request_line", "status", "name"),
    [
        ("GET / HTTP/1.1", 200, "pageview"),
        ("GET /blog/a.b/ HTTP/1.1", 200, "pageview"),
        ("GET /page.html HTTP/1.1", 304, "pageview"),
        ("GET /index.php?x=1.css HTTP/1.1", 200, "pageview"),
        ("GET /style.CSS?v=2 HTTP/1.1", 200, "asset"),
        ("GET /favicon.ico HTTP/1.0", 304, "asset"),
        ("GET /robots.txt HTTP/1.1", 200, "asset"),
        ("GET /gone.css HTTP/1.1", 404, "404"),
        ("GET /moved HTTP/1.1", 301, "request"),
        ("POST /form HTTP/1.1", 200, "request"),
        ("HEAD / HTTP/1.1", 200, "request"),
        ("GET /broken HTTP/1.1", 500, "request"),
    ],
)
def test_a_request_is_classified(request_line: str, status: int, name: str) -> None:
    line = LINE.replace("GET /a/b?c=d HTTP/1.1", request_line).replace(" 200 ", f" {status} ")

    assert classify(parse(line)) == name
