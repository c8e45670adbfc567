"""What rules look at: one moment of everything the dashboard knows, and the last hour of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dashboard.alerts.window import Window
from dashboard.cluster.model import GroupState, Snapshot
from dashboard.connect.model import WorkerSeen
from dashboard.metrics.disk import Disk
from tracker.reports.crowds import Crowd

SLO_BUCKET_S: Final = 5.0
DIRECTORY: Final = "directory"
PROVIDER: Final = "provider"
AWAY: Final = "away"


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """One cluster as rules see it."""

    name: str
    up: bool
    last_success_ms: int | None
    snapshot: Snapshot | None  # None: nothing that is recent enough
    connect: Sequence[WorkerSeen] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """One moment; None or empty where something is not known."""

    now_ms: int
    clusters: Sequence[ClusterFacts] = ()
    roles_down: Sequence[str] = ()
    disks: Sequence[Disk] = ()
    beacons: Mapping[str, float] = field(default_factory=dict)  # by outcome, since ingest began
    rejected: Mapping[str, float] = field(default_factory=dict)  # by reason, of those beacons
    exports_late_s: Sequence[tuple[str, float]] = ()  # sinks that have something to write
    events_in_time: float | None = None  # counter: consumer stage within SLO_BUCKET_S
    events_in_all: float | None = None
    events_week_ago: float | None = None  # a second, over a quarter of an hour
    probes_lost: float | None = None  # counter
    certificates_end_s: Mapping[str, float] = field(default_factory=dict)  # by listener, Unix time
    token_key_failures: Mapping[str, float] = field(default_factory=dict)  # by listener, in a row
    sinks_damaged: Sequence[str] = ()
    disk_waits_s: Sequence[tuple[str, float]] = ()  # log directories whose disk does not answer
    crowds: Sequence[Crowd] = ()
    crowd_from: int = 0  # visitors an hour from which on they are told; 0: never
    sign_ins: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Counters by who was asked (DIRECTORY, PROVIDER) and outcome."""
    window: Window = field(default_factory=Window)

    @property
    def own_cluster(self) -> dict[str, str]:
        """The label of what the appliance tells of its own cluster, the first."""
        return {"kafka_cluster": self.clusters[0].name} if self.clusters else {}


def disk_series(disk: Disk) -> str:
    return f"disk\0{disk.path}"


def rejected_series(reason: str) -> str:
    return f"rejected\0{reason}"


def lag_series(cluster: str, group: str) -> str:
    return f"lag\0{cluster}\0{group}"


def commit_series(cluster: str, group: str, topic: str) -> str:
    return f"commit\0{cluster}\0{group}\0{topic}"


def lost_series(cluster: str, group: str, topic: str) -> str:
    return f"lost\0{cluster}\0{group}\0{topic}"


def sign_in_series(asked: str, *, away: bool) -> str:
    """Sign-ins that `asked` did not answer, or did."""
    return f"sign-ins\0{asked}\0{away}"


def remember(facts: Facts) -> None:
    """Write the moment into its window; call once for each, before rules are asked."""
    now_ms, see = facts.now_ms, facts.window.see
    for disk in facts.disks:
        see(disk_series(disk), now_ms, disk.free_bytes)
    for outcome, beacons in facts.beacons.items():
        see(f"beacons\0{outcome}", now_ms, beacons)
    for reason, beacons in facts.rejected.items():
        see(rejected_series(reason), now_ms, beacons)
    for name, counter in (
        ("in time", facts.events_in_time),
        ("in all", facts.events_in_all),
        ("probes lost", facts.probes_lost),
    ):
        if counter is not None:
            see(name, now_ms, counter)
    for asked, outcomes in facts.sign_ins.items():
        away = outcomes.get(AWAY, 0.0)
        see(sign_in_series(asked, away=True), now_ms, away)
        see(sign_in_series(asked, away=False), now_ms, sum(outcomes.values()) - away)
    for cluster in facts.clusters:
        if cluster.snapshot is not None:
            _remember_groups(facts, cluster.name, cluster.snapshot)
    facts.window.forget_before(now_ms - 15 * 60_000)


def _remember_groups(facts: Facts, cluster: str, snapshot: Snapshot) -> None:
    for group in snapshot.groups.values():
        see, now_ms = facts.window.see, facts.now_ms
        see(lag_series(cluster, group.group_id), now_ms, group.lag)
        commits: dict[str, float] = {}
        for part in group.partitions:
            if part.committed is not None and part.state is not GroupState.ORPHANED:
                commits[part.topic] = commits.get(part.topic, 0.0) + part.committed
        for topic, committed in commits.items():
            see(commit_series(cluster, group.group_id, topic), now_ms, committed)
        for topic, lost in group.lost_total.items():
            see(lost_series(cluster, group.group_id, topic), now_ms, lost)
