"""Topic `events` is open to any Kafka client: whatever stands in it, every role goes on."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.made_events import DAY_MS, MIDNIGHT_MS, YEAR_10000_MS, made_event
from tests.support.memory_topic import MemoryTopic
from tests.support.sinks import KINDS, Instance
from tracker import rollups
from tracker.events import encode
from tracker.reports.live import live
from tracker.reports.picked import Asked
from tracker.reports.segment import Segment
from tracker.rollups import MINUTE_MS
from tracker.topics import TopicPartition

EVERY_SINK = pytest.mark.parametrize("name", KINDS)
WHERE = TopicPartition("events", 0)
GOOD = json.loads(encode(made_event(1)))
BUY: dict[str, Any] = {"event_name": "Buy", "revenue_currency": "EUR"}

texts = st.text(max_size=20) | st.sampled_from(
    ["", "\x00", "NaN", "1e999999", "pageview", "/", "😀"]
)
numbers = st.integers(-(2**64), 2**64) | st.sampled_from([2**63 - 1, -(2**63), YEAR_10000_MS - 1])
scalars = texts | numbers | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
values = st.none() | scalars | st.dictionaries(texts, scalars, max_size=3) | st.lists(scalars)
FIELDS = (*made_event(1).__struct_fields__, "unknown")


def topic_of(*values: bytes, name: str = "events") -> MemoryTopic:
    topic = MemoryTopic(name, 1)
    for value in values:
        topic.append(0, value)
    return topic


def raw(number: int, **fields: object) -> bytes:
    return json.dumps({**GOOD, "event_id": f"hostile-{number}", **fields}).encode()


@EVERY_SINK
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), values, max_size=4), max_size=8))
def test_events_of_any_fields_are_stored_or_buried(name: str, found: list[dict[str, Any]]) -> None:
    """None of them ends a role, and the next event of a visitor is stored."""
    made = [raw(number, **fields) for number, fields in enumerate(found)]
    topic = topic_of(*made, raw(len(made), event_id="a good one"))
    with TemporaryDirectory() as directory:
        instance = Instance.started(KINDS[name], Path(directory) / "sink.db", topic)

        instance.turn(times=2)

        assert topic.committed == {WHERE: len(made) + 1}
        assert KINDS[name].events_in(Path(directory) / "sink.db") >= 1
        instance.sink.close()


@EVERY_SINK
@pytest.mark.parametrize(
    ("amount", "currency"),
    [("abc", "EUR"), ("NaN", "EUR"), ("1e999999", "eu"), ("", "EUR"), ("5", "€€€"), ("5", "")],
)
def test_an_event_is_kept_without_an_amount_that_is_none(
    name: str, tmp_path: Path, amount: str, currency: str
) -> None:
    sold = raw(1, event_name="Buy", revenue_amount=amount, revenue_currency=currency)
    topic = topic_of(sold, raw(2))
    instance = Instance.started(KINDS[name], tmp_path / "sink.db", topic)

    instance.turn(times=2)

    assert KINDS[name].events_in(tmp_path / "sink.db") == 2
    assert instance.metric("footfall_export_amounts_dropped_total") == 1
    assert instance.bin.poison == []
    instance.sink.close()


def test_amounts_whose_sum_is_beyond_64_bits_are_told_as_well_as_can_be(tmp_path: Path) -> None:
    topic = topic_of(*(raw(one, revenue_amount="1000000000", **BUY) for one in range(10_000)))
    instance = Instance.started(KINDS["rollups"], tmp_path / "rollups.db", topic)

    instance.turn(size=10_000, times=2)

    database = rollups.open_for_reading(tmp_path / "rollups.db")
    (micros,) = database.execute("SELECT sum(micros) FROM revenue_hours").fetchone()
    database.close()
    assert micros == pytest.approx(1e19)
    instance.sink.close()


def test_who_comes_from_the_year_9999_is_not_live(tmp_path: Path) -> None:
    topic = topic_of(raw(1, occurred_at=YEAR_10000_MS - 1), raw(2, occurred_at=MIDNIGHT_MS))
    instance = Instance.started(KINDS["rollups"], tmp_path / "rollups.db", topic)

    instance.turn(times=2)

    database = rollups.open_for_reading(tmp_path / "rollups.db")
    assert live(database, "example.com", MIDNIGHT_MS + MINUTE_MS) == 1
    assert live(database, "example.com", MIDNIGHT_MS + DAY_MS) == 0
    database.close()
    instance.sink.close()


def test_times_in_view_beyond_64_bits_are_read(tmp_path: Path) -> None:
    told = {"event_name": "engagement", "page_view_id": "a", "engagement_ms": 2**63 - 1}
    topic = topic_of(raw(1, page_view_id="a"), raw(2, **told), raw(3, **told))
    instance = Instance.started(KINDS["sqlite"], tmp_path / "warehouse.db", topic)

    instance.turn(times=2)

    instance.sink.close()
    asked = Asked("example.com", MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)
    segment = Segment(tmp_path / "warehouse.db", asked)
    assert [row.page for row in segment.reading(10)] == ["/"]
    segment.close()
