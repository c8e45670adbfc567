"""What every page, stream and scrape of one dashboard stands on; made once by app.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from dashboard.access.guard import Guard
from dashboard.access.ldap.desk import Directory
from dashboard.access.oidc import OidcClient
from dashboard.actions.commands import Household
from dashboard.actions.desk import ActionDesk
from dashboard.activity.crowd_watch import CrowdWatch
from dashboard.activity.desk import ReportDesk
from dashboard.activity.weekly import WeeklyPost
from dashboard.agent_calls import Calls
from dashboard.alerts.desk import AlertDesk
from dashboard.beside import Beside
from dashboard.cluster.browse import Browser
from dashboard.cluster.health import Firing, Health, SinkWait, Surroundings, health
from dashboard.cluster.poller import Poller
from dashboard.cluster.share_deliveries import DeliveryDesk
from dashboard.config import DashboardConfig
from dashboard.copies.model import Copy
from dashboard.masking.rules import Masks
from dashboard.metrics.beacons import BeaconWatch
from dashboard.metrics.disk import Disk, DiskWatch, silent_disks
from dashboard.metrics.roles import RoleWatcher
from dashboard.probe.probe import Probe
from dashboard.rights.rules import EVERYTHING, Sight
from tracker.clock import Clock

ROLLUPS: Final = "rollups"  # the sink of the aggregator
SINK_PATIENCE_MS: Final = 3_000  # a write of seconds is told; a lock of another writer is shorter


@dataclass(frozen=True, slots=True)
class State:
    """The parts of a running dashboard. The first poller is the cluster of [kafka]."""

    config: DashboardConfig
    data_dir: Path
    clock: Clock
    pollers: Mapping[str, Poller]
    roles: RoleWatcher
    desk: ReportDesk
    disk_watch: DiskWatch
    beside: Mapping[str, Beside]  # by cluster, as `pollers`
    actions: ActionDesk
    guard: Guard
    household: Household
    alerts: AlertDesk
    probe: Probe
    masks: Masks
    oidc: OidcClient | None = None  # None: passwords only
    weekly: WeeklyPost | None = None  # None: nobody wants letters
    directory: Directory | None = None  # None: accounts of our own only
    deliveries: DeliveryDesk | None = None  # of the first cluster, where its broker is ours
    crowds: CrowdWatch = field(default_factory=CrowdWatch)
    beacons: BeaconWatch = field(default_factory=BeaconWatch)
    agent_calls: Calls = field(default_factory=Calls)
    sight: Sight = EVERYTHING  # of whom this state is for

    @property
    def copies(self) -> list[Copy]:
        """Copies of records, the newest first; of topics that are seen at both ends."""
        return [
            one
            for one in self.actions.copies.copies
            if self.sight.topic(one.cluster, one.topic)
            and self.sight.topic(one.from_cluster, one.from_topic)
        ]

    def poller(self, name: str | None) -> Poller:
        """The named cluster's, or the first; raises KeyError for a name that is not there."""
        if not name and self.pollers:
            return next(iter(self.pollers.values()))
        return self.pollers[name or ""]

    def browser(self, poller: Poller) -> Browser:
        """Who reads messages of the poller's cluster."""
        return self.beside[poller.settings.name].browser

    def is_first(self, poller: Poller) -> bool:
        """The cluster of [kafka]: the appliance's own."""
        return poller.settings.name == self.own_cluster

    @property
    def own_cluster(self) -> str:
        """Its name, also where it may not be seen."""
        return next(iter(self.beside))

    def shows_messages(self, poller: Poller, topic: str) -> bool:
        """Whether records of the topic may be looked into by whom this state is for."""
        return self.config.messages and self.sight.messages(poller.settings.name, topic)

    @property
    def disks(self) -> list[Disk]:
        """Those of the data directory and of the broker's logs, fullest first."""
        return self.disk_watch.disks

    def export_ages_s(self) -> list[tuple[str, float]]:
        """Warehouse and seconds since it was last written; not the rollups, they are not one."""
        now_s = self.clock.now_ms() / 1000
        found = self.roles.samples("footfall_export_last_success_timestamp_seconds")
        return [
            (sample.labels.get("sink", ""), max(0.0, now_s - sample.value))
            for sample in found
            if sample.value > 0 and sample.labels.get("sink") != ROLLUPS
        ]

    def sink_waits(self) -> list[SinkWait]:
        """Sinks that have not taken what they were given for some seconds, rollups among them."""
        now_ms = self.clock.now_ms()
        found = [
            SinkWait(
                one.labels.get("sink", ""), one.labels.get("reason", ""), round(one.value * 1000)
            )
            for one in self.roles.samples("footfall_export_waiting_since_timestamp_seconds")
            if one.value > 0
        ]
        return [wait for wait in found if now_ms - wait.since_ms > SINK_PATIENCE_MS]

    def _exports_late_s(self) -> list[tuple[str, float]]:
        """Only those for which events wait: with nothing to write an old success is no news."""
        waits = {
            sample.labels.get("sink", "")
            for sample in self.roles.samples("footfall_export_lag_seconds")
            if sample.value > 0
        }
        return [(sink, age_s) for sink, age_s in self.export_ages_s() if sink in waits]

    def health(self, poller: Poller) -> Health:
        """The verdict on one cluster, and on our own pipeline when it is the first."""
        name = poller.settings.name
        connect = self.beside[name].connect.watch.troubles if self.sight.whole(name) else ()
        alerts = [
            Firing(
                one.name,
                one.severity,
                one.summary,
                one.since_ms,
                one.labels.get("consumergroup", ""),
            )
            for one in self.alerts.loud()
            if one.labels.get("kafka_cluster", self.own_cluster) == name
        ]
        around = Surroundings(connect=connect, alerts=alerts)
        if self.is_first(poller):
            down = [role for role in self.roles.roles if self.roles.is_down(role)]
            around = replace(
                around,
                disks=[(disk.path, disk.free_share) for disk in self.disks],
                export_ages_s=self._exports_late_s(),
                sink_waits=self.sink_waits(),
                roles_down=down,
                disk_waits_s=silent_disks(self.roles),
                broker_said=self.roles.said("broker"),
            )
        return health(poller.connection, poller.snapshot, around)
