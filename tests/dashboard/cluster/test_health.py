"""The one sentence at the top of the page."""

from dashboard.alerts.desk import RULES
from dashboard.cluster.health import Firing, Severity, SinkWait, Surroundings, health
from dashboard.cluster.model import Connection
from dashboard.pages.runbook import RUNBOOKS
from tests.dashboard.cluster.test_judge import EVENTS
from tests.support.made_cluster import MadePartition
from tests.support.watched import NOW, Watch
from tracker.metrics import WAITS

UP = Connection(up=True, since_ms=NOW, last_success_ms=NOW)
NOTHING = Surroundings()


def test_all_well_is_said_in_one_calm_sentence() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=5))
    watch.cluster.add_group("g", {EVENTS: 5}, [EVENTS])

    found = health(UP, watch.look(), NOTHING)

    assert (found.severity, found.problems) == (Severity.OK, ())
    assert found.sentence == "The one partition has a leader and every group is caught up."


def test_of_a_cluster_without_topics_nothing_is_counted() -> None:
    """It said that all 0 partitions have a leader."""
    found = health(UP, Watch().look(), NOTHING)

    assert (found.severity, found.sentence) == (Severity.OK, "There is no topic yet.")


def test_a_cluster_that_is_away_comes_first() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=50))
    watch.cluster.add_group("g", {EVENTS: 5})
    away = Connection(up=False, since_ms=NOW, error="refused", last_success_ms=NOW)

    found = health(away, watch.look(), NOTHING)

    assert (found.word, found.problems[0].word) == ("Broker away", "AWAY")
    assert "And 1 more problem." in found.sentence


def test_a_stopped_group_needs_action() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=50))
    watch.cluster.add_group("g", {EVENTS: 5})

    found = health(UP, watch.look(), NOTHING)

    assert (found.word, found.problems[0].name) == ("Action needed", "g")


def test_an_offline_partition_is_critical() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(leader=-1, isr=()))

    found = health(UP, watch.look(), NOTHING)

    assert [p.word for p in found.problems] == ["OFFLINE"]


def test_a_log_directory_that_failed_is_named_before_the_topics_in_it() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=1), MadePartition(end=1))
    watch.look()
    watch.cluster.disk_failed, watch.cluster.partitions[EVENTS].leader = True, -1

    found = health(UP, watch.look(NOW + 5_000), NOTHING)

    assert [p.word for p in found.problems] == ["LOG DIRECTORY", "OFFLINE"]
    assert found.problems[0].sentence == (
        "Log directory /data failed or is away: 1 partition without a leader."
    )
    assert found.problems[0].since_ms == NOW + 5_000
    assert found.problems[0].runbook == "KafkaLogDirectoryOffline"


def test_a_topic_below_min_isr_refuses_writes() -> None:
    watch = Watch()
    part = MadePartition(replicas=(1, 2), isr=(1,))
    watch.cluster.add_topic("events", part, min_insync_replicas="2")

    found = health(UP, watch.look(), NOTHING)

    assert [p.word for p in found.problems] == ["UNDER MIN ISR"]


def test_data_that_retention_will_delete_unread_is_a_problem_of_its_own() -> None:
    watch = Watch()
    part = MadePartition(start=10, end=50, stamps={0: NOW - 900_000})
    watch.cluster.add_topic("events", part, retention_ms="1000000", cleanup_policy="delete")
    watch.cluster.add_group("g", {EVENTS: 20}, [EVENTS])

    found = health(UP, watch.look(), NOTHING)

    assert "DATA AT RISK" in [p.word for p in found.problems]


def test_a_group_that_retention_overtakes_is_told_once_with_what_it_lost() -> None:
    watch = Watch()
    part = MadePartition(start=10, end=50, stamps={10: NOW - 999_000})
    watch.cluster.add_topic("events", part, retention_ms="1000000", cleanup_policy="delete")
    watch.cluster.add_group("g", {EVENTS: 4}, [EVENTS])

    found = health(UP, watch.look(), NOTHING)

    told = {p.word: p.sentence for p in found.problems if p.word.startswith("DATA")}
    assert told == {"DATA LOST": "Group g lost 6 records to retention, and is about to lose more."}


FULL = [("/var/lib/footfall", 0.05)]


def test_each_disk_with_little_room_is_told_by_a_directory_on_it() -> None:
    disks = [("/logs", 0.0), ("/data", 0.09), ("/more", 0.1)]

    found = health(UP, None, Surroundings(disks))

    assert [problem.sentence for problem in found.problems] == [
        "The disk of /logs is full: nothing can be written.",
        "The disk of /data has 9.0 % free.",
    ]


