"""What a limited person sees of what the dashboard knows: the same things, with less in them.

Pages, API, streams, exports and agents of such a person are served by handlers that stand on a
State made here (dashboard/web.py). They cannot show what they never get, and none asks for rights.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Final, cast

from dashboard.activity.desk import Lists, Question, Report, ReportDesk
from dashboard.alerts.desk import AlertDesk
from dashboard.alerts.engine import Alert, Engine
from dashboard.alerts.silences import Silence
from dashboard.cluster.history import Columns, History, mean
from dashboard.cluster.model import Connection, Group, GroupPartition, GroupState, Snapshot
from dashboard.cluster.poller import Poller, PollerSettings
from dashboard.cluster.verdict import worst
from dashboard.limited.schemas import SeenRegistry
from dashboard.pages.page import NotFound
from dashboard.rights.rules import Sight
from dashboard.state import State
from dashboard.subjects.desk import RegistryDesk
from tracker.kafka.answers import GroupMember
from tracker.kafka.groups import ShareGroup, StreamsGroup
from tracker.reports.breakdown import Row
from tracker.reports.reading import Reading
from tracker.reports.sites import SiteRow

OF_THE_GROUP: Final = {  # no partition's verdict, so never better for what is hidden
    GroupState.UNKNOWN: "not all of it is known",
    GroupState.LEARNING: "it was in trouble before the dashboard was restarted",
}
HOUR_MS: Final = 3_600_000
WEEK_MS: Final = 7 * 24 * HOUR_MS
ARRIVING: Final = "cluster.in"
SUMMED_MAX: Final = 100  # topics: a week of them takes 0.05 s to add up
RANGES_KEPT: Final = 20
NO_COLUMNS: Final = Columns(0, [], [])
NOT_SHOWN: Final = "it reads topics that are not shown to you"


def seen_by(state: State, sight: Sight) -> State:
    """`state` with what `sight` allows; the views answer what pages ask of the real ones."""
    clusters = {
        name: one
        for name, one in state.pollers.items()
        if sight.cluster(name) and (not sight.shared or name == state.own_cluster)
    }
    pollers = {name: SeenPoller(one, sight) for name, one in clusters.items()}
    return replace(
        state,
        sight=sight,
        pollers=cast(Mapping[str, Poller], pollers),
        desk=cast(ReportDesk, SeenReports(state.desk, sight)),
        alerts=cast(AlertDesk, SeenAlerts(state.alerts, sight, pollers)),
        beside={
            name: replace(one, registry=cast(RegistryDesk, SeenRegistry(one.registry, name, sight)))
            for name, one in state.beside.items()
        },
    )


class SeenPoller:
    """One cluster, as far as it may be seen. The snapshot is filtered once a look."""

    def __init__(self, poller: Poller, sight: Sight) -> None:
        self._poller = poller
        self._sight = sight
        self._of: Snapshot | None = None
        self._snapshot: Snapshot | None = None
        self.history = SeenHistory(self, sight)

    @property
    def settings(self) -> PollerSettings:
        return self._poller.settings

    @property
    def connection(self) -> Connection:
        return self._poller.connection

    @property
    def version(self) -> int:
        return self._poller.version

    @property
    def last_duration_s(self) -> float:
        return self._poller.last_duration_s

    @property
    def snapshot(self) -> Snapshot | None:
        if self._of is not self._poller.snapshot:
            self._of = self._poller.snapshot
            self._snapshot = filtered(self._of, self._sight) if self._of is not None else None
        return self._snapshot

    @property
    def all_history(self) -> History:
        """Also of what is hidden; SeenHistory chooses."""
        return self._poller.history

    def shows_all_of_group(self, group_id: str) -> bool:
        """Whether it reads no topic that is hidden; of one that is gone nobody knows."""
        if self.snapshot is None or self._of is None:
            return False
        shown, whole = (_any_group(one, group_id) for one in (self.snapshot, self._of))
        return shown is not None and shown is whole

    @property
    def live_rate(self) -> float | None:
        """Of the topics that are seen."""
        if self._sight.all_of(self.settings.name) or self.snapshot is None:
            return self._poller.live_rate
        return sum(topic.rate or 0.0 for topic in self.snapshot.named)

    def is_stale(self) -> bool:
        return self._poller.is_stale()

    def is_usable(self) -> bool:
        return self._poller.is_usable()

    def look_soon(self) -> None:
        self._poller.look_soon()

    async def wait_for(self, seen: int, timeout_s: float) -> int:
        return await self._poller.wait_for(seen, timeout_s)


def _any_group(snapshot: Snapshot, group_id: str) -> Group | ShareGroup | None:
    shares = (one for one in snapshot.share_groups if one.group_id == group_id)
    return snapshot.groups.get(group_id) or next(shares, None)


class SeenHistory:
    """Series of what is seen; of everything else nothing was ever seen.

    What arrives is added up anew from the topics that are seen. Other sums over what is hidden are
    not told.
    """

    def __init__(self, poller: SeenPoller, sight: Sight) -> None:
        self._poller = poller
        self._sight = sight
        self._sums: dict[int, tuple[int, Columns]] = {}  # by range, with the time

    def range(self, series: str, range_ms: int, now_ms: int) -> Columns:
        if series == ARRIVING and not self._sight.all_of(self._poller.settings.name):
            return self._arriving(range_ms, now_ms)
        return self._poller.all_history.range(self._allowed(series), range_ms, now_ms)

    def spark(self, series: str, range_ms: int, now_ms: int) -> list[float]:
        return self.range(series, range_ms, now_ms).spark()

    def mean(self, series: str, from_ms: int, until_ms: int) -> float | None:
        if series == ARRIVING and not self._sight.all_of(self._poller.settings.name):
            found = self._arriving(WEEK_MS + HOUR_MS, until_ms)
            pairs = zip(found.times_ms, found.values, strict=True)
            return mean(value for at_ms, value in pairs if from_ms <= at_ms <= until_ms)
        return self._poller.all_history.mean(self._allowed(series), from_ms, until_ms)

    def _arriving(self, range_ms: int, now_ms: int) -> Columns:
        """Kept for as long as one of its slots lasts; nothing beyond SUMMED_MAX topics."""
        at_ms, kept = self._sums.get(range_ms, (0, NO_COLUMNS))
        if not 0 <= now_ms - at_ms < kept.step_ms:
            named = self._poller.snapshot.named if self._poller.snapshot is not None else ()
            series = [f"topic.in:{topic.name}" for topic in named]
            summed = series if len(series) <= SUMMED_MAX else []
            kept = self._poller.all_history.total(summed, range_ms, now_ms)
            if len(self._sums) >= RANGES_KEPT:
                self._sums.clear()
            if kept.times_ms:
                self._sums[range_ms] = now_ms, kept
        return kept

    def _allowed(self, series: str) -> str:
        """The series, or one that nobody ever wrote."""
        kind, _, name = series.partition(":")
        cluster = self._poller.settings.name
        allowed = self._sight.all_of(cluster)
        if kind.startswith("topic."):
            allowed = self._sight.topic(cluster, name)
        elif kind.startswith("group."):
            allowed = self._sight.group(cluster, name) and self._poller.shows_all_of_group(name)
        return series if allowed else ""


class SeenReports:
    """Activity of the sites that are seen."""

    def __init__(self, desk: ReportDesk, sight: Sight) -> None:
        self._desk = desk
        self._sight = sight

    async def sites(self) -> list[SiteRow]:
        return [row for row in await self._desk.sites() if self._sight.site(row.site)]

    async def silent_sites(self) -> list[str]:
        return [name for name in await self._desk.silent_sites() if self._sight.site(name)]

    async def live_everywhere(self) -> int:
        return await self._desk.live_on(tuple(row.site for row in await self.sites()))

    async def report(self, question: Question) -> Report:
        return await self._desk.report(self._allowed(question))

    async def rows(self, question: Question, dimension: str) -> list[Row]:
        return await self._desk.rows(self._allowed(question), dimension)

    async def reading(self, question: Question) -> list[Reading]:
        return await self._desk.reading(self._allowed(question))

    def lists(self, question: Question) -> AbstractAsyncContextManager[Lists]:
        return self._desk.lists(self._allowed(question))

    def _allowed(self, question: Question) -> Question:
        if not self._sight.site(question.site):
            raise NotFound(f"There is no site {question.site!r}.")
        return question


CONNECT: Final = frozenset(("connector", "worker"))  # labels of what /connect shows


class SeenAlerts:
    """Alerts and silences whose labels name nothing hidden. What is no group's and no topic's is
    everybody's who sees the cluster. An alert on a group as a whole counts all that it reads."""

    def __init__(self, desk: AlertDesk, sight: Sight, pollers: Mapping[str, SeenPoller]) -> None:
        self._desk = desk
        self._sight = sight
        self._pollers = pollers
        self.engine = SeenEngine(desk.engine, self)
        self.silences = SeenSilences(desk, self)
        self.channels = desk.channels

    def shows(self, labels: Mapping[str, str]) -> bool:
        """An alert with them, and the number in its sentence."""
        if not self.names(labels):
            return False
        cluster, group = labels.get("kafka_cluster", ""), labels.get("consumergroup")
        if group is None or "topic" in labels or self._sight.all_topics(cluster):
            return True
        poller = self._pollers.get(cluster)
        return poller is not None and poller.shows_all_of_group(group)

    def names(self, labels: Mapping[str, str]) -> bool:
        """Nothing that is hidden."""
        cluster = labels.get("kafka_cluster", "")
        return not self._sight.shared and (
            (not cluster or self._sight.cluster(cluster))
            and ("site" not in labels or self._sight.site(labels["site"]))
            and ("topic" not in labels or self._sight.topic(cluster, labels["topic"]))
            and ("consumergroup" not in labels or self._sees_group(cluster, labels))
            and (CONNECT.isdisjoint(labels) or self._sight.whole(cluster))
        )

    def _sees_group(self, cluster: str, labels: Mapping[str, str]) -> bool:
        return self._sight.group(cluster, labels["consumergroup"])

    def loud(self) -> list[Alert]:
        return [alert for alert in self._desk.loud() if self.shows(alert.labels)]


