"""Rings keep what was seen, leave gaps where nothing was, and survive a restart."""

import sqlite3
from math import isnan
from pathlib import Path

from hypothesis import given
from hypothesis.strategies import floats, integers, lists, tuples

from dashboard.cluster.history import LONG_MAX, SERIES_MAX, STEPS_MS, History, Point, Ring
from dashboard.cluster.history_store import HistoryStore

NOW = 1_700_000_040_000  # a full minute


def seen(history: History, series: str, range_ms: int, now_ms: int) -> list[float]:
    """The values in the range, without gaps."""
    return [v for v in history.range(series, range_ms, now_ms).values if v is not None]


def test_seconds_in_which_nothing_was_seen_are_gaps() -> None:
    history = History()
    history.add("cluster.in", NOW, 5.0)
    history.add("cluster.in", NOW + 3_000, 7.0)

    columns = history.range("cluster.in", 60_000, NOW + 3_000)

    assert columns.values[-4:] == [5.0, None, None, 7.0]


def test_a_value_holds_between_looks() -> None:
    history = History(hold_ms=5_000)
    history.add("topic.in:x", NOW, 5.0)
    history.add("topic.in:x", NOW + 5_000, 7.0)

    assert seen(history, "topic.in:x", 60_000, NOW + 5_000) == [5.0] * 5 + [7.0]


def test_coarse_points_of_lag_keep_the_worst_and_of_rates_the_mean() -> None:
    history = History()
    for second, value in enumerate((1.0, 9.0, 2.0)):
        history.add("group.seconds:g", NOW + second * 1_000, value)
        history.add("cluster.in", NOW + second * 1_000, value)

    assert seen(history, "group.seconds:g", 3_600_000, NOW + 2_000) == [9.0]
    assert seen(history, "cluster.in", 3_600_000, NOW + 2_000) == [4.0]


@given(lists(tuples(integers(0, 2_000), floats(0, 100, width=32)), max_size=60))
def test_a_ring_agrees_with_a_list_of_its_last_values(steps: list[tuple[int, float]]) -> None:
    ring, at_ms = Ring(1_000, 10, keep_worst=True), NOW
    newest: dict[int, float] = {}
    for step, value in steps:
        at_ms += step
        ring.add(at_ms, value)
        slot = at_ms // 1_000
        newest[slot] = max(newest.get(slot, 0.0), value)

    times, values = ring.since(0, at_ms)

    last = max(newest, default=0)
    assert {t // 1_000: v for t, v in zip(times, values, strict=True) if v is not None} == {
        slot: value for slot, value in newest.items() if slot > last - 10
    }


@given(lists(integers(0, 40), max_size=20), integers(0, 50), integers(0, 30))
def test_a_window_of_a_ring_is_what_it_tells_since_then_with_gaps(
    seconds: list[int], first: int, length: int
) -> None:
    ring = Ring(1_000, 10, keep_worst=False, hold_ms=2_000)
    for second in sorted(seconds):
        ring.add(second * 1_000, float(second))

    window = ring.window(first, first + length)

    told = dict(zip(*ring.since(first * 1_000, (first + length - 1) * 1_000), strict=True))
    shown = [None if isnan(value) else value for value in window]
    assert shown == [told.get(slot * 1_000) for slot in range(first, first + length)]


def test_a_total_is_the_sum_of_what_was_seen_of_each_at_the_time() -> None:
    history = History()
    for series, second, rate in (("a", 0, 1.0), ("a", 1, 2.0), ("b", 1, 5.0), ("b", 3, 7.0)):
        history.add(f"topic.in:{series}", NOW + second * 1_000, rate)
    history.add("topic.in:other", NOW, 1_000.0)

    total = history.total(["topic.in:a", "topic.in:b", "topic.in:never"], 60_000, NOW + 3_000)

    assert total.values[-5:] == [None, 1.0, 7.0, None, 7.0]
    assert total.times_ms[-1] == NOW + 3_000
    assert history.total(["topic.in:never"], 60_000, NOW).values == []


