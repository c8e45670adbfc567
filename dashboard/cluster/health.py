"""The one sentence at the top: is it healthy, and if not, what is wrong and what follows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dashboard.cluster.model import RETENTION_WARNS, Connection, Group, GroupState, Snapshot, Topic
from dashboard.connect.watch import ConnectTrouble
from dashboard.text import clock, count, duration, percent, plural, reason, short

DISK_WARNS: Final = 0.1  # share free
EXPORT_OLD_S: Final = 900.0


class Severity(StrEnum):
    """How soon somebody has to look; worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; `kind` and `name` say which page shows it."""

    severity: Severity
    word: str  # SLOW, OFFLINE ...
    sentence: str
    kind: str  # group, topic, cluster, pipeline, connect
    name: str = ""
    since_ms: int | None = None  # None: not known, or the sentence says it

    @property
    def runbook(self) -> str:
        """The page of docs/runbooks that says what to do; empty where none does."""
        return _RUNBOOKS.get(self.word, "")


_RUNBOOKS_OF_LOOKS: Final = {
    "AWAY": "KafkaClusterUnreachable",
    "LOG DIRECTORY": "KafkaLogDirectoryOffline",
    "OFFLINE": "KafkaPartitionOffline",
    "UNDER MIN ISR": "KafkaPartitionUnderMinISR",
    "UNDER-REPLICATED": "KafkaPartitionUnderReplicated",
    "STOPPED": "ConsumerStalled",
    "STALLED": "ConsumerStalled",
    "SLOW": "ConsumerLagGrowing",
    "BEHIND": "ConsumerLagTimeHigh",
    "DATA AT RISK": "ConsumerWillLoseData",
    "DATA LOST": "ConsumerLostData",
    "DISK": "DiskAlmostFull",
    "DISK HANGS": "DiskHangs",
    "EXPORT OLD": "ExportStale",
    "SINK WAITS": "ExportStale",
    "ROLE DOWN": "RoleDown",
}


_ALERTS: Final = {
    "SinkDamaged": ("SINK DAMAGED", "pipeline"),
    "ProbeLost": ("PROBE LOST", "alerts"),
    "E2ELatencyBudgetBurn": ("LATE", "pipeline"),
    "NoBeacons": ("NO BEACONS", "pipeline"),
    "BeaconRejectRatio": ("REJECTED", "pipeline"),
    "VisitorsDrop": ("VISITORS DOWN", "activity"),
    "DiskFillsSoon": ("DISK FILLS", "cluster"),
    "CertificateEnds": ("CERTIFICATE", "alerts"),
    "CertificateEndsSoon": ("CERTIFICATE SOON", "alerts"),
    "TokenKeysStale": ("TOKEN KEYS", "alerts"),
    "DirectoryAway": ("DIRECTORY AWAY", "alerts"),
    "ProviderAway": ("SIGN-IN AWAY", "alerts"),
}
"""Alerts about what nothing else here looks at, with their word and the page that shows more.

Not VisitorsSpike: many visitors are no fault of the appliance. Now lists it beside the verdict.
"""
_RUNBOOKS: Final = _RUNBOOKS_OF_LOOKS | {word: name for name, (word, _) in _ALERTS.items()}


_FIRST: Final = (
    "AWAY",
    "ROLE DOWN",
    "DISK HANGS",
    "LOG DIRECTORY",
    "OFFLINE",
    "UNDER MIN ISR",
    "DISK",
    "DATA AT RISK",
    "DATA LOST",
)
"""What is told before everything else of its severity, in this order."""


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that fires and is not silenced."""

    name: str
    severity: str
    summary: str
    since_ms: int
    group: str = ""  # that it is about


@dataclass(frozen=True, slots=True)
class SinkWait:
    """Nothing is written to a sink, by what it said when it was asked."""

    sink: str
    reason: str  # one of tracker.metrics.WAITS
    since_ms: int

    @property
    def because(self) -> str:
        return _BECAUSE.get(self.reason, f"it says {self.reason}")


