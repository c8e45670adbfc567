"""Rounds of the same runs for two brokers, and what is told of them.

A round measures both right after each other, so that their ratio stands for the same minutes; the
median of these ratios counts. Rows that are close to a tie get more rounds than others, whichever
side of it they lie on.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import exp, log
from statistics import median

from tests.benchmarks.peers import Peer
from tests.benchmarks.plan import Plan, spread
from tests.benchmarks.table import Row

ROUNDS_OF_ALL = 2
ROUNDS_MAX = 9
CLEARLY = 1.1
"""A row is decided when all its rounds are on one side of a tie and this far from it."""

Figures = dict[str, tuple[float, str]]
"""Values of one run by the names of their rows, with their units."""

Run = tuple[str, Callable[[Peer, int], Figures]]
"""What the names of its rows begin with, and how it is measured in a round."""


@dataclass(slots=True)
class Race:
    ours: Peer
    theirs: Peer
    figures: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Ours and theirs of each round, by row."""
    units: dict[str, str] = field(default_factory=dict)
    rows_of: dict[str, list[str]] = field(default_factory=dict)
    """By the name of the run that they are measured in."""

    def run_all(
        self,
        runs: Sequence[Run],
        plan: Plan,
        after_round: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A few rounds of all, then more of what is not decided, until the time is over."""
        until_s = clock() + plan.minutes * 60
        for number in plan.rounds(ROUNDS_OF_ALL, clock):
            for run in runs:
                self.run(number, run)
            after_round()
        for number in range(ROUNDS_OF_ALL, ROUNDS_MAX):
            for run in runs:
                if clock() >= until_s:
                    return
                if not self.is_decided(run):
                    self.run(number, run)

    def run(self, number: int, run: Run) -> None:
        """Measure both in turn; who is first changes from round to round."""
        name, measure = run
        order = (self.ours, self.theirs) if number % 2 == 0 else (self.theirs, self.ours)
        found = {peer: measure(peer, number) for peer in order}
        self.rows_of[name] = list(found[self.ours])
        for row, (value, unit) in found[self.ours].items():
            self.units[row] = unit
            self.figures.setdefault(row, []).append((value, found[self.theirs][row][0]))

    def is_decided(self, run: Run) -> bool:
        """Whether further rounds would not tell another side as the faster one."""
        return all(
            min(ratios) > CLEARLY or max(ratios) < 1 / CLEARLY
            for ratios in map(self.ratios, self.rows_of.get(run[0], ()))
        )

    def ratios(self, row: str) -> list[float]:
        return [one / other for one, other in self.figures[row]]

    def rows(self) -> Iterator[Row]:
        for row, pairs in self.figures.items():
            ratios = self.ratios(row)
            # By logarithms: between two rounds in the middle, neither side gains by being above.
            ratio = exp(median(map(log, ratios)))
            told = f"{self.theirs.name}; {len(ratios)} {spread(ratios)}"
            name = f"{row} ({self.ours.name})"
            yield Row(name, median(one for one, _ in pairs), self.units[row], ratio, told)
