"""A judge over a made cluster, looked at by hand."""

from dashboard.cluster import keeping, lag
from dashboard.cluster.collect import Collector, Second
from dashboard.cluster.judge import Judge, Look
from dashboard.cluster.model import Snapshot
from tests.support.made_cluster import MadeCluster

NOW = 1_700_000_000_000


A_YEAR_MS = 31_536_000_000


class Watch:
    """A judge over a made cluster, looked at by hand.

    `bundled`: as over our own broker, which tells append times; producers' clocks are a year wrong.
    """

    def __init__(self, bundled: bool = False) -> None:
        self.cluster = MadeCluster()
        self.bundled = bundled
        if bundled:
            self.cluster.producer_clock_ms = -A_YEAR_MS
        self._collector = Collector(self.cluster, 5.0, Second(self.cluster, None, self.cluster))
        self._judge = Judge("local", target_seconds=60.0)
        self._looks = 0
        self._last: Snapshot | None = None

    def look(self, now_ms: int = NOW) -> Snapshot:
        seen = self._collector.observe()
        clock = self._judge.clock
        self._judge.see(seen, now_ms)
        waiting = lag.places(seen.commits.values(), seen.starts, seen.ends)
        wanted = clock.to_read(waiting)
        if self.cluster.readable:
            clock.learn(wanted, self.cluster.first(wanted, 1.0), seen.ends)
        if self.bundled:
            clock.tell(self.cluster.appended(clock.to_time(waiting)))
        drawn = clock.to_draw(waiting)
        clock.draw(drawn, self.cluster.spans([place[0] for place in drawn], 1.0))
        self._looks += 1
        self._last = self._judge.snapshot(seen, Look(self._looks, now_ms, 0.01))
        return self._last

    def restart(self) -> None:
        """Another judge goes on from what this one put aside."""
        assert self._last is not None
        kept = keeping.encoded(self._judge.keep(self._last))
        self._judge = Judge("local", target_seconds=60.0)
        self._judge.restore(keeping.decoded(kept))
