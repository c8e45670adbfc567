"""How rounds become a row: a tie gets more of them, and no side is favoured."""

from itertools import count

import pytest

from tests.benchmarks.peers import Peer
from tests.benchmarks.plan import Plan
from tests.benchmarks.race import ROUNDS_MAX, ROUNDS_OF_ALL, Figures, Race

OURS = Peer("ours", "here:1", 1, 0.0)
THEIRS = Peer("theirs", "there:1", 2, 0.0)


def raced(ratios: list[float], minutes: float = 1e9, seconds_a_look: float = 1.0) -> Race:
    """After rounds with these ratios, the last of them again and again."""
    race, seconds = Race(OURS, THEIRS), count(0.0, seconds_a_look)

    def measure(peer: Peer, number: int) -> Figures:
        ratio = ratios[min(number, len(ratios) - 1)]
        return {"row": (100.0 * ratio if peer is OURS else 100.0, "MB/s")}

    race.run_all([("row", measure)], Plan("", minutes), lambda: None, lambda: next(seconds))
    return race


@pytest.mark.parametrize("ratios", [[1.2, 1.11], [0.5, 0.9]])
def test_what_is_clearly_faster_on_one_side_gets_no_more_rounds(ratios: list[float]) -> None:
    assert len(raced(ratios).ratios("row")) == ROUNDS_OF_ALL


@pytest.mark.parametrize("ratios", [[0.9, 1.3], [1.05, 1.4], [0.95, 0.6], [1.0, 1.0]])
def test_what_is_near_a_tie_is_measured_again_whoever_leads(ratios: list[float]) -> None:
    assert len(raced(ratios).ratios("row")) == ROUNDS_MAX


def test_no_round_begins_when_the_time_is_over() -> None:
    assert len(raced([1.0], minutes=0.5, seconds_a_look=31.0).ratios("row")) == 1


def test_the_median_of_the_ratios_counts_and_the_rounds_are_told() -> None:
    (row,) = raced([0.9, 1.3, 1.2, 1.1, 1.5]).rows()

    assert row.ratio == pytest.approx(1.5)
    assert row.against == "theirs; 9 rounds 0.90 to 1.50"


@pytest.mark.parametrize("ratios", [[1.25, 2.0], [0.5, 0.8]])
def test_between_two_rounds_in_the_middle_no_side_gains(ratios: list[float]) -> None:
    (row,) = raced(ratios).rows()
    (other,) = raced([1 / ratio for ratio in ratios]).rows()

    assert row.ratio is not None
    assert other.ratio is not None
    assert row.ratio * other.ratio == pytest.approx(1.0)
