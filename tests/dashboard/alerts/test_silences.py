"""What a silence covers, for how long, and how many there may be."""

import pytest

from dashboard.alerts.engine import Alert
from dashboard.alerts.silences import SILENCES_MAX, Silences

NOW_MS = 1_700_000_000_000
DOWN = Alert("RoleDown", "critical", {"role": "ingest"}, "s", "r", 1.0, NOW_MS, NOW_MS)


def test_a_silence_of_everything_is_refused() -> None:
    silences = Silences()

    with pytest.raises(ValueError, match="needs a label"):
        silences.add({}, NOW_MS + 1, "ann", "")

    assert silences.current(NOW_MS) == []


def test_there_are_so_many_and_no_more() -> None:
    silences = Silences()
    for number in range(SILENCES_MAX):
        silences.add({"role": str(number)}, NOW_MS + 1, "ann", "")

    with pytest.raises(ValueError, match=str(SILENCES_MAX)):
        silences.add({"role": "one more"}, NOW_MS + 1, "ann", "")

    assert len(silences.current(NOW_MS)) == SILENCES_MAX


def test_a_silence_ends_with_its_moment_and_leaves_room() -> None:
    silences = Silences()
    made = silences.add({"role": "ingest"}, NOW_MS + 10, "ann", "")

    before, then = silences.of(DOWN, NOW_MS + 9), silences.of(DOWN, NOW_MS + 10)

    assert (before, then) == (made, None)
    assert silences.current(NOW_MS + 9) == [made]
    assert silences.current(NOW_MS + 10) == []
    assert silences.current(NOW_MS) == []  # forgotten


def test_of_two_the_one_that_lasts_longer_is_told() -> None:
    silences = Silences()
    longer = silences.add({"alertname": "RoleDown"}, NOW_MS + 20, "ann", "")
    silences.add({"severity": "critical"}, NOW_MS + 10, "bob", "")

    assert silences.of(DOWN, NOW_MS) == longer
    assert [one.by for one in silences.current(NOW_MS)] == ["bob", "ann"]


def test_a_silence_that_is_ended_covers_nothing() -> None:
    silences = Silences()
    made = silences.add({"role": "ingest"}, NOW_MS + 10, "ann", "")

    assert (silences.end(made.id), silences.end(made.id)) == (True, False)
    assert silences.of(DOWN, NOW_MS) is None
