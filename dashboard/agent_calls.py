"""How many tools agents called, and how it went."""

from collections import Counter
from typing import Final

OUTCOMES: Final = ("done", "refused", "failed")


class Calls:
    """Counts by tool and outcome, since the start. Names that are no tool's count as `unknown`."""

    def __init__(self) -> None:
        self.under_way = 0
        self.ended: Counter[tuple[str, str]] = Counter()