def test_a_total_takes_the_finest_step_that_all_series_have() -> None:
    history = History()
    for n in range(LONG_MAX + 1):
        history.add(f"topic.in:{n}", NOW, 1.0)

    both = history.total(["topic.in:0", f"topic.in:{LONG_MAX}"], 7 * 86_400_000, NOW)
    long = history.total(["topic.in:0", "topic.in:1"], 7 * 86_400_000, NOW)

    assert (both.step_ms, long.step_ms) == (10_000, 60_000)
    assert both.values[-1] == long.values[-1] == 2.0


def test_a_restart_keeps_minutes_and_tens_of_seconds(tmp_path: Path) -> None:
    before, store = History(), HistoryStore(tmp_path / "history.db")
    for second in range(0, 300, 5):
        before.add("cluster.in", NOW + second * 1_000, float(second))
    store.save(before.take_finished(), NOW + 300_000)
    store.close()

    after = History()
    after.restore(HistoryStore(tmp_path / "history.db").load(NOW + 300_000))

    assert seen(after, "cluster.in", 3_600_000, NOW + 300_000)[:2] == [2.5, 12.5]
    assert seen(after, "cluster.in", 86_400_000, NOW + 300_000)[0] == 27.5


def test_points_too_old_for_their_ring_are_deleted(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history.db")
    step_ms, slots = STEPS_MS[1]
    store.save([Point("cluster.in", step_ms, NOW, 1.0)], NOW)

    store.save([], NOW + step_ms * slots + 1)

    assert store.load(NOW) == []


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"this is no database, it only has its name" * 100)

    store = HistoryStore(path)

    assert store.load(NOW) == []
    assert path.with_suffix(".damaged").exists()
    store.close()
    sqlite3.connect(path).close()


def test_series_of_what_is_gone_are_dropped_and_their_number_is_bounded() -> None:
    history = History()
    for number in range(SERIES_MAX + 5):
        history.add(f"topic.in:{number}", NOW, 1.0)

    assert history.refused == 5
    history.forget_all_but(["topic.in:1"])
    assert seen(history, "topic.in:1", 60_000, NOW) == [1.0]
    assert seen(history, "topic.in:2", 60_000, NOW) == []


def test_beyond_the_long_ones_a_series_is_kept_for_six_hours() -> None:
    history = History()
    for number in range(LONG_MAX + 1):
        history.add(f"topic.in:{number}", 1_000_000, 1.0)

    week_ms = 7 * 86_400_000
    long = history.range("topic.in:0", week_ms, 1_000_000)
    short = history.range(f"topic.in:{LONG_MAX}", week_ms, 1_000_000)

    assert (long.step_ms, short.step_ms) == (60_000, 10_000)
    assert short.values[-1] == 1.0


def test_a_spark_is_few_means_without_gaps() -> None:
    history = History()
    for second in range(120):
        history.add("cluster.in", second * 1_000, float(second))

    assert history.spark("cluster.in", 120_000, 119_000) == [0.5 + 2 * n for n in range(60)]
    assert history.spark("nobody", 120_000, 119_000) == []


def test_a_mean_reaches_back_over_a_week() -> None:
    history, hour_ms, now_ms = History(), 3_600_000, 200 * 3_600_000
    week_ms = 7 * 24 * hour_ms
    for minute in range(-week_ms // 60_000 - 60, 1):
        history.add(
            "cluster.in", now_ms + minute * 60_000, 4.0 if minute < -week_ms // 60_000 else 8
        )

    assert history.mean("cluster.in", now_ms - week_ms - hour_ms, now_ms - week_ms - 1) == 4.0
    assert history.mean("cluster.in", now_ms - hour_ms, now_ms) == 8.0
    assert history.mean("cluster.in", 0, hour_ms) is None
    assert history.mean("never", 0, now_ms) is None
