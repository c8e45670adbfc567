"""Web vitals in words: what each is called, what counts as good, how a value is written."""

from dataclasses import dataclass
from typing import Final

from tracker.reports.measures import Measure, PageMeasure
from tracker.vitals import VITALS, Rating

TITLES: Final = {
    "lcp": ("LCP", "largest content shown"),
    "inp": ("INP", "answer to a click"),
    "cls": ("CLS", "layout shift"),
    "fcp": ("FCP", "first content shown"),
    "ttfb": ("TTFB", "first byte"),
}
"""Abbreviation, and what it measures."""

RATINGS: Final = {Rating.GOOD: "good", Rating.FAIR: "needs improvement", Rating.POOR: "poor"}
FIRST: Final = "lcp"


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured on a site over one range."""

    vitals: tuple[Measure, ...] = ()
    own: tuple[Measure, ...] = ()  # the site's own numbers
    chosen: str = FIRST  # the vital that `pages` are about
    pages: tuple[PageMeasure, ...] = ()  # the worst first


def chosen(asked: str) -> str:
    """The vital of the query `?vital=`, LCP when it names none."""
    return asked if asked in VITALS else FIRST


def bound(name: str) -> str:
    """`2.5 s`: the greatest good value of a vital."""
    return amount(name, VITALS[name][0])


def amount(name: str, value: float) -> str:
    """`180 ms`, `2.6 s`, `0.08` for a vital; a plain number for a metric of the site."""
    if name not in VITALS:
        return number(value)
    if name == "cls":
        return f"{value:.2f}"
    return f"{value:.0f} ms" if value < 999.5 else f"{value / 1000:.1f} s"


def number(value: float) -> str:
    """Two digits, for a histogram knows no more, thin spaces between thousands: `12 000`, `4.2`."""
    if abs(value) >= 1e9:
        return f"{value:.1e}"
    rounded = float(f"{value:.2g}")
    text = f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:g}"
    return text.replace(",", "\u202f")