def test_an_alert_about_what_nothing_else_tells_is_a_problem() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=50))
    watch.cluster.add_group("stopped", {EVENTS: 5})
    alerts = [
        Firing("ConsumerLagTimeHigh", "warning", "Group slow is 2 min behind", NOW, "slow"),
        Firing("ConsumerLagTimeCritical", "critical", "Group slow is 6 min behind", NOW, "slow"),
        Firing("ConsumerStalled", "critical", "Group stopped makes no progress", NOW, "stopped"),
        Firing("ProbeLost", "critical", "2 acknowledged probe records did not come back", NOW),
        Firing("RoleDown", "critical", "The ingest role does not answer", NOW),
    ]

    found = health(UP, watch.look(), Surroundings(alerts=alerts))

    assert [(one.word, one.sentence, one.runbook) for one in found.problems if one.since_ms] == [
        ("BEHIND", "Group slow is 6 min behind.", "ConsumerLagTimeHigh"),
        ("PROBE LOST", "2 acknowledged probe records did not come back.", "ProbeLost"),
    ]
    assert [one.name for one in found.problems if one.word == "STOPPED"] == ["stopped"]


def test_nothing_that_fires_leaves_the_verdict_healthy() -> None:
    """Each rule is told by what the verdict looks at itself, or as an alert."""
    looked_at = {
        *("KafkaClusterUnreachable", "KafkaPartitionOffline", "KafkaPartitionUnderMinISR"),
        *("KafkaPartitionUnderReplicated", "RoleDown", "DiskAlmostFull", "ExportStale"),
        "DiskHangs",
        *("ConnectorFailed", "ConnectWorkerSilent", "KafkaLogDirectoryOffline"),
        "VisitorsSpike",  # no fault: in the list of alerts beside the verdict
    }

    untold = []
    for rule in RULES:
        group = "g" if rule.name.startswith("Consumer") else ""
        alert = Firing(rule.name, rule.severity, "It is so", NOW, group)
        if not health(UP, None, Surroundings(alerts=[alert])).problems:
            untold.append(rule.name)

    assert set(untold) <= looked_at


def test_what_concerns_all_comes_before_groups_that_stopped() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=50))
    watch.cluster.add_group("g", {EVENTS: 5})

    found = health(UP, watch.look(), Surroundings(FULL))

    assert [p.word for p in found.problems] == ["DISK", "STOPPED"]


def test_a_sink_that_takes_nothing_is_told_with_what_it_says_and_not_twice() -> None:
    waits = [SinkWait("sqlite", "locked", NOW), SinkWait("rollups", "silent", NOW)]
    around = Surroundings(export_ages_s=[("sqlite", 2_000.0)], sink_waits=waits)

    found = health(UP, None, around)

    assert [(one.word, one.sentence, one.since_ms) for one in found.problems] == [
        (
            "SINK WAITS",
            "Nothing is written to sqlite: another program has locked it. Nothing is lost.",
            NOW,
        ),
        (
            "SINK WAITS",
            "Nothing is written to rollups: its disk does not answer. Nothing is lost.",
            NOW,
        ),
    ]


def test_why_a_sink_waits_has_words_for_each_reason() -> None:
    told = [SinkWait("sqlite", reason, NOW).because for reason in WAITS]

    assert len(set(told)) == len(WAITS)
    assert not any(because.startswith("it says") for because in told)


def test_a_full_disk_an_old_export_and_a_dead_role_are_told() -> None:
    around = Surroundings(FULL, [("sqlite", 2_000.0)], ["ingest"])

    found = health(UP, None, around)

    assert [p.word for p in found.problems] == ["ROLE DOWN", "DISK", "EXPORT OLD"]


def test_a_disk_that_hangs_is_told_before_what_follows_from_it() -> None:
    around = Surroundings(FULL, disk_waits_s=[("/logs", 14.0)])

    found = health(UP, None, around)

    assert [p.word for p in found.problems] == ["DISK HANGS", "DISK"]
    assert found.problems[0].runbook == "DiskHangs"
    assert "/logs has not answered for 14 s" in found.sentence


def test_what_a_broker_says_that_does_not_answer_its_clients_is_told() -> None:
    away = Connection(up=False, since_ms=NOW, last_success_ms=NOW)

    found = health(away, None, Surroundings(broker_said="the disk does not answer"))

    assert found.sentence.endswith("from then. The broker says: the disk does not answer.")


def test_every_problem_with_a_runbook_names_one_that_is_there() -> None:
    found = health(
        Connection(up=False, since_ms=NOW),
        None,
        Surroundings(FULL, [("sqlite", 2_000.0)], ["ingest"]),
    )

    named = {problem.word: problem.runbook for problem in found.problems}
    assert named["AWAY"] == "KafkaClusterUnreachable"
    assert set(named.values()) <= set(RUNBOOKS)


def test_groups_whose_coordinators_are_silent_do_not_pass_for_caught_up() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=9))
    for name in ("g", "h"):
        watch.cluster.add_group(name, {EVENTS: 9}, [EVENTS])
    watch.look()
    watch.cluster.silent, watch.cluster.listed = {"g", "h"}, False
    for looks in range(4):
        snapshot = watch.look(NOW + 5_000 * looks)

    found = health(UP, snapshot, NOTHING)

    assert [(one.severity, one.word, one.kind) for one in found.problems] == [
        (Severity.WARNING, "UNKNOWN", "groups")
    ]
    assert found.sentence == "2 groups cannot be judged: no coordinator of theirs answers."
