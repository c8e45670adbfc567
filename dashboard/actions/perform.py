"""The actions themselves: from a checked wish and the last look at the cluster to a change.

Each runs in a thread. It refuses what the snapshot already shows to be wrong in a sentence for
people; what only the cluster can know, the cluster refuses.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from dashboard.actions import wishes
from dashboard.cluster.model import Partition, Snapshot, Topic
from dashboard.cluster.transactions import TransactionQuestions
from dashboard.connect.client import ConnectClient
from dashboard.connect.model import shown
from dashboard.copies.room import CopyRoom
from dashboard.security.desk import RightsChanges
from dashboard.subjects.client import RegistryClient
from dashboard.text import plural
from tracker.kafka.admin import EARLIEST, LATEST
from tracker.kafka.answers import ConfigValue
from tracker.kafka.changes import NewRecord, NewTopic, Refused
from tracker.topics import TopicPartition

ASK_S: Final = 5.0
PROTECTED: Final = (
    "__consumer_offsets",
    "__transaction_state",
    "__share_group_state",
    "__cluster_metadata",
)


class Cluster(Protocol):
    """What can be changed; answered by tracker.kafka.changes.Changes."""

    def create_topic(self, topic: NewTopic) -> None: ...
    def delete_topic(self, name: str) -> None: ...
    def set_configs(self, topic: str, configs: Mapping[str, str | None]) -> None: ...
    def set_broker_configs(
        self, broker: str, configs: Mapping[str, str | None], validate_only: bool
    ) -> None: ...
    def set_share_starts(self, group_id: str, starts: Mapping[TopicPartition, int]) -> None: ...
    def delete_share_starts(self, group_id: str, topic: str) -> None: ...
    def delete_offsets(self, group_id: str, places: Sequence[TopicPartition]) -> None: ...
    def add_partitions(self, topic: str, total: int) -> None: ...
    def commit_offsets(self, group_id: str, offsets: Mapping[TopicPartition, int]) -> None: ...
    def delete_group(self, group_id: str) -> None: ...
    def delete_records(
        self, before: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, int]: ...
    def produce(self, record: NewRecord) -> tuple[int, int]: ...


class Times(Protocol):
    """What the snapshot does not hold; answered by tracker.kafka.admin.Admin."""

    def broker_configs(
        self, broker_ids: Sequence[int], timeout_s: float
    ) -> Mapping[str, Mapping[str, ConfigValue]]: ...

    def topic_configs(
        self, topics: Sequence[str], timeout_s: float
    ) -> Mapping[str, Mapping[str, ConfigValue]]: ...

    def offsets(
        self, partitions: Sequence[TopicPartition], which: str, timeout_s: float
    ) -> Mapping[TopicPartition, int]: ...

    def offsets_for_time(
        self, partitions: Sequence[TopicPartition], timestamp_ms: int, timeout_s: float
    ) -> Mapping[TopicPartition, int]: ...


@dataclass(frozen=True, slots=True)
class Scene:
    """What an action works with."""

    cluster: Cluster
    times: Times
    snapshot: Snapshot
    security: RightsChanges
    connect: Sequence[ConnectClient] = ()
    registry: RegistryClient | None = None
    copies: CopyRoom | None = None
    transactions: TransactionQuestions | None = None
    who: str = ""
    later: Callable[[str], None] = lambda outcome: None
    """Says in the audit how something ended that goes on after its action; from any thread."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, or in a dry run would be: a sentence, and a row for each partition."""

    sentence: str
    changed: bool
    rows: tuple[Mapping[str, Any], ...] = ()


def create_topic(scene: Scene, wish: wishes.CreateTopic) -> Outcome:
    if wish.topic in scene.snapshot.topics:
        raise Refused(f"topic {wish.topic} is there already")
    scene.cluster.create_topic(
        NewTopic(wish.topic, wish.partitions, wish.replication_factor, wish.configs)
    )
    return Outcome(f"Topic {wish.topic} was created.", True)


def copy_topic(scene: Scene, wish: wishes.CopyTopic) -> Outcome:
    source = topic_of(scene, wish.source)
    copies = max((len(part.replicas) for part in source.partitions), default=-1)
    configs = {name: entry.value for name, entry in source.configs.items() if entry.of_topic}
    like = wishes.CreateTopic(
        topic=wish.topic,
        partitions=len(source.partitions),
        replication_factor=copies,
        configs=configs,
    )
    create_topic(scene, like)
    rows = tuple({"setting": name, "value": value} for name, value in sorted(configs.items()))
    parts = plural(len(source.partitions), "partition")
    said = f"Topic {wish.topic} was created like {wish.source}: {parts}, {copies} of each."
    return Outcome(said, True, rows)


