"""Numbers as people read them."""

import pytest

from dashboard import text


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.45, "450 ms"),
        (9.94, "9.9 s"),
        (59.6, "1 min"),
        (192, "3 min 12 s"),
        (7_200, "2 h"),
        (187_300, "2 d 4 h"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


def test_what_is_not_known_is_a_dash() -> None:
    unknown = {f(None) for f in (text.duration, text.count, text.rate, text.size, text.percent)}

    assert unknown == {"\u2013"}


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0, "0 %"), (0.0004, "<0.1 %"), (0.003, "0.3 %"), (0.04, "4.0 %"), (0.42, "42 %")],
)
def test_a_share_that_is_there_is_never_called_nothing(share: float, shown: str) -> None:
    assert text.percent(share) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.06, "+6 %"), (-0.25, "\u221225 %"), (0.001, "0 %"), (8.5, "+850 %"), (11.2, "\u00d712")],
)
def test_a_change_in_a_column_has_its_sign(share: float, shown: str) -> None:
    assert text.signed(share) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(999, "999 B"), (1_250_000, "1.2 MB"), (10**15, "1000.0 TB")]
)
def test_sizes(number: int, shown: str) -> None:
    assert text.size(number) == shown


def test_moments_say_that_they_are_utc() -> None:
    assert text.moment(1_432_080_000_000) == "2015-05-20 00:00:00 UTC"


def test_a_stamp_has_milliseconds_and_no_zone_its_column_says_that() -> None:
    assert text.stamp(1_432_080_000_042) == "2015-05-20 00:00:00.042"
    assert text.second(1_432_080_000_042) == "2015-05-20 00:00:00"


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.061, "6 % more"), (-0.25, "25 % less"), (0.001, "not more"), (11.0, "12 times as much")],
)
def test_a_change_is_said_in_words(share: float, shown: str) -> None:
    assert text.change(share) == shown


def test_a_long_name_loses_its_middle() -> None:
    assert text.short("x" * 64) == "x" * 64
    assert text.short("a" * 100 + "b" * 140) == "a" * 40 + "…" + "b" * 20


def test_a_value_on_one_line_has_no_line_breaks_and_an_end() -> None:
    assert text.oneline('{\n "a": 1\n}') == '{ "a": 1 }'
    assert len(text.oneline("y" * 900)) == 300


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("Failed to get metadata: Local: Broker transport failure", "no connection to it"),
        ("NodeNotReadyError: NodeNotReadyError: No node_id provided.", "no connection to it"),
        ("Local: Timed out", "no answer in time"),
        ("RequestTimedOutError: Request timed out after 4999 ms", "no answer in time"),
        ("SASL authentication error: wrong password", "SASL authentication error: wrong password"),
    ],
)
def test_why_a_cluster_is_away_is_said_in_words(error: str, said: str) -> None:
    assert text.reason(error) == said


def test_a_number_stays_with_its_unit() -> None:
    said = text.glued("9 s of 5 min 2 s, 8 % and 3 sheep; 12 GB")

    assert said.split(" ") == [
        "9\xa0s",
        "of",
        "5\xa0min",
        "2\xa0s,",
        "8\xa0%",
        "and",
        "3",
        "sheep;",
        "12\xa0GB",
    ]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("retention.ms", "604800000", "7 d"),
        ("retention.ms", "-1", "no limit"),
        ("flush.ms", "9223372036854775807", "no limit"),
        ("flush.messages", "9223372036854775807", "no limit"),
        ("linger.ms", "500", ""),
        ("local.retention.bytes", "-2", "as retention.bytes"),
        ("segment.bytes", "1073741824", "1 GiB"),
        ("max.message.bytes", "1048588", "1.0 MB"),
        ("cleanup.policy", "delete", ""),
        ("retention.ms", "soon", ""),
        ("compression.gzip.level", "-1", ""),
    ],
)
def test_a_setting_in_milliseconds_or_bytes_is_said_in_words(
    key: str, value: str, said: str
) -> None:
    assert text.setting(value, key) == said


def test_a_beginning_has_its_date_once_it_is_a_day_ago() -> None:
    at_ms = 1_432_123_456_000

    assert text.since(at_ms, at_ms + 3_600_000) == "since 12:04 UTC"
    assert text.since(at_ms, at_ms + 86_400_000) == "since 2015-05-20 12:04 UTC"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/pricing", "/pricing"),
        ("/caf%C3%A9/%E6%97%A5", "/café/日"),
        ("/50%", "/50%"),
        ("/%FF", "/%FF"),
        ("/%2541", "/%2541"),
        ("/%E2%80%AEgnp", "/%E2%80%AEgnp"),  # a right-to-left override
        ("/a%00b%0A", "/a%00b%0A"),
    ],
)
def test_a_path_is_read_as_it_was_written_where_nothing_hides_in_it(path: str, shown: str) -> None:
    assert text.readable(path) == shown
