"""A cluster in memory that answers the dashboard's questions; tests move it by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dashboard.cluster.lag import Appended, Place
from tests.support.made_transactions import MadeTransactions
from tracker.kafka.admin import EARLIEST, LATEST_STABLE, ClusterUnavailable
from tracker.kafka.answers import (
    BrokerNode,
    ClusterMetadata,
    ConfigValue,
    GroupDescription,
    GroupListing,
    GroupMember,
    ListedGroup,
    LogSpan,
    PartitionMetadata,
    Reading,
    Record,
)
from tracker.kafka.changes import NewRecord, NewTopic, Refused
from tracker.kafka.groups import ShareGroup, StreamsGroup
from tracker.kafka.inventory import Disks, LogDir
from tracker.topics import TopicPartition


@dataclass(slots=True)
class MadePartition:
    """Offsets of one partition; `stamps` are append times by offset, the last holds on."""

    start: int = 0
    end: int = 0
    stable: int | None = None
    stamps: dict[int, int] = field(default_factory=dict)
    leader: int = 1
    replicas: tuple[int, ...] = (1,)
    isr: tuple[int, ...] = (1,)
    only_markers_from: int | None = None  # offsets from here on hold no record


class MadeCluster(MadeTransactions):
    """Answers as both the admin and the reader; `away` makes every question fail."""

    def __init__(self) -> None:
        super().__init__()
        self.partitions: dict[TopicPartition, MadePartition] = {}
        self.groups: dict[str, GroupDescription] = {}
        self.commits: dict[str, dict[TopicPartition, int]] = {}
        self.configs: dict[str, dict[str, str]] = {}
        self.values: dict[tuple[TopicPartition, int], Record] = {}
        self._reading: dict[TopicPartition, int] = {}
        self.ids: dict[str, str] = {}
        self.others: list[ListedGroup] = []
        self.streams_groups: dict[str, StreamsGroup] = {}
        self.share_groups: dict[str, ShareGroup] = {}
        self.silent: set[str] = set()  # groups whose coordinator does not answer
        self.listed = True  # False: silent groups are not listed either
        self.producer_clock_ms: int | None = None  # how wrong it is; None: append times in records
        self.readable = True  # False: no right to read records
        self.nodes: tuple[BrokerNode, ...] = (BrokerNode(1, "127.0.0.1", 9092),)
        self.timeless: set[TopicPartition] = set()  # do not tell offsets by time
        self.wanted: list[int] = []  # how many records were asked for, each time
        self.reads: list[dict[TopicPartition, int]] = []
        self.disk_failed = False

    def add_topic(self, name: str, *partitions: MadePartition, **configs: str) -> None:
        """`retention_ms="1000"` stands for Kafka's retention.ms."""
        self.ids[name] = f"{name}-{len(self.ids)}"
        for index, partition in enumerate(partitions or (MadePartition(),)):
            self.partitions[TopicPartition(name, index)] = partition
        self.configs[name] = {key.replace("_", "."): value for key, value in configs.items()}

    def add_group(
        self,
        group_id: str,
        commits: Mapping[TopicPartition, int],
        owned: Sequence[TopicPartition] = (),
        state: str = "stable",
    ) -> None:
        """A group of one member that owns `owned`; of none when that is empty."""
        member = GroupMember("member-1", "client", "/127.0.0.1", "", tuple(owned))
        members = (member,) if owned else ()
        self.groups[group_id] = GroupDescription(
            group_id, "classic", state if owned else "empty", "range", 1, members
        )
        self.commits[group_id] = dict(commits)

    def metadata(self, timeout_s: float) -> ClusterMetadata:
        self._question("metadata")
        topics: dict[str, list[PartitionMetadata]] = {}
        for place, part in sorted(self.partitions.items()):
            found = PartitionMetadata(place.partition, part.leader, part.replicas, part.isr)
            topics.setdefault(place.topic, []).append(found)
        whole = {name: tuple(parts) for name, parts in topics.items()}
        return ClusterMetadata("made", 1, self.nodes, whole)

    def ping(self, timeout_s: float) -> None:
        self._question("ping")

    def topic_ids(self, topics: Sequence[str], timeout_s: float) -> dict[str, str]:
        self._question("topic_ids")
        return {name: self.ids[name] for name in topics if name in self.ids}

    def group_listing(self, timeout_s: float) -> GroupListing:
        self._question("list_groups")
        if self.listed:
            return GroupListing(tuple(self.groups), True)
        return GroupListing(tuple(set(self.groups) - self.silent), not self.silent)

    def disks(self, timeout_s: float) -> Disks:
        """A hundred bytes a record, on each replica."""
        self._question("disks")
        sizes = {
            place: dict.fromkeys(part.replicas, 100 * (part.end - part.start))
            for place, part in self.partitions.items()
        }
        return Disks(sizes, (LogDir(1, "/data", self.disk_failed, 10_000_000, 4_000_000),))

    def other_groups(self, timeout_s: float) -> tuple[ListedGroup, ...]:
        self._question("other_groups")
        return tuple(self.others)

    def streams(self, group_ids: Sequence[str], timeout_s: float) -> dict[str, StreamsGroup]:
        self._question("streams")
        return {
            name: self.streams_groups[name] for name in group_ids if name in self.streams_groups
        }

    def share(self, group_ids: Sequence[str], timeout_s: float) -> dict[str, ShareGroup]:
        self._question("share")
        return {name: self.share_groups[name] for name in group_ids if name in self.share_groups}

    def describe_groups(
        self, group_ids: Sequence[str], timeout_s: float
    ) -> dict[str, GroupDescription]:
        self._question("describe_groups")
        return {name: self.groups[name] for name in group_ids if name not in self.silent}

    def committed(
        self, group_ids: Sequence[str], timeout_s: float
    ) -> dict[str, dict[TopicPartition, int]]:
        self._question("committed")
        return {name: dict(self.commits[name]) for name in group_ids if name not in self.silent}

    def offsets(
        self, partitions: Sequence[TopicPartition], which: str, timeout_s: float
    ) -> dict[TopicPartition, int]:
        self._question(which)
        found: dict[TopicPartition, int] = {}
        for place in partitions:
            part = self.partitions[place]
            stable = part.end if part.stable is None else part.stable
            found[place] = {EARLIEST: part.start, LATEST_STABLE: stable}.get(which, part.end)
        return found

    def spans(
        self, partitions: Sequence[TopicPartition], timeout_s: float
    ) -> dict[TopicPartition, LogSpan]:
        """By the append times of the first and the last record."""
        self._question("spans")
        found = {}
        for place in partitions:
            part = self.partitions[place]
            first, last = self._record(place, part.start), self._record(place, part.end - 1)
            if part.end > part.start and first is not None and last is not None:
                found[place] = LogSpan(
                    part.start, first.timestamp_ms, part.end - 1, last.timestamp_ms
                )
        return found

    def topic_configs(
        self, topics: Sequence[str], timeout_s: float
    ) -> dict[str, dict[str, ConfigValue]]:
        self._question("topic_configs")
        return {
            name: {
                key: ConfigValue(key, value, False, False, False)
                for key, value in self.configs[name].items()
            }
            for name in topics
        }

    def first(
        self, positions: Mapping[TopicPartition, int], timeout_s: float
    ) -> dict[TopicPartition, Record | None]:
        self._question("first")
        if not self.readable:
            raise ClusterUnavailable("made to be unreadable")
        self.reads.append(dict(positions))
        return {place: self._record(place, offset) for place, offset in positions.items()}

    def close(self) -> None: ...

    def start(self, positions: Mapping[TopicPartition, int]) -> None:
        self._question("start")
        self._reading = dict(positions)

    def read(self, records_max: int, timeout_s: float) -> Reading:
        """Everything up to `records_max` at once, then the ends."""
        self._question("read")
        self.wanted.append(records_max)
        records: list[Record] = []
        for place, offset in self._reading.items():
            last = min(self.partitions[place].end, offset + records_max - len(records))
            numbers = range(offset, last)
            records += [self.values.get((place, n)) or self._some(place, n) for n in numbers]
            self._reading[place] = max(offset, last)
        ended = {p for p, at in self._reading.items() if at >= self.partitions[p].end}
        return Reading(tuple(records), frozenset(ended))

    def stop(self) -> None:
        self._reading = {}

    def offsets_for_time(
        self, partitions: Sequence[TopicPartition], timestamp_ms: int, timeout_s: float
    ) -> dict[TopicPartition, int]:
        self._question("offsets_for_time")
        found: dict[TopicPartition, int] = {}
        for place in partitions:
            if place in self.timeless:
                continue
            stamps = self.partitions[place].stamps
            later = [offset for offset, stamp in stamps.items() if stamp >= timestamp_ms]
            found[place] = min(later, default=self.partitions[place].end)
        return found

    def create_topic(self, topic: NewTopic) -> None:
        self._change("create", topic.name)
        made = [MadePartition() for _ in range(max(1, topic.partitions))]
        self.add_topic(topic.name, *made, **dict(topic.configs or {}))

    def delete_topic(self, name: str) -> None:
        self._change("delete", name)
        for place in [place for place in self.partitions if place.topic == name]:
            del self.partitions[place]

    def set_configs(self, topic: str, configs: Mapping[str, str | None]) -> None:
        self._change("configs", topic, dict(configs))
        for name, value in configs.items():
            if value is None:
                self.configs[topic].pop(name, None)
            else:
                self.configs[topic][name] = value

    def set_broker_configs(
        self, broker: str, configs: Mapping[str, str | None], validate_only: bool
    ) -> None:
        self._question("validate") if validate_only else self._change(
            "broker configs", broker, dict(configs)
        )

    def broker_configs(
        self, broker_ids: Sequence[int], timeout_s: float
    ) -> dict[str, dict[str, ConfigValue]]:
        self._question("broker_configs")
        entries = (
            ConfigValue("log.retention.ms", "5", False, False, False, "DYNAMIC_BROKER_CONFIG"),
            ConfigValue("broker.id", "1", False, True, False, "STATIC_BROKER_CONFIG"),
            ConfigValue("ssl.key.password", "", True, True, True, "DEFAULT_CONFIG"),
        )
        return {str(one): {entry.name: entry for entry in entries} for one in broker_ids}

    def racks(self, timeout_s: float) -> dict[int, str]:
        self._question("racks")
        return {1: "rack-a"}

    def delete_offsets(self, group_id: str, places: Sequence[TopicPartition]) -> None:
        self._change("delete offsets", group_id, tuple(places))
        for place in places:
            del self.commits[group_id][place]

    def set_share_starts(self, group_id: str, starts: Mapping[TopicPartition, int]) -> None:
        self._change("share starts", group_id, dict(starts))

    def delete_share_starts(self, group_id: str, topic: str) -> None:
        self._change("delete share starts", group_id, topic)

    def add_partitions(self, topic: str, total: int) -> None:
        now = sum(place.topic == topic for place in self.partitions)
        if total <= now:
            raise Refused(f"The topic {topic} currently has {now} partition(s)")
        self._change("partitions", topic, total)
        for index in range(total):
            self.partitions.setdefault(TopicPartition(topic, index), MadePartition())

    def commit_offsets(self, group_id: str, offsets: Mapping[TopicPartition, int]) -> None:
        self._change("commit", group_id, dict(offsets))
        self.commits[group_id].update(offsets)

    def delete_group(self, group_id: str) -> None:
        self._change("delete group", group_id)
        self.groups.pop(group_id, None)

    def delete_records(self, before: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        self._change("delete records", dict(before))
        for place, offset in before.items():
            self.partitions[place].start = offset
        return dict(before)

    def produce(self, record: NewRecord) -> tuple[int, int]:
        """On the last partition, when none is named."""
        self._change("produce", record)
        places = sorted(place for place in self.partitions if place.topic == record.topic)
        place = places[record.partition]
        self.partitions[place].end += 1
        return place.partition, self.partitions[place].end - 1

    def _some(self, place: TopicPartition, offset: int) -> Record:
        return Record(place.topic, place.partition, offset, offset, True, b"key", b"value", ())

    def _record(self, place: TopicPartition, offset: int) -> Record | None:
        part = self.partitions[place]
        if part.only_markers_from is not None and offset >= part.only_markers_from:
            return None
        stamp = self._stamp(place, offset) + (self.producer_clock_ms or 0)
        by_broker = self.producer_clock_ms is None
        return Record(place.topic, place.partition, offset, stamp, by_broker, None, b"", ())

    def _stamp(self, place: TopicPartition, offset: int) -> int:
        stamps = self.partitions[place].stamps
        at = max((o for o in stamps if o <= offset), default=None)
        return stamps[at] if at is not None else 0

    def appended(self, wanted: Mapping[Place, int]) -> dict[Place, Appended]:
        """When the broker took these, to a tenth of a second."""
        stamps = {place: self._stamp(place[0], offset) for place, offset in wanted.items()}
        return {
            place: Appended(wanted[place], stamp, stamp + 100) for place, stamp in stamps.items()
        }
