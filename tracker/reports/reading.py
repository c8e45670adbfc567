"""Reading: how long a page is in view and how far down it is seen, for each view that told so."""

from typing import NamedTuple


class Reading(NamedTuple):
    """One page."""

    page: str
    visitors: int
    views: int
    average_ms: int  # in view, by the clock of the page
    scroll_depth: float | None  # percent, the deepest of each view
