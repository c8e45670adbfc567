"""The facts of a running dashboard."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dashboard.alerts.facts import SLO_BUCKET_S, ClusterFacts, Facts
from dashboard.alerts.window import Window
from dashboard.cluster.poller import Poller
from dashboard.connect.watch import ConnectWatch
from dashboard.metrics.disk import DiskWatch, silent_disks
from dashboard.metrics.roles import RoleWatcher
from tracker.clock import Clock
from tracker.reports.crowds import Crowd
from tracker.topics import EVENTS

WEEK_MS: Final = 7 * 86_400_000
QUARTER_MS: Final = 15 * 60_000
ENDS: Final = "footfall_kafka_certificate_valid_until_timestamp_seconds"
KEY_FAILURES: Final = "footfall_kafka_token_keys_failed_refreshes"
ROLLUPS: Final = "rollups"  # the aggregator's sink is no export


@dataclass(frozen=True, slots=True)
class Sources:
    pollers: Mapping[str, Poller]
    roles: RoleWatcher
    disk: DiskWatch
    clock: Clock
    probes_lost: Callable[[], float | None]
    connect: Mapping[str, ConnectWatch]  # by cluster, as `pollers`
    sign_ins: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # as in Facts; live
    crowds: Callable[[], Sequence[Crowd]] = tuple
    crowd_from: int = 0  # as in Facts


class Gather:
    """Makes facts; remembers the window between them."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self._window = Window()

    def facts(self) -> Facts:
        now_ms, roles = self._from.clock.now_ms(), self._from.roles
        in_time, in_all = self._latency()
        return Facts(
            now_ms=now_ms,
            clusters=[
                ClusterFacts(
                    name,
                    poller.connection.up,
                    poller.connection.last_success_ms,
                    poller.snapshot if poller.is_usable() else None,
                    self._from.connect[name].seen,
                )
                for name, poller in self._from.pollers.items()
            ],
            roles_down=[role for role in roles.roles if roles.is_down(role)],
            disks=self._from.disk.disks,
            beacons=self._beacons("outcome"),
            rejected=self._beacons("reason", only="rejected"),
            exports_late_s=self._exports(now_ms),
            events_in_time=in_time,
            events_in_all=in_all,
            events_week_ago=self._week_ago(now_ms),
            probes_lost=self._from.probes_lost(),
            certificates_end_s=self._by_listener(ENDS),
            token_key_failures=self._by_listener(KEY_FAILURES),
            sinks_damaged=[
                sample.labels.get("sink", "")
                for sample in roles.samples("footfall_export_sink_damaged")
                if sample.value > 0
            ],
            disk_waits_s=silent_disks(roles),
            crowds=self._from.crowds(),
            crowd_from=self._from.crowd_from,
            sign_ins=self._from.sign_ins,
            window=self._window,
        )

    def _by_listener(self, name: str) -> dict[str, float]:
        samples = self._from.roles.samples(name)
        return {sample.labels.get("listener", ""): sample.value for sample in samples}

    def _beacons(self, label: str, only: str = "") -> dict[str, float]:
        """Added up by a label; `only` those of an outcome."""
        sums: dict[str, float] = {}
        for sample in self._from.roles.samples("footfall_beacons_total"):
            if not only or sample.labels.get("outcome") == only:
                word = sample.labels.get(label, "")
                sums[word] = sums.get(word, 0.0) + sample.value
        return sums

    def _exports(self, now_ms: int) -> list[tuple[str, float]]:
        roles = self._from.roles
        waits = {
            sample.labels.get("sink", "")
            for sample in roles.samples("footfall_export_lag_seconds")
            if sample.value > 0
        } - {ROLLUPS}
        late = {
            sample.labels.get("sink", ""): now_ms / 1000 - sample.value
            for sample in roles.samples("footfall_export_last_success_timestamp_seconds")
            if sample.value > 0 and sample.labels.get("sink", "") in waits
        }
        for sample in roles.samples("footfall_export_waiting_since_timestamp_seconds"):
            sink = sample.labels.get("sink", "")
            if sample.value > 0 and sink != ROLLUPS:  # also one that has never succeeded
                late.setdefault(sink, now_ms / 1000 - sample.value)
        return list(late.items())

    def _latency(self) -> tuple[float | None, float | None]:
        """Counters of events that reached their consumer: in time, and all."""
        in_time = in_all = None
        for sample in self._from.roles.samples("footfall_event_e2e_latency_seconds"):
            if sample.labels.get("stage") != "consumer":
                continue
            if sample.name.endswith("_count"):
                in_all = (in_all or 0.0) + sample.value
            elif sample.name.endswith("_bucket") and float(sample.labels["le"]) == SLO_BUCKET_S:
                in_time = (in_time or 0.0) + sample.value
        return in_time, in_all

    def _week_ago(self, now_ms: int) -> float | None:
        """Mean of the first quarter of an hour of the week that history keeps."""
        first = next(iter(self._from.pollers.values()))
        column = first.history.range(f"topic.in:{EVENTS.name}", WEEK_MS, now_ms)
        early = [
            value
            for at_ms, value in zip(column.times_ms, column.values, strict=True)
            if at_ms <= now_ms - WEEK_MS + QUARTER_MS and value is not None
        ]
        return sum(early) / len(early) if early else None
