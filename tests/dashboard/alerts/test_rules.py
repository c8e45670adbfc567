"""Each rule fires when it should, after its time, and is quiet when it should be."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from dashboard.alerts.desk import RULES
from dashboard.alerts.engine import Alert, Engine
from dashboard.alerts.facts import DIRECTORY, PROVIDER, ClusterFacts, Facts
from dashboard.alerts.rule import Rule
from dashboard.alerts.window import Window, increase, rate, slope
from dashboard.cluster.model import Estimate, Group, GroupPartition, GroupState, Snapshot, Topic
from dashboard.cluster.model import Partition as Part
from dashboard.connect.model import Connector, Task, WorkerSeen
from dashboard.metrics.disk import Disk
from tests.support.tools import ROOT
from tracker.kafka.inventory import LogDir
from tracker.reports.crowds import Crowd

BY_NAME = {rule.name: rule for rule in RULES}
NOW_MS = 1_700_000_000_000


def part(committed: int = 10, end: int = 100, **changes: Any) -> GroupPartition:
    made = GroupPartition(
        topic="events",
        partition=0,
        committed=committed,
        start=0,
        end=end,
        lag=end - committed,
        lag_seconds=400.0,
        estimate=Estimate.EXACT,
        lost=0,
        retention_used=0.9,
        at_risk=0.9,
        held_by_transaction=0,
        member=None,
        state=GroupState.OK,
        cause="",
    )
    return replace(made, **changes)


def group(*parts: GroupPartition, **changes: Any) -> Group:
    made = Group(
        "export", "classic", "stable", "range", 1, (), parts or (part(),), GroupState.OK, ""
    )
    return replace(made, **changes)


def snapshot(*groups: Group, partitions: tuple[Part, ...] = ()) -> Snapshot:
    topic = Topic("events", partitions or (Part("events", 0, 1, (1,), (1,), 0, 100, None),))
    named = {one.group_id: one for one in groups}
    return Snapshot("local", 1, NOW_MS, 0.1, "id", 1, (), {"events": topic}, named)


def with_disk(failed: bool) -> Snapshot:
    return replace(snapshot(), log_dirs=(LogDir(1, "/logs", failed, -1, -1),))


def cluster(seen: Snapshot | None, up: bool = True, last_ms: int | None = None) -> ClusterFacts:
    return ClusterFacts("local", up, last_ms, seen)


def run(rule: Rule, facts_at: Callable[[int], Facts], minutes: float) -> list[Alert]:
    """What fires at the end of some minutes, evaluated every 15 s as a running dashboard would."""
    engine, window = Engine((rule,)), Window()
    for step in range(round(minutes * 4) + 1):
        at_ms = NOW_MS + step * 15_000
        engine.evaluate(replace(facts_at(step), now_ms=at_ms, window=window))
    return engine.firing()


def steady(**known: Any) -> Callable[[int], Facts]:
    return lambda _: Facts(NOW_MS, **known)


BROKEN = Part("events", 0, -1, (1, 2), (), None, None, None)
CUT = Part("events", 0, 1, (1,), (1,), 5, 100, None)


def connector(name: str, *tasks: str, state: str = "RUNNING") -> Connector:
    made = tuple(
        Task(number, word, "w:8083", "java.io.IOException: disk is full")
        for number, word in enumerate(tasks)
    )
    return Connector(name, "sink", state, "w:8083", "", made, {})


def connect(*connectors: Connector, silent: bool = False) -> Callable[[int], Facts]:
    """A cluster whose only Connect worker told these connectors last."""
    seen = replace(cluster(snapshot()), connect=(WorkerSeen(0, silent, connectors),))
    return steady(clusters=[seen])


def crowd(last_hour: int, week_before: int | None, least: int = 50) -> Callable[[int], Facts]:
    """Visitors of one site."""
    return steady(crowds=[Crowd("example.com", last_hour, week_before)], crowd_from=least)


WRONG: dict[str, Callable[[int], Facts]] = {
    "KafkaClusterUnreachable": steady(clusters=[cluster(None, up=False)]),
    "KafkaPartitionOffline": steady(clusters=[cluster(snapshot(partitions=(BROKEN,)))]),
    "KafkaLogDirectoryOffline": steady(clusters=[cluster(with_disk(failed=True))]),
    "KafkaPartitionUnderMinISR": steady(clusters=[cluster(snapshot(partitions=(BROKEN,)))]),
    "KafkaPartitionUnderReplicated": steady(clusters=[cluster(snapshot(partitions=(BROKEN,)))]),
    "ConsumerLagTimeHigh": steady(clusters=[cluster(snapshot(group()))]),
    "ConsumerLagTimeCritical": steady(clusters=[cluster(snapshot(group()))]),
    "ConsumerLagGrowing": lambda n: Facts(
        0, clusters=[cluster(snapshot(group(part(10 + n, 100 + 3 * n))))]
    ),
    "ConsumerStalled": steady(clusters=[cluster(snapshot(group()))]),
    "ConsumerWillLoseData": steady(clusters=[cluster(snapshot(group(), partitions=(CUT,)))]),
    "ConsumerLostData": lambda n: Facts(
        0, clusters=[cluster(snapshot(group(lost_total={"events": n})))]
    ),
    "CertificateEndsSoon": steady(certificates_end_s={"SSL": NOW_MS / 1000 + 13 * 86_400}),
    "CertificateEnds": steady(certificates_end_s={"SSL": NOW_MS / 1000 - 5}),
    "TokenKeysStale": steady(token_key_failures={"SASL_SSL": 1.0}),
    "ConnectorFailed": connect(connector("archive", "RUNNING", "FAILED"), connector("files")),
    "ConnectWorkerSilent": connect(silent=True),
    "DirectoryAway": lambda n: Facts(0, sign_ins={DIRECTORY: {"away": float(n > 0), "done": 4.0}}),
    "ProviderAway": lambda n: Facts(0, sign_ins={PROVIDER: {"away": float(n > 0), "done": 4.0}}),
    "SinkDamaged": steady(sinks_damaged=["rollups"]),
    "RoleDown": steady(roles_down=["ingest"]),
    "DiskFillsSoon": lambda n: Facts(0, disks=[Disk("/data", 25_000 - 50 * n, 100_000)]),
    "DiskAlmostFull": steady(disks=[Disk("/other", 50, 100), Disk("/data", 9, 100)]),
    "DiskHangs": steady(disk_waits_s=[("/logs", 5.1)]),
    "BeaconRejectRatio": lambda n: Facts(0, beacons={"accepted": 90.0 * n, "rejected": 10.0 * n}),
    "NoBeacons": lambda n: Facts(0, beacons={"accepted": 1.0 * n}, events_week_ago=10.0),
    "VisitorsSpike": crowd(50, 16),
    "VisitorsDrop": crowd(9, 50),
    "ExportStale": steady(exports_late_s=[("sqlite", 901.0)]),
    "E2ELatencyBudgetBurn": lambda n: Facts(0, events_in_time=80.0 * n, events_in_all=100.0 * n),
    "ProbeLost": lambda n: Facts(0, probes_lost=float(n)),
}
"""By rule: facts at a step of 15 s that must make it fire in time."""

RIGHT: dict[str, Callable[[int], Facts]] = {
    "KafkaClusterUnreachable": steady(clusters=[cluster(None)]),
    "KafkaPartitionOffline": steady(clusters=[cluster(snapshot())]),
    "KafkaLogDirectoryOffline": steady(clusters=[cluster(with_disk(failed=False))]),
    "KafkaPartitionUnderMinISR": steady(clusters=[cluster(snapshot())]),
    "KafkaPartitionUnderReplicated": steady(clusters=[cluster(snapshot())]),
    "ConsumerLagTimeHigh": steady(clusters=[cluster(snapshot(group(part(lag_seconds=60.0))))]),
    "ConsumerLagTimeCritical": steady(clusters=[cluster(snapshot(group(part(lag_seconds=300.0))))]),
    "ConsumerLagGrowing": lambda n: Facts(
        0, clusters=[cluster(snapshot(group(part(10 + 3 * n, 1000 + n))))]
    ),
    "ConsumerStalled": lambda n: Facts(0, clusters=[cluster(snapshot(group(part(n % 90))))]),
    "ConsumerWillLoseData": steady(clusters=[cluster(snapshot(group()))]),  # deleted nothing yet
    "ConsumerLostData": steady(clusters=[cluster(snapshot(group(lost_total={"events": 7})))]),
    "CertificateEndsSoon": steady(certificates_end_s={"SSL": NOW_MS / 1000 + 15 * 86_400}),
    "CertificateEnds": steady(certificates_end_s={"SSL": NOW_MS / 1000 + 13 * 86_400}),
    "TokenKeysStale": steady(token_key_failures={"SASL_SSL": 0.0}),
    "ConnectorFailed": connect(connector("paused", "PAUSED", state="PAUSED"), connector("new")),
    "ConnectWorkerSilent": connect(connector("archive", "RUNNING")),
    "DirectoryAway": lambda n: Facts(0, sign_ins={DIRECTORY: {"away": 2.0 * n, "wrong": n / 5}}),
    "ProviderAway": lambda n: Facts(0, sign_ins={PROVIDER: {"away": 3.0, "done": 4.0}}),
    "SinkDamaged": steady(),
    "RoleDown": steady(),
    "DiskFillsSoon": lambda n: Facts(0, disks=[Disk("/data", 25_000 - n // 10, 100_000)]),
    "DiskAlmostFull": steady(disks=[Disk("/data", 10, 100)]),
    "DiskHangs": steady(),
    "BeaconRejectRatio": lambda n: Facts(0, beacons={"accepted": 0.1 * n, "rejected": 0.9 * n}),
    "NoBeacons": lambda n: Facts(0, beacons={"accepted": 160.0 * n}, events_week_ago=10.0),
    "VisitorsSpike": crowd(60, 20),
    "VisitorsDrop": crowd(10, 50),
    "ExportStale": steady(exports_late_s=[("sqlite", 899.0)]),
    "E2ELatencyBudgetBurn": lambda n: Facts(0, events_in_time=90.0 * n, events_in_all=100.0 * n),
    "ProbeLost": steady(probes_lost=3.0),
}
"""By rule: facts close to those that are wrong, but not."""

FIRST_CHANGE_MINUTES = {
    *("ConsumerLagGrowing", "DiskFillsSoon", "BeaconRejectRatio", "ProbeLost"),
    *("DirectoryAway", "ProviderAway"),
}
"""Rules that need two points before they can find anything."""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_fires_after_its_time_and_not_before(rule: Rule) -> None:
    minutes = rule.for_s / 60
    late = 0.25 if rule.name in FIRST_CHANGE_MINUTES or rule.for_s == 0 else 0.0

    before = run(rule, WRONG[rule.name], minutes + late - 0.25) if rule.for_s else []
    after = run(rule, WRONG[rule.name], minutes + late)

    assert before == []
    assert [alert.name for alert in after] == [rule.name]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_quiet_when_nothing_is_wrong_or_nothing_is_known(rule: Rule) -> None:
    assert run(rule, RIGHT[rule.name], 30) == []
    assert run(rule, steady(), 30) == []


def test_rejected_beacons_are_told_with_what_most_of_them_were_rejected_for() -> None:
    def facts_at(n: int) -> Facts:
        rejected = {"unknown_site": 500.0, "format_violation": 8.0 * n, "rate_limited": 2.0 * n}
        beacons = {"accepted": 90.0 * n, "rejected": 10.0 * n + 500}
        return Facts(0, beacons=beacons, rejected=rejected)

    (alert,) = run(BY_NAME["BeaconRejectRatio"], facts_at, 15)

    assert alert.summary == "10 % of beacons are rejected, most of them as format violation"


@pytest.mark.parametrize("name", ["ProbeLost", "CertificateEnds", "TokenKeysStale"])
def test_what_the_broker_tells_carries_its_cluster_as_in_prometheus(name: str) -> None:
    clusters = [cluster(snapshot())]

    (alert,) = run(BY_NAME[name], lambda n: replace(WRONG[name](n), clusters=clusters), 30)

    assert alert.labels["kafka_cluster"] == clusters[0].name


def test_orphaned_partitions_alarm_nobody() -> None:
    orphan = group(part(state=GroupState.ORPHANED))
    facts = steady(clusters=[cluster(snapshot(orphan))])

    for name in ("ConsumerStalled", "ConsumerLagTimeHigh", "ConsumerLagTimeCritical"):
        assert run(BY_NAME[name], facts, 30) == []


def test_events_that_were_late_and_are_in_time_again_burn_no_budget() -> None:
    """The hour has far too many late ones, the last five minutes have none."""
    rule, late = BY_NAME["E2ELatencyBudgetBurn"], 40

    def facts(step: int) -> Facts:
        return Facts(0, events_in_time=100.0 * max(0, step - late), events_in_all=100.0 * step)

    assert run(rule, facts, late / 4) != []
    assert run(rule, facts, late / 4 + 6) == []


def test_a_failed_connector_is_told_with_its_cause_also_while_its_worker_is_silent() -> None:
    failed = connector("archive", "RUNNING", "FAILED"), connector("files", state="FAILED")

    alerts = run(BY_NAME["ConnectorFailed"], connect(*failed, silent=True), 2)

    assert [(alert.labels["connector"], alert.value) for alert in alerts] == [
        ("archive", 1.0),
        ("files", 1.0),
    ]
    assert alerts[0].summary == (
        "Connector archive: 1 of 2 tasks failed: java.io.IOException: disk is full"
    )
    assert alerts[0].labels == {"kafka_cluster": "local", "worker": "0", "connector": "archive"}


def test_rules_are_those_of_prometheus_with_the_same_severity_and_time() -> None:
    path = ROOT / "prometheus" / "rules" / "footfall-alerts.yml"
    groups = yaml.safe_load(path.read_text())["groups"]
    written = {
        rule["alert"]: (rule["labels"]["severity"], rule.get("for", "0m"))
        for one in groups
        for rule in one["rules"]
        if "alert" in rule
    }

    ours = {rule.name: (rule.severity, f"{rule.for_s // 60}m") for rule in RULES}

    assert ours == written


def test_what_is_quiet_under_what_is_documented_for_alertmanager() -> None:
    """As the inhibition rules of an Alertmanager, in a block of docs/monitoring.md; of scraped
    series more labels must agree, those of where they were scraped."""
    text = (ROOT / "docs" / "monitoring.md").read_text()
    (block,) = [part for part in text.split("```yaml\n") if part.startswith("inhibit_rules:")]
    documented = {
        (*one["target_matchers"], *one["source_matchers"]): set(one["equal"])
        for one in yaml.safe_load(block.partition("```")[0])["inhibit_rules"]
    }

    quiet = {rule.name: rule.under for rule in RULES if rule.under}

    assert set(documented) == {
        (f'alertname="{name}"', f'alertname="{under}"') for name, under in quiet.items()
    }
    for name, under in quiet.items():
        (found,) = run(BY_NAME[name], WRONG[name], 20)
        assert set(found.labels) <= documented[f'alertname="{name}"', f'alertname="{under}"']
    assert {rule.under for rule in RULES if rule.under} <= set(BY_NAME)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_its_runbook(rule: Rule) -> None:
    assert (ROOT / rule.runbook).is_file()


def test_a_counter_that_starts_again_does_not_fall() -> None:
    points = [(0, 10.0), (1000, 15.0), (2000, 2.0)]

    assert increase(points) == 7.0
    assert rate(points) == 3.5
    assert rate(points[:1]) is None
    assert slope([(0, 0.0), (1000, 2.0), (2000, 4.0)]) == pytest.approx(2.0)


def test_a_window_keeps_an_hour_and_forgets_what_is_gone() -> None:
    window = Window()
    for second in range(0, 2 * 3600, 5):
        window.see("a", second * 1000, second)

    points = window.points("a", 7_200_000, 3_600_000)
    window.forget_before(7_200_000)

    assert 230 <= len(points) <= 245
    assert points[0][0] >= 3_600_000
    assert window.points("a", 7_200_000, 3_600_000) == []


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        ("VisitorsSpike", crowd(49, 0)),  # too few to tell
        ("VisitorsSpike", crowd(500, None)),  # a new site: nothing to compare with
        ("VisitorsSpike", crowd(500, 1, least=0)),  # switched off
        ("VisitorsDrop", crowd(0, 49)),
        ("VisitorsDrop", crowd(0, None)),
        ("VisitorsDrop", crowd(0, 500, least=0)),
    ],
)
def test_crowds_of_small_and_of_new_sites_are_not_told(
    rule: str, facts: Callable[[int], Facts]
) -> None:
    assert run(BY_NAME[rule], facts, 60) == []


def test_a_crowd_is_told_with_its_site_and_both_numbers() -> None:
    (alert,) = run(BY_NAME["VisitorsSpike"], crowd(1_200, 40), 10)

    assert alert.labels == {"site": "example.com"}
    assert alert.summary == (
        "example.com had 1\u202f200 visitors in the last hour, 40 in it a week before"
    )
