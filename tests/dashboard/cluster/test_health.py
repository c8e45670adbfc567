"""The one sentence at the top of the page."""

from dashboard.cluster.health import Severity, Surroundings, health
from dashboard.cluster.model import Connection
from dashboard.pages.runbook import RUNBOOKS
from tests.dashboard.cluster.test_judge import EVENTS
from tests.support.made_cluster import MadePartition
from tests.support.watched import NOW, Watch

UP = Connection(up=True, since_ms=NOW, last_success_ms=NOW)
NOTHING = Surroundings()


def test_all_well_is_said_in_one_calm_sentence() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=5))
    watch.cluster.add_group("g", {EVENTS: 5}, [EVENTS])

    found = health(UP, watch.look(), NOTHING)

    assert (found.severity, found.problems) == (Severity.OK, ())
    assert found.sentence == "The one partition has a leader and every group is caught up."


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


def test_what_concerns_all_comes_before_groups_that_stopped() -> None:
    watch = Watch()
    watch.cluster.add_topic("events", MadePartition(end=50))
    watch.cluster.add_group("g", {EVENTS: 5})

    found = health(UP, watch.look(), Surroundings(0.05))

    assert [p.word for p in found.problems] == ["DISK", "STOPPED"]


def test_a_full_disk_an_old_export_and_a_dead_role_are_told() -> None:
    around = Surroundings(0.05, [("sqlite", 2_000.0)], ["ingest"])

    found = health(UP, None, around)

    assert [p.word for p in found.problems] == ["ROLE DOWN", "DISK", "EXPORT OLD"]


def test_every_problem_with_a_runbook_names_one_that_is_there() -> None:
    found = health(
        Connection(up=False, since_ms=NOW),
        None,
        Surroundings(0.05, [("sqlite", 2_000.0)], ["ingest"]),
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
