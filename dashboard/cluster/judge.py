"""From what a cluster answered to a snapshot with verdicts; remembers what verdicts need.

One `Judge` for one cluster. Called from one place only, never concurrently.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.cluster import lag
from dashboard.cluster.collect import Observation
from dashboard.cluster.keeping import Kept, gathered
from dashboard.cluster.lag import LagClock
from dashboard.cluster.losses import Losses
from dashboard.cluster.model import (
    Estimate,
    Group,
    GroupPartition,
    GroupState,
    Partition,
    Snapshot,
    Topic,
)
from dashboard.cluster.topic_ids import TopicIds
from dashboard.cluster.verdict import (
    JUDGED_AFTER_MS,
    REBALANCING_STATES,
    Case,
    CommitHistory,
    Rates,
    Sample,
    judge,
    judge_group,
)
from dashboard.onsets import Onsets
from dashboard.text import duration
from tracker.kafka.answers import GroupDescription, GroupMember
from tracker.kafka.inventory import LogDir
from tracker.topics import TopicPartition

RATE_WINDOW_MS = 60_000
NO_COMMITS_TOLD = "its coordinator does not report its commits"
NOT_HEARD_OF = "its coordinator does not answer"


@dataclass(frozen=True, slots=True)
class Look:
    """When and how one observation was made."""

    sequence: int
    at_ms: int
    duration_s: float


class Judge:
    """Keeps commit histories and topic rates; turns observations into snapshots."""

    def __init__(self, cluster: str, target_seconds: float) -> None:
        self._cluster = cluster
        self._target_seconds = target_seconds
        self.clock = LagClock()
        self._histories: dict[str, dict[TopicPartition, CommitHistory]] = {}
        self._rebalancing_since: dict[str, int] = {}
        self._totals: dict[str, deque[tuple[int, int]]] = {}
        self._losses = Losses()
        self._topic_ids = TopicIds()
        self._before: dict[str, tuple[GroupState, str]] = {}
        self._onsets = Onsets()
        self._first_at_ms: int | None = None

    def keep(self, snapshot: Snapshot) -> Kept:
        """What a restart should know."""
        kept = gathered(snapshot, self.clock.rings, self._histories)
        for group_id, verdict in self._before.items():  # not judged anew yet
            if group_id in snapshot.groups:
                kept.verdicts.setdefault(group_id, verdict)
        kept.onsets = list(self._onsets)
        return kept

    def restore(self, kept: Kept) -> None:
        """Begin where another Judge stopped; before the first look."""
        self.clock.rings = kept.rings
        self._histories = kept.histories
        self._before = kept.verdicts
        self._onsets = Onsets(kept.onsets)
        self._topic_ids = TopicIds(kept.topic_ids)

    def see(self, seen: Observation, now_ms: int) -> None:
        """Take in one look before its records are read: what a renewed topic was is forgotten."""
        renewed = self._topic_ids.renewed(seen.topic_ids)
        self._topic_ids.keep(seen.metadata.topics)
        if renewed:
            self.clock.forget(renewed)
            self._losses.forget(renewed)
            for histories in self._histories.values():
                for place in [place for place in histories if place.topic in renewed]:
                    del histories[place]
            for name in renewed:
                self._totals.pop(name, None)
        self.clock.see_ends(now_ms, seen.ends)

    def snapshot(self, seen: Observation, look: Look) -> Snapshot:
        """The observation, judged."""
        self._forget(seen)
        if self._first_at_ms is None:
            self._first_at_ms = look.at_ms
        if look.at_ms - self._first_at_ms >= JUDGED_AFTER_MS:
            self._before = {}
        topics = {
            name: self._topic(name, seen, look.at_ms) for name in sorted(seen.metadata.topics)
        }
        groups = {
            group_id: self._group(group_id, seen, look.at_ms)
            for group_id in sorted({*seen.descriptions, *seen.commits, *seen.unheard})
        }
        return Snapshot(
            name=self._cluster,
            sequence=look.sequence,
            taken_at_ms=look.at_ms,
            duration_s=look.duration_s,
            cluster_id=seen.metadata.cluster_id,
            controller_id=seen.metadata.controller_id,
            brokers=seen.metadata.brokers,
            topics=topics,
            groups=groups,
            share_groups=seen.share_groups,
            log_dirs=seen.disks.log_dirs,
            log_dirs_failed_ms=self._failed_since(seen.disks.log_dirs, look.at_ms),
        )

    def _forget(self, seen: Observation) -> None:
        alive = {*seen.descriptions, *seen.commits, *seen.unheard}
        for group_id in [g for g in self._histories if g not in alive]:
            del self._histories[group_id]
        self._losses.keep(alive)
        self._onsets.keep("group", alive)
        self._onsets.keep("data", alive)
        self._onsets.keep("topic", seen.metadata.topics)
        for name in [name for name in self._totals if name not in seen.metadata.topics]:
            del self._totals[name]

    def _failed_since(self, log_dirs: Sequence[LogDir], now_ms: int) -> dict[tuple[int, str], int]:
        begins_ms = self._begins_ms(now_ms)
        found = {}
        for one in log_dirs:
            name, trouble = f"{one.broker_id} {one.path}", "failed" if one.offline else ""
            since_ms = self._onsets.since("log directory", name, trouble, begins_ms)
            if since_ms is not None:
                found[one.broker_id, one.path] = since_ms
        self._onsets.keep("log directory", {f"{one.broker_id} {one.path}" for one in log_dirs})
        return found

    def _topic(self, name: str, seen: Observation, now_ms: int) -> Topic:
        partitions = tuple(
            Partition(
                topic=name,
                index=part.index,
                leader=part.leader,
                replicas=part.replicas,
                isr=part.isr,
                start=seen.starts.get(TopicPartition(name, part.index)),
                end=seen.ends.get(TopicPartition(name, part.index)),
                last_stable=seen.stable_ends.get(TopicPartition(name, part.index)),
                sizes=seen.disks.sizes.get(TopicPartition(name, part.index), {}),
            )
            for part in seen.metadata.topics[name]
        )
        total = sum(part.end or 0 for part in partitions)
        known = all(part.end is not None for part in partitions)
        rate = self._rate(name, total, now_ms) if known else None
        topic_id = seen.topic_ids.get(name, "")
        topic = Topic(name, partitions, seen.configs.get(name, {}), rate, topic_id)
        since_ms = self._onsets.since("topic", name, topic.trouble, self._begins_ms(now_ms))
        return topic if since_ms is None else replace(topic, trouble_since_ms=since_ms)

    def _rate(self, name: str, total: int, now_ms: int) -> float | None:
        """Records a second over the last minute; a topic made anew starts anew."""
        looks = self._totals.setdefault(name, deque(maxlen=64))
        if looks and total < looks[-1][1]:
            looks.clear()
        looks.append((now_ms, total))
        while looks[0][0] < now_ms - RATE_WINDOW_MS:
            looks.popleft()
        elapsed = now_ms - looks[0][0]
        return (total - looks[0][1]) * 1000 / elapsed if elapsed >= 1_000 else None

    def _group(self, group_id: str, seen: Observation, now_ms: int) -> Group:
        description = seen.descriptions.get(group_id) or GroupDescription(
            group_id, "unknown", "unknown", "", -1, ()
        )
        owners = {place: member for member in description.members for place in member.assignment}
        commits = seen.commits.get(group_id, {})
        rebalancing_ms = self._rebalancing(description, now_ms)
        histories = self._histories.setdefault(group_id, {})
        if group_id not in seen.unheard:
            for place in [place for place in histories if place not in commits]:
                del histories[place]
        scene = _Scene(seen, now_ms, description, owners, commits, rebalancing_ms)
        partitions = tuple(
            self._group_partition(scene, place, histories)
            for place in _places(seen, commits, owners)
        )
        rates = _rates(partitions, histories)
        if group_id in seen.commits:
            state, cause = self._verdict(scene, partitions, rates)
        else:
            told = NOT_HEARD_OF if group_id in seen.unheard else NO_COMMITS_TOLD
            partitions, state, cause = (), GroupState.UNKNOWN, told
        group = Group(
            group_id=group_id,
            protocol=description.protocol,
            kafka_state=description.state,
            assignor=description.assignor,
            coordinator_id=description.coordinator_id,
            members=description.members,
            partitions=partitions,
            state=state,
            cause=cause,
            consume_rate=rates.consumed,
            produce_rate=rates.produced,
            lost_total=self._losses.count(group_id, commits, seen.starts),
            streams=seen.streams.get(group_id),
            since_ms=self._since(group_id, state, now_ms),
        )
        trouble, begins_ms = group.data_trouble, self._begins_ms(now_ms)
        since_ms = self._onsets.since("data", group_id, trouble, begins_ms)
        return group if since_ms is None else replace(group, data_trouble_since_ms=since_ms)

    def _verdict(
        self, scene: "_Scene", partitions: tuple[GroupPartition, ...], rates: Rates
    ) -> tuple[GroupState, str]:
        """State and cause of a group whose commits are known."""
        state, cause = judge_group(scene.description, partitions, rates)
        if state is not GroupState.OK:
            return state, cause
        group_id = scene.description.group_id
        if group_id in scene.seen.silent:
            return GroupState.UNKNOWN, f"its coordinator does not answer; before, {cause}"
        return self._learning(group_id, partitions, cause, scene.now_ms)

    def _since(self, group_id: str, state: GroupState, now_ms: int) -> int | None:
        """When the group came into its state; while that is learned, into the one before."""
        trouble = self._before[group_id][0] if state is GroupState.LEARNING else state
        named = "" if trouble is GroupState.OK else trouble
        return self._onsets.since("group", group_id, named, self._begins_ms(now_ms))

    def _begins_ms(self, now_ms: int) -> int | None:
        """When what is new at this look began; None at the first, it may be old."""
        return None if now_ms == self._first_at_ms else now_ms

    def _learning(
        self, group_id: str, partitions: tuple[GroupPartition, ...], cause: str, now_ms: int
    ) -> tuple[GroupState, str]:
        """OK, unless it was in trouble before our restart and that was too short ago to know."""
        before = self._before.get(group_id)
        if before is None or self._first_at_ms is None or not any(part.lag for part in partitions):
            return GroupState.OK, cause
        left_s = (self._first_at_ms + JUDGED_AFTER_MS - now_ms) / 1000
        return GroupState.LEARNING, (
            f"{before[0]} before the dashboard was started anew ({before[1]}), judged again in"
            f" {duration(left_s)}; now {cause}"
        )

    def _rebalancing(self, description: GroupDescription, now_ms: int) -> int:
        if description.state not in REBALANCING_STATES:
            self._rebalancing_since.pop(description.group_id, None)
            return 0
        return 1 + now_ms - self._rebalancing_since.setdefault(description.group_id, now_ms)

    def _group_partition(
        self,
        scene: "_Scene",
        place: TopicPartition,
        histories: dict[TopicPartition, CommitHistory],
    ) -> GroupPartition:
        seen, committed = scene.seen, scene.commits.get(place)
        start, end = seen.starts.get(place), seen.ends.get(place)
        waiting: int | None = None
        seconds: float | None = None
        estimate = Estimate.UNKNOWN
        if committed is not None and start is not None and end is not None:
            waiting, seconds, estimate = self._waiting(place, committed, start, end, scene.now_ms)
            sample = Sample(scene.now_ms, max(committed, start), end)
            histories.setdefault(place, CommitHistory()).add(sample)
        case = Case(
            topic=place.topic,
            partition=place.partition,
            topic_exists=place.topic in seen.metadata.topics,
            committed=committed,
            lag=waiting,
            lag_seconds=seconds,
            lost=lag.lost_records(committed, start) if committed is not None and start else 0,
            backlog=max(0, (end or 0) - (start or 0)),
            is_read=scene.description.is_read,
            is_assigned=place in scene.owners,
            topic_is_read=scene.description.members_unknown
            or any(owned.topic == place.topic for owned in scene.owners),
            ahead=max(0, committed - end) if committed is not None and end is not None else 0,
            rebalancing_ms=scene.rebalancing_ms,
            target_seconds=self._target_seconds,
        )
        state, cause = judge(case, histories.get(place))
        stable = seen.stable_ends.get(place)
        used = risk = None
        if committed is not None and start is not None and end is not None:
            used = lag.retention_used(committed, start, end) if waiting else 0.0
            risk = lag.at_risk(seconds, used, start, _retention(seen, place.topic))
        return GroupPartition(
            topic=place.topic,
            partition=place.partition,
            committed=committed,
            start=start,
            end=end,
            lag=waiting,
            lag_seconds=seconds,
            estimate=estimate,
            lost=case.lost,
            retention_used=used,
            at_risk=risk,
            held_by_transaction=0 if end is None or stable is None else max(0, end - stable),
            member=scene.owners.get(place),
            state=state,
            cause=cause,
        )

    def _waiting(
        self, place: TopicPartition, committed: int, start: int, end: int, now_ms: int
    ) -> tuple[int, float | None, Estimate]:
        waiting = lag.offset_lag(committed, start, end)
        at = (place, max(committed, start))
        if waiting == 0 or self.clock.caught_up(at):
            return 0, 0.0, Estimate.EXACT
        seconds, estimate = self.clock.seconds(at, now_ms)
        return waiting, seconds, estimate


def _rates(
    partitions: Sequence[GroupPartition], histories: Mapping[TopicPartition, CommitHistory]
) -> Rates:
    """Of all partitions that are there together, records a second."""
    read = [
        histories[place]
        for part in partitions
        if (place := TopicPartition(part.topic, part.partition)) in histories
        and part.state is not GroupState.ORPHANED
    ]
    return Rates(
        _sum(history.rate_of("committed") for history in read),
        _sum(history.rate_of("end") for history in read),
    )


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is the same for all partitions of one group in one look."""

    seen: Observation
    now_ms: int
    description: GroupDescription
    owners: Mapping[TopicPartition, GroupMember]
    commits: Mapping[TopicPartition, int]
    rebalancing_ms: int


def _retention(seen: Observation, topic: str) -> lag.Retention:
    """What deletes records of the topic; nothing where it is compacted or not known."""
    configs = seen.configs.get(topic, {})
    if "cleanup.policy" in configs and "delete" not in configs["cleanup.policy"].value:
        return lag.Retention()
    by_age = configs.get("retention.ms")
    by_size = configs.get("retention.bytes")
    return lag.Retention(
        int(by_age.value) if by_age is not None and by_age.value else -1,
        by_size is not None and by_size.value not in ("", "-1"),
    )


def _places(
    seen: Observation,
    commits: Mapping[TopicPartition, int],
    owners: Mapping[TopicPartition, GroupMember],
) -> list[TopicPartition]:
    """Where the group stands or should stand: all partitions of the topics it reads."""
    named = set(commits) | set(owners)
    for topic in {place.topic for place in named}:
        parts = seen.metadata.topics.get(topic, ())
        named.update(TopicPartition(topic, part.index) for part in parts)
    return sorted(named)


def _sum(rates: Iterable[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None
