"""What a run of the benchmarks measures, and until when."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

ROUNDS_MAX = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows that are wanted, and the time that there is."""

    rows: str = ""
    """Only rows with this in their names; empty: all."""
    minutes: float = 20.0
    """Of the whole run. What takes rounds takes fewer of them when time runs out, never none."""

    def wants(self, row: str) -> bool:
        return self.rows.lower() in row.lower()

    def part(self, share: float) -> "Plan":
        """A plan with this share of the time."""
        return Plan(self.rows, self.minutes * share)

    def rounds(
        self, most: int = ROUNDS_MAX, clock: Callable[[], float] = time.monotonic
    ) -> Iterator[int]:
        """Numbers of rounds: always one, and another one while it will end in time."""
        begun = clock()
        for number in range(most):
            yield number
            took_each = (clock() - begun) / (number + 1)
            if clock() - begun + took_each > self.minutes * 60:
                return


def spread(ratios: Sequence[float]) -> str:
    """Between which two the ratios of single rounds lie: how far to trust the one in the middle."""
    return f"rounds {min(ratios):.2f} to {max(ratios):.2f}"
