"""What became of the beacons of the last hour, from ingest's counters, four looks a minute."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dashboard.metrics.roles import RoleWatcher
from tracker.clock import Clock

LOOK_EVERY_S: Final = 15.0
SPAN_MS: Final = 3_600_000
ENDS_MAX: Final = 100  # pairs of outcome and reason; ingest has some fifteen
WORDS: Final[Mapping[str, str]] = {
    "format_violation": "not JSON",
    "schema_violation": "a field is wrong or missing",
    "size_violation": "too large",
    "unknown_site": "site not registered",
    "enrichment_failure": "page or time cannot be read",
    "rate_limited": "too many from one address",
    "unauthorized": "key is wrong or missing",
    "media_type": "content type is not JSON or text",
    "timeout": "took too long to arrive",
    "not_stored": "not stored; the browser tries again",
    "blocked_address": "address is blocked",
    "gpc": "visitor asks not to be counted",
    "bot": "bot",
    "stored": "stored",
}
"""Reasons of ingest, for people."""

End = tuple[str, str]  # outcome and reason


@dataclass(frozen=True, slots=True)
class Lately:
    """Beacons since `since_ms`, an hour ago or when the dashboard began to look."""

    since_ms: int
    total: float
    rejected: tuple[tuple[str, float], ...]  # by reason, most first

    @property
    def refused(self) -> float:
        return sum(beacons for _, beacons in self.rejected)


class BeaconWatch:
    """Keeps how far counters have grown, so that a restart of ingest takes nothing away."""

    def __init__(self) -> None:
        self._last: dict[End, float] | None = None
        self._grown: dict[End, float] = {}
        self._looks: deque[tuple[int, dict[End, float]]] = deque()

    async def run(self, roles: RoleWatcher, clock: Clock) -> None:
        """Looks until cancelled."""
        while True:
            if roles.page("ingest") is not None:  # silence is no zero
                found: dict[End, float] = {}
                for one in roles.samples("footfall_beacons_total"):
                    end = one.labels.get("outcome", ""), one.labels.get("reason", "")
                    found[end] = found.get(end, 0.0) + one.value
                self.see(found, clock.now_ms())
            await asyncio.sleep(LOOK_EVERY_S)

    def see(self, counters: Mapping[End, float], now_ms: int) -> None:
        """What ingest tells now. A counter that is new, or fell, began at 0; the first look is
        where we begin."""
        if self._last is not None:
            for end, value in counters.items():
                before = self._last.get(end, 0.0)
                if end in self._grown or len(self._grown) < ENDS_MAX:
                    grown = value - before if value >= before else value
                    self._grown[end] = self._grown.get(end, 0.0) + grown
        self._last = dict(counters)
        self._looks.append((now_ms, dict(self._grown)))
        while len(self._looks) > 1 and self._looks[1][0] <= now_ms - SPAN_MS:
            self._looks.popleft()

    def lately(self) -> Lately | None:
        """None before there are two looks."""
        if len(self._looks) < 2:
            return None
        since_ms, then = self._looks[0]
        grown = {end: value - then.get(end, 0.0) for end, value in self._grown.items()}
        rejected = [
            (reason, value)
            for (outcome, reason), value in grown.items()
            if outcome == "rejected" and value > 0
        ]
        rejected.sort(key=lambda row: (-row[1], row[0]))
        return Lately(since_ms, sum(grown.values()), tuple(rejected))
