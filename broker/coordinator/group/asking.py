"""When a group is asked, and what whoever asks may know: alike for all kinds of groups."""

from collections.abc import Callable
from dataclasses import dataclass

Sees = Callable[[str], bool]
"""Whether whoever asks may know of the topic of that name."""


def sees_all(_topic: str) -> bool:
    """Of somebody whose rights do not count."""
    return True


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, on both clocks: timers use the monotonic one, records carry the wall one."""

    monotonic_ms: float
    wall_ms: int