class SeenEngine:
    """Those of its alerts that are shown."""

    def __init__(self, engine: Engine, board: SeenAlerts) -> None:
        self._engine = engine
        self._board = board
        self.rules = engine.rules

    @property
    def history(self) -> list[Alert]:
        return [alert for alert in self._engine.history if self._board.shows(alert.labels)]

    def firing(self) -> list[Alert]:
        return [alert for alert in self._engine.firing() if self._board.shows(alert.labels)]

    def pending(self) -> list[Alert]:
        return [alert for alert in self._engine.pending() if self._board.shows(alert.labels)]


class SeenSilences:
    """Those that are about something that is shown."""

    def __init__(self, desk: AlertDesk, board: SeenAlerts) -> None:
        self._desk = desk
        self._board = board

    def current(self, now_ms: int) -> list[Silence]:
        return [one for one in self._desk.silences.current(now_ms) if self._board.names(one.labels)]

    def of(self, alert: Alert, now_ms: int) -> Silence | None:
        return self._desk.silences.of(alert, now_ms)


def filtered(snapshot: Snapshot, sight: Sight) -> Snapshot:
    """The snapshot of somebody who sees less; the same one where nothing is hidden."""
    cluster = snapshot.name
    if sight.all_of(cluster):
        return snapshot
    return replace(
        snapshot,
        topics={n: topic for n, topic in snapshot.topics.items() if sight.topic(cluster, n)},
        groups={
            name: _group(group, cluster, sight)
            for name, group in snapshot.groups.items()
            if sight.group(cluster, name)
        },
        log_dirs=snapshot.log_dirs if sight.whole(cluster) else (),
        share_groups=tuple(
            _share_group(one, cluster, sight)
            for one in snapshot.share_groups
            if sight.group(cluster, one.group_id)
        ),
    )


