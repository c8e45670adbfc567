"""Values of topic `metrics`: each counted once, however often the role dies, and bounded."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.made_events import DAY_MS, MIDNIGHT_MS, made_event
from tests.support.memory_topic import MemoryTopic
from tests.support.sinks import KINDS, Instance, finish, rollup_tables
from tracker.events import Event, encode
from tracker.sinks.exporter import Arrived
from tracker.stream.measured import NAMES_MAX, PAGES_MAX
from tracker.topics import TopicPartition

WHERE = TopicPartition("metrics", 0)
ROLLUPS = KINDS["rollups"]
Tables = dict[str, list[tuple[Any, ...]]]


def value(number: int, metric_value: float, name: str = "lcp", **fields: Any) -> Event:
    return made_event(
        event_name="web-vitals",
        event_id=f"{number}-{name}",
        metric_name=name,
        metric_value=metric_value,
        **fields,
    )


def counted(path: Path, found: list[Event], cuts: list[int]) -> Tables:
    """The tables after one transaction, and one opening of the file, a cut."""
    for begin, end in pairwise([0, *cuts, len(found)]):
        sink = ROLLUPS.make(path)
        sink.open()
        sink.positions([WHERE])
        sink.write([Arrived(WHERE, offset, found[offset]) for offset in range(begin, end)], {})
        sink.flush()
        sink.close()
    return rollup_tables(path)


def topic_of(found: list[Event]) -> MemoryTopic:
    topic = MemoryTopic("metrics", 1)
    for event in found:
        topic.append(0, encode(event))
    return topic


measured = st.lists(
    st.builds(
        lambda number, amount, name, at_ms, fields: value(
            number, amount, name, occurred_at=MIDNIGHT_MS + at_ms, **fields
        ),
        st.integers(0, 30),  # a number twice: a repeat
        st.floats(0, 6_000),
        st.sampled_from(["lcp", "cls", "checkout_ms"]),
        st.integers(0, 2 * DAY_MS),
        st.fixed_dictionaries(
            {"pathname": st.sampled_from(["/", "/p", None]), "is_bot": st.booleans()}
        ),
    ),
    max_size=12,
)


@given(measured, st.lists(st.integers(0, 12), max_size=3))
def test_cuts_and_restarts_change_no_table(found: list[Event], cuts: list[int]) -> None:
    with TemporaryDirectory() as directory:
        home = Path(directory)

        in_one = counted(home / "one.db", found, [])
        in_many = counted(home / "many.db", found, sorted(min(cut, len(found)) for cut in cuts))

    assert in_many == in_one


def test_a_role_that_dies_before_its_commit_counts_nothing_twice(tmp_path: Path) -> None:
    topic = topic_of([value(number, 100.0 * number) for number in range(9)])
    topic.commits_fail = True
    for _ in range(3):
        dying = Instance.started(ROLLUPS, tmp_path / "rollups.db", topic)
        dying.turn(size=2, times=2)
        dying.sink.close()
    topic.commits_fail = False

    finish(ROLLUPS, tmp_path / "rollups.db", topic)

    tables: Tables = rollup_tables(tmp_path / "rollups.db")
    assert sum(row[-1] for row in tables["metric_hours"]) == 9
    assert sum(row[-1] for row in tables["metric_days"]) == 9
    assert tables["hits"] == []
    assert topic.committed == {WHERE: 9}


def test_an_event_that_measures_nothing_is_buried(tmp_path: Path) -> None:
    topic = topic_of([made_event(1), value(2, 5.0), value(3, 5.0, name="")])
    instance = Instance.started(ROLLUPS, tmp_path / "rollups.db", topic)

    instance.turn(times=2)
    instance.sink.close()

    assert [one.record.offset for one in instance.bin.poison] == [0, 2]
    assert topic.committed == {WHERE: 3}


def test_names_and_pages_beyond_the_bound_are_counted_together(tmp_path: Path) -> None:
    names = [value(number, 1.0, name=f"own-{number}") for number in range(NAMES_MAX + 5)]
    pages = [value(number, 1.0, pathname=f"/{number}") for number in range(PAGES_MAX + 7)]

    tables = counted(tmp_path / "rollups.db", [*names, *pages, names[0]], [40, 100, 150])

    assert len(tables["metric_names"]) == NAMES_MAX + 2  # (other), lcp
    other_names = [row for row in tables["metric_hours"] if row[1] == "(other)"]
    assert [row[-1] for row in other_names] == [5]
    other_pages = [row for row in tables["metric_days"] if row[3] == "(other)"]
    assert [row[-1] for row in other_pages] == [7]


def test_days_beyond_the_bound_are_counted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of days is memory: it begins anew, and is read again from the tables."""
    found = [
        value(number, 100.0, occurred_at=MIDNIGHT_MS + (number % 4) * DAY_MS)
        for number in range(12)
    ]
    expected = counted(tmp_path / "plain.db", found, [])
    monkeypatch.setattr("tracker.stream.measured.KNOWN_DAYS_MAX", 2)

    assert counted(tmp_path / "few.db", found, [5]) == expected


def test_bots_are_left_out(tmp_path: Path) -> None:
    tables = counted(tmp_path / "rollups.db", [value(1, 5.0, is_bot=True)], [])

    assert tables["metric_hours"] == []