_BECAUSE: Final = {
    "silent": "its disk does not answer",
    "locked": "another program has locked it",
    "disk_full": "its disk is full",
    "io_error": "its disk fails",
    "read_only": "it may not be written",
    "cannot_open": "it cannot be opened",
    "dead_letter": "the broker does not take what is no event",
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known beside the cluster; None where it is not."""

    disks: Sequence[tuple[str, float]] = ()  # a directory on it, share that is free
    export_ages_s: Sequence[tuple[str, float]] = ()  # sink, seconds since its last success
    roles_down: Sequence[str] = ()
    connect: Sequence[ConnectTrouble] = ()
    alerts: Sequence[Firing] = ()
    sink_waits: Sequence[SinkWait] = ()
    disk_waits_s: Sequence[tuple[str, float]] = ()  # log directory, what it is at has taken so long
    broker_said: str = ""  # why it does not answer


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict on everything: one word, one sentence, and all that is wrong, worst first."""

    severity: Severity
    word: str
    sentence: str
    problems: tuple[Problem, ...]


def is_told(alert: str) -> bool:
    """Whether an alert of that name is a problem here, so that no list has to tell it again."""
    return alert in _ALERTS


def health(connection: Connection, snapshot: Snapshot | None, around: Surroundings) -> Health:
    """The state of everything, worst thing first."""
    problems: list[Problem] = []
    if not connection.up:
        problems.append(_away(connection, around.broker_said))
    away = not connection.up
    problems.extend(
        _roles_down(around, away)
    )  # before groups: a group without its role is what follows
    if snapshot is not None:
        problems.extend(_log_dir_problems(snapshot))
        problems.extend(_topic_problem(topic) for topic in snapshot.troubled)
        for group in snapshot.furthest:
            problems.extend(_group_problems(group))
        problems.extend(_undescribed(snapshot))
    problems.extend(_around_problems(around))
    groups = {problem.name for problem in problems if problem.kind == "group"}
    problems.extend(_alert_problems([one for one in around.alerts if one.group not in groups]))
    problems.sort(key=_urgency)
    if not problems:
        calm = _calm(snapshot)
        return Health(Severity.OK, "Healthy", calm, ())
    first = problems[0]
    word = "Broker away" if not connection.up else "Degraded"
    if first.severity is Severity.CRITICAL and connection.up:
        word = "Action needed"
    more = f" And {plural(len(problems) - 1, 'more problem')}." if len(problems) > 1 else ""
    return Health(first.severity, word, first.sentence + more, tuple(problems))


def _urgency(problem: Problem) -> tuple[int, int]:
    """Sorts by severity, and what concerns all before what concerns one group."""
    rank = _FIRST.index(problem.word) if problem.word in _FIRST else len(_FIRST)
    return list(Severity).index(problem.severity), rank


def _away(connection: Connection, said: str) -> Problem:
    """`said`: what the broker still tells of itself."""
    if connection.last_success_ms is None:
        sentence = f"The cluster has not answered yet: {reason(connection.error)}."
    else:
        last = clock(connection.last_success_ms)
        sentence = f"The cluster does not answer since {last}; what is shown is from then."
    if said:
        sentence += f" The broker says: {said}."
    return Problem(Severity.CRITICAL, "AWAY", sentence, "cluster")


def _log_dir_problems(snapshot: Snapshot) -> list[Problem]:
    """One for each log directory that failed: topics below say what it has cost."""
    found: list[Problem] = []
    for one in snapshot.log_dirs:
        if one.offline:
            lost = sum(
                part.offline and one.broker_id in part.replicas
                for topic in snapshot.topics.values()
                for part in topic.partitions
            )
            whose = f"of broker {one.broker_id} " if len(snapshot.brokers) > 1 else ""
            said = f"Log directory {short(one.path)} {whose}failed or is away"
            said += f": {plural(lost, 'partition')} without a leader." if lost else "."
            since_ms = snapshot.log_dirs_failed_ms.get((one.broker_id, one.path))
            found.append(Problem(Severity.CRITICAL, "LOG DIRECTORY", said, "cluster", "", since_ms))
    return found


def _topic_problem(topic: Topic) -> Problem:
    said, severity = short(topic.name), Severity.CRITICAL
    if topic.offline:
        parts = plural(topic.offline, "partition")
        sentence = f"Topic {said} has {parts} without a leader: nobody can read or write there."
    elif topic.under_min_isr:
        parts = plural(topic.under_min_isr, "partition")
        sentence = f"Topic {said} refuses acks=all writes: {parts} below min.insync.replicas."
    else:
        severity, parts = Severity.WARNING, plural(topic.under_replicated, "partition")
        sentence = f"Topic {said} is under-replicated in {parts}."
    word, since_ms = topic.trouble.upper(), topic.trouble_since_ms
    return Problem(severity, word, sentence, "topic", topic.name, since_ms)


_GROUP_SEVERITY: Final = {
    GroupState.STOPPED: Severity.CRITICAL,
    GroupState.STALLED: Severity.CRITICAL,
    GroupState.REWOUND: Severity.WARNING,
    GroupState.SLOW: Severity.WARNING,
    GroupState.REBALANCING: Severity.WARNING,
    GroupState.LEARNING: Severity.WARNING,
}


def _group_problems(group: Group) -> list[Problem]:
    found: list[Problem] = []
    said = short(group.group_id)
    severity = _GROUP_SEVERITY.get(group.state)
    if severity is not None:
        sentence = f"Group {said}: {group.cause}."
        word, since_ms = group.state.upper(), group.since_ms
        found.append(Problem(severity, word, sentence, "group", group.group_id, since_ms))
    if trouble := group.data_trouble:
        if trouble == "lost":
            near = (group.at_risk or 0.0) > RETENTION_WARNS and bool(group.lag)
            sentence = f"Group {said} lost {count(group.lost)} records to retention"
            sentence += ", and is about to lose more." if near else "."
        else:
            sentence = (
                f"Group {said} is about to lose data: {percent(group.at_risk)} of the way to the "
                "topic's retention."
            )
        word, since_ms = f"DATA {trouble.upper()}", group.data_trouble_since_ms
        found.append(Problem(Severity.CRITICAL, word, sentence, "group", group.group_id, since_ms))
    return found


def _undescribed(snapshot: Snapshot) -> list[Problem]:
    """One problem for all groups that nothing is known of: they must not pass for caught up."""
    names = [group.group_id for group in snapshot.groups.values() if not group.is_described]
    if not names:
        return []
    if len(names) == 1:
        sentence = f"Group {short(names[0])}: its coordinator does not answer."
        return [Problem(Severity.WARNING, "UNKNOWN", sentence, "group", names[0])]
    sentence = f"{plural(len(names), 'group')} cannot be judged: no coordinator of theirs answers."
    return [Problem(Severity.WARNING, "UNKNOWN", sentence, "groups")]


def _around_problems(around: Surroundings) -> list[Problem]:
    found: list[Problem] = []
    for path, free in around.disks:
        if free < DISK_WARNS:
            left = f"has {percent(free)} free" if free > 0 else "is full: nothing can be written"
            sentence = f"The disk of {path} {left}."
            found.append(Problem(Severity.CRITICAL, "DISK", sentence, "cluster"))
    for path, waits_s in around.disk_waits_s:
        sentence = f"The disk of {path} has not answered for {duration(waits_s)}."
        sentence += " The broker can store nothing there until it does."
        found.append(Problem(Severity.CRITICAL, "DISK HANGS", sentence, "cluster"))
    for wait in around.sink_waits:
        sentence = f"Nothing is written to {wait.sink}: {wait.because}. Nothing is lost."
        found.append(
            Problem(Severity.WARNING, "SINK WAITS", sentence, "pipeline", "", wait.since_ms)
        )
    waiting = {wait.sink for wait in around.sink_waits}
    for sink, age_s in around.export_ages_s:
        if age_s > EXPORT_OLD_S and sink not in waiting:
            sentence = f"The export to {sink} has not succeeded for {duration(age_s)}."
            found.append(Problem(Severity.WARNING, "EXPORT OLD", sentence, "pipeline"))
    for one in around.connect:
        severity = Severity.CRITICAL if one.critical else Severity.WARNING
        found.append(Problem(severity, one.word, one.sentence, "connect", one.name, one.since_ms))
    return found


def _alert_problems(alerts: Sequence[Firing]) -> list[Problem]:
    """Those about what nothing else here has told; of a group the gravest."""
    found: dict[str, Problem] = {}
    for alert in sorted(alerts, key=lambda one: list(Severity).index(Severity(one.severity))):
        severity, sentence, since_ms = Severity(alert.severity), f"{alert.summary}.", alert.since_ms
        if alert.group:
            word = _GROUP_ALERTS.get(alert.name, "BEHIND")
            one = Problem(severity, word, sentence, "group", alert.group, since_ms)
            found.setdefault(alert.group, one)
        elif alert.name in _ALERTS:
            word, kind = _ALERTS[alert.name]
            found[f"{word}\0{sentence}"] = Problem(severity, word, sentence, kind, "", since_ms)
    return list(found.values())


_GROUP_ALERTS: Final = {"ConsumerWillLoseData": "DATA AT RISK", "ConsumerLostData": "DATA LOST"}
_FOLLOWS: Final = {
    "broker": "nobody can write or read",
    "ingest": "beacons are not taken, and visits are not counted",
    "aggregate": "the figures on Activity stand still; nothing is lost",
    "export": "the warehouse stands still; nothing is lost",
}


def _roles_down(around: Surroundings, away: bool) -> list[Problem]:
    """`away`: that the broker does not answer has been said."""
    return [
        Problem(
            Severity.CRITICAL,
            "ROLE DOWN",
            f"The {role} role does not answer: {_FOLLOWS.get(role, 'what it does stands still')}.",
            "pipeline",
        )
        for role in around.roles_down
        if not (away and role == "broker")
    ]


def _calm(snapshot: Snapshot | None) -> str:
    if snapshot is None:
        return "Nothing is known yet."
    worst = snapshot.worst_group
    behind = "every group is caught up"
    if worst is not None and worst.lag_seconds:
        behind = f"the furthest group is {duration(worst.lag_seconds)} behind"
    if not snapshot.partitions:
        return "There is no topic yet."
    one = snapshot.partitions == 1
    led = "The one partition has" if one else f"All {count(snapshot.partitions)} partitions have"
    return f"{led} a leader and {behind}."