def _group(group: Group, cluster: str, sight: Sight) -> Group:
    """Without partitions of hidden topics; its verdict is then that of the others."""
    members = tuple(_member(member, cluster, sight) for member in group.members)
    kept = tuple(part for part in group.partitions if sight.topic(cluster, part.topic))
    streams = group.streams if _whole_topology(group.streams, cluster, sight) else None
    whole = members == group.members and streams is group.streams
    if whole and len(kept) == len(group.partitions):
        return group
    found = replace(group, members=members, streams=streams)
    parts = tuple(_group_partition(part, cluster, sight) for part in kept)
    if len(kept) == len(group.partitions):
        return replace(found, partitions=parts)
    state, cause = group.state, group.cause
    if state not in OF_THE_GROUP:
        state, cause = worst((part.state, part.cause) for part in kept)
    return replace(
        found,
        partitions=parts,
        state=state,
        cause=OF_THE_GROUP.get(state, cause) or NOT_SHOWN,
        lost_total={n: lost for n, lost in group.lost_total.items() if sight.topic(cluster, n)},
        # of all that it reads, so not told
        consume_rate=None,
        produce_rate=None,
        since_ms=group.since_ms if state is group.state else None,
        data_trouble_since_ms=None,
    )


def _group_partition(part: GroupPartition, cluster: str, sight: Sight) -> GroupPartition:
    """Its member without what that reads beside it, where it is hidden."""
    return (
        part if part.member is None else replace(part, member=_member(part.member, cluster, sight))
    )


def _whole_topology(streams: StreamsGroup | None, cluster: str, sight: Sight) -> bool:
    """Whether it names nothing hidden; one that does is not shown in part."""
    parts = streams.subtopologies if streams is not None else ()
    named = {
        name for part in parts for name in (*part.sources, *part.repartitions, *part.changelogs)
    }
    return all(sight.topic(cluster, name) for name in named)


def _share_group(group: ShareGroup, cluster: str, sight: Sight) -> ShareGroup:
    starts = group.starts
    if starts is not None:
        starts = {at: one for at, one in starts.items() if sight.topic(cluster, at.topic)}
    members = tuple(_member(member, cluster, sight) for member in group.members)
    if members == group.members and len(starts or ()) == len(group.starts or ()):
        return group
    return replace(group, starts=starts, members=members)


def _member(member: GroupMember, cluster: str, sight: Sight) -> GroupMember:
    kept = tuple(at for at in member.assignment if sight.topic(cluster, at.topic))
    return member if len(kept) == len(member.assignment) else replace(member, assignment=kept)
