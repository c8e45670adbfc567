"""A judge over a made cluster, looked at by hand."""

from dashboard.cluster import lag
from dashboard.cluster.collect import Collector
from dashboard.cluster.judge import Judge, Look
from dashboard.cluster.model import Snapshot
from tests.support.made_cluster import MadeCluster

NOW = 1_700_000_000_000


class Watch:
    """A judge over a made cluster, looked at by hand."""

    def __init__(self) -> None:
        self.cluster = MadeCluster()
        self._collector = Collector(self.cluster, 5.0, self.cluster)
        self._judge = Judge("local", target_seconds=60.0)
        self._looks = 0

    def look(self, now_ms: int = NOW) -> Snapshot:
        seen = self._collector.observe()
        clock = self._judge.clock
        self._judge.see(seen, now_ms)
        wanted = clock.to_read(lag.places(seen.commits.values(), seen.starts, seen.ends))
        clock.learn(wanted, self.cluster.first(wanted, 1.0), seen.ends)
        self._looks += 1
        return self._judge.snapshot(seen, Look(self._looks, now_ms, 0.01))