def edit_broker_config(scene: Scene, wish: wishes.EditBrokerConfig) -> Outcome:
    everybody = wish.broker == "default"
    known = [node.id for node in scene.snapshot.brokers]
    if not everybody and int(wish.broker) not in known:
        raise Refused(f"there is no broker {wish.broker}")
    asked = known[:1] if everybody else [int(wish.broker)]
    found = scene.times.broker_configs(asked, ASK_S)
    before = found.get(str(asked[0]), {}) if asked else {}
    scene.cluster.set_broker_configs("" if everybody else wish.broker, wish.configs, wish.dry_run)
    rows = tuple(
        {
            "setting": name,
            "before": _told(before.get(name)),
            "after": "as it was" if value is None else shown(name, value),
        }
        for name, value in sorted(wish.configs.items())
    )
    who = "all brokers" if everybody else f"broker {wish.broker}"
    many = plural(len(rows), "setting")
    said = f"{many} of {who} {'would change' if wish.dry_run else 'changed'}."
    return Outcome(said, not wish.dry_run, rows)


def _told(entry: ConfigValue | None) -> str:
    if entry is None:
        return "not known"
    return "hidden" if entry.is_sensitive else entry.value or "none"


def delete_topic(scene: Scene, wish: wishes.DeleteTopic) -> Outcome:
    _unprotected(wish.topic)
    scene.cluster.delete_topic(wish.topic)
    return Outcome(f"Topic {wish.topic} was deleted with all its records.", True)


def edit_config(scene: Scene, wish: wishes.EditConfig) -> Outcome:
    topic_of(scene, wish.topic)
    before = scene.times.topic_configs([wish.topic], ASK_S).get(wish.topic, {})
    scene.cluster.set_configs(wish.topic, wish.configs)
    rows = tuple(
        {
            "setting": name,
            "before": _told(before.get(name)),
            "after": "default" if value is None else value,
        }
        for name, value in sorted(wish.configs.items())
    )
    return Outcome(f"{plural(len(rows), 'setting')} of {wish.topic} changed.", True, rows)


def add_partitions(scene: Scene, wish: wishes.AddPartitions) -> Outcome:
    _unprotected(wish.topic)
    topic_of(scene, wish.topic)
    scene.cluster.add_partitions(wish.topic, wish.total)  # refuses what is no increase
    return Outcome(f"Topic {wish.topic} has {wish.total} partitions now.", True)


def delete_records(scene: Scene, wish: wishes.DeleteRecords) -> Outcome:
    _unprotected(wish.topic)
    before: dict[TopicPartition, int] = {}
    rows = []
    for part in parts_of(scene, wish.topic, wish.partition):
        start, end = part.start or 0, part.end or 0
        cut = end if wish.before is None else max(start, min(wish.before, end))
        if cut > start:
            before[TopicPartition(wish.topic, part.index)] = cut
        rows.append(
            {"partition": part.index, "before": start, "after": cut, "records": cut - start}
        )
    records = sum(int(row["records"]) for row in rows)
    what = f"{plural(records, 'record')} of {wish.topic}"
    if wish.dry_run:
        return Outcome(f"{what} would be deleted.", False, tuple(rows))
    if before:
        scene.cluster.delete_records(before)
    return Outcome(f"{what} deleted.", bool(before), tuple(rows))


def reset_offsets(scene: Scene, wish: wishes.ResetOffsets) -> Outcome:
    """Bounded to what the log holds; a group with members is refused before anything is asked."""
    group = scene.snapshot.groups.get(wish.group)
    if group is None:
        raise Refused(f"there is no group {wish.group}")
    if group.members and not wish.dry_run:
        raise Refused(
            f"group {wish.group} has {plural(len(group.members), 'member')}; stop them first"
        )
    committed = {
        part.partition: part.committed for part in group.partitions if part.topic == wish.topic
    }
    parts = parts_of(scene, wish.topic, wish.partition)
    found = targets(scene, wish, parts, committed)
    rows = tuple(
        {
            "partition": part.index,
            "before": committed.get(part.index),
            "after": found[part.index],
            "lag": (part.end or 0) - found[part.index],
        }
        for part in parts
    )
    if wish.dry_run:
        said = f"Group {wish.group} would go on from these offsets of {wish.topic}."
        if group.members:
            said += f" It has {plural(len(group.members), 'member')}: stop them first."
        return Outcome(said, False, rows)
    scene.cluster.commit_offsets(
        wish.group, {TopicPartition(wish.topic, index): at for index, at in found.items()}
    )
    return Outcome(f"Group {wish.group} goes on from these offsets of {wish.topic}.", True, rows)


def targets(
    scene: Scene,
    wish: wishes.ResetOffsets,
    parts: Sequence[Partition],
    committed: Mapping[int, int | None],
) -> dict[int, int]:
    """New offset of each partition, kept in [start, end]."""
    if wish.to in ("offset", "shift") and wish.offset is None:
        raise Refused(f"to {wish.to} needs offset")
    found: Mapping[TopicPartition, int] = {}
    if wish.to == "time":
        if wish.time_ms is None:
            raise Refused("to time needs time_ms")
        places = [TopicPartition(wish.topic, part.index) for part in parts]
        found = scene.times.offsets_for_time(places, wish.time_ms, ASK_S)
        if silent := sorted(set(places) - found.keys()):
            at = f"{wish.topic}-{silent[0].partition}"
            raise Refused(f"{at} does not report an offset for that time; nothing was changed")
    targets = {}
    for part in parts:
        start, end = part.start or 0, part.end or 0
        wanted = {
            "earliest": start,
            "latest": end,
            "offset": wish.offset or 0,
            "shift": (committed.get(part.index) or start) + (wish.offset or 0),
            "time": found.get(TopicPartition(wish.topic, part.index), 0),
        }[wish.to]
        targets[part.index] = max(start, min(wanted, end))
    return targets


def delete_offsets(scene: Scene, wish: wishes.DeleteOffsets) -> Outcome:
    group = scene.snapshot.groups.get(wish.group)
    if group is None:
        raise Refused(f"there is no group {wish.group}")
    commits = {
        part.partition: part.committed
        for part in group.partitions
        if part.topic == wish.topic and part.committed is not None
    }
    if not commits:
        raise Refused(f"group {wish.group} has committed nothing for {wish.topic}")
    rows = tuple(
        {"partition": index, "before": at, "after": None} for index, at in sorted(commits.items())
    )
    if wish.dry_run:
        return Outcome(f"Group {wish.group} would forget these of {wish.topic}.", False, rows)
    scene.cluster.delete_offsets(
        wish.group, [TopicPartition(wish.topic, index) for index in sorted(commits)]
    )
    return Outcome(f"Group {wish.group} has no commits for {wish.topic} any more.", True, rows)


def delete_group(scene: Scene, wish: wishes.DeleteGroup) -> Outcome:
    shared = {one.group_id: one for one in scene.snapshot.share_groups}
    group = scene.snapshot.groups.get(wish.group) or shared.get(wish.group)
    if group is not None and group.members:
        raise Refused(f"group {wish.group} has {plural(len(group.members), 'member')}")
    scene.cluster.delete_group(wish.group)
    what = "where it stood" if wish.group in shared else "its commits"
    return Outcome(f"Group {wish.group} was deleted with {what}.", True)


def produce(scene: Scene, wish: wishes.ProduceMessage) -> Outcome:
    _unprotected(wish.topic)
    topic_of(scene, wish.topic)  # a mistyped name must not make a topic
    record = NewRecord(
        wish.topic,
        -1 if wish.partition is None else wish.partition,
        None if wish.key is None else wish.key.encode(),
        None if wish.value is None else wish.value.encode(),
        [(name, value.encode()) for name, value in wish.headers.items()],
    )
    partition, offset = scene.cluster.produce(record)
    row = {"partition": partition, "offset": offset}
    return Outcome(f"Stored in {wish.topic}-{partition} at offset {offset}.", True, (row,))


def topic_of(scene: Scene, name: str) -> Topic:
    topic = scene.snapshot.topics.get(name)
    if topic is None:
        raise Refused(f"there is no topic {name}")
    return topic


def parts_of(scene: Scene, name: str, only: int | None) -> list[Partition]:
    """Partitions meant, with where they begin and end now: the last look is seconds old, and what
    was just deleted would be gone on from. Refuses when one does not tell its offsets."""
    topic = topic_of(scene, name)
    parts = [part for part in topic.partitions if only in (None, part.index)]
    if not parts:
        raise Refused(f"topic {name} has no partition {only}")
    for part in parts:
        if part.offline:
            raise Refused(f"{name}-{part.index} is offline, its offsets are not known")
    places = [TopicPartition(name, part.index) for part in parts]
    starts = scene.times.offsets(places, EARLIEST, ASK_S)
    ends = scene.times.offsets(places, LATEST, ASK_S)
    if silent := sorted(set(places) - (starts.keys() & ends.keys())):
        at = f"{name}-{silent[0].partition}"
        raise Refused(f"{at} does not report its offsets; nothing was changed")
    return [
        replace(part, start=starts[place], end=ends[place])
        for part, place in zip(parts, places, strict=True)
    ]


def _unprotected(name: str) -> None:
    if name in PROTECTED:
        raise Refused(f"{name} is the cluster's own; it is left alone")
