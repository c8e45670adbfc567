"""One look at a cluster: everything a snapshot needs, in the order that keeps lag true.

Commits are read before log ends: a group that reads on between the two can then only look a little
further behind than it is, never ahead of the log.

What is told beside the log - sizes on disk, share and streams groups - may be missing without any
harm. A group whose coordinator is silent keeps its last answers for three looks.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from tracker.kafka.admin import EARLIEST, LATEST, LATEST_STABLE, ClusterUnavailable
from tracker.kafka.answers import (
    ClusterMetadata,
    ConfigValue,
    GroupDescription,
    GroupListing,
    ListedGroup,
    LogSpan,
    Record,
)
from tracker.kafka.groups import ShareGroup, StreamsGroup
from tracker.kafka.inventory import Disks
from tracker.topics import TopicPartition

log = logging.getLogger(__name__)

T = TypeVar("T")

CONFIGS_AGE_S: Final = 60.0  # topic settings change rarely; a new topic is asked at once
STARTS_MAX: Final = 2_000  # partitions; with more, starts are asked every STARTS_AGE_S only
STARTS_AGE_S: Final = 30.0
DISKS_AGE_S: Final = 30.0
NO_DISKS: Final = Disks({}, ())
INVENTORY_S: Final = 2.0  # longest wait for what may be missing
INVENTORY_REST_S: Final = 60.0  # after a refusal
BULK_REST_S: Final = 60.0
HELD_LOOKS: Final = 3


class ClusterAdmin(Protocol):
    """The questions asked; answered by tracker.kafka.admin.Admin."""

    def metadata(self, timeout_s: float) -> ClusterMetadata: ...
    def ping(self, timeout_s: float) -> None: ...
    def topic_ids(self, topics: Sequence[str], timeout_s: float) -> dict[str, str]: ...
    def group_listing(self, timeout_s: float) -> GroupListing: ...
    def describe_groups(
        self, group_ids: Sequence[str], timeout_s: float
    ) -> dict[str, GroupDescription]: ...
    def committed(
        self, group_ids: Sequence[str], timeout_s: float
    ) -> dict[str, dict[TopicPartition, int]]: ...
    def offsets(
        self, partitions: Sequence[TopicPartition], which: str, timeout_s: float
    ) -> dict[TopicPartition, int]: ...
    def spans(
        self, partitions: Sequence[TopicPartition], timeout_s: float
    ) -> dict[TopicPartition, LogSpan]: ...
    def topic_configs(
        self, topics: Sequence[str], timeout_s: float
    ) -> dict[str, dict[str, ConfigValue]]: ...


class FirstRecords(Protocol):
    """Reads the first record at each offset; answered by tracker.kafka.reader.RecordReader."""

    def first(
        self, positions: Mapping[TopicPartition, int], timeout_s: float
    ) -> dict[TopicPartition, Record | None]: ...


class InBulk(Protocol):
    """The largest questions at a tenth of the price; answered by tracker.kafka.bulk.Bulk."""

    def metadata(self, timeout_s: float) -> tuple[ClusterMetadata, dict[str, str]]: ...
    def offsets(
        self, leaders: Mapping[TopicPartition, int], which: str, timeout_s: float
    ) -> dict[TopicPartition, int]: ...


class DisksAndGroups(Protocol):
    """What may be missing; answered by tracker.kafka.inventory.Inventory."""

    def disks(self, timeout_s: float) -> Disks: ...
    def other_groups(self, timeout_s: float) -> tuple[ListedGroup, ...]: ...
    def close(self) -> None: ...


class DescribesOthers(Protocol):
    """Groups that are no consumer groups; answered by tracker.kafka.groups.Groups."""

    def streams(self, group_ids: Sequence[str], timeout_s: float) -> dict[str, StreamsGroup]: ...
    def share(self, group_ids: Sequence[str], timeout_s: float) -> dict[str, ShareGroup]: ...


@dataclass(frozen=True, slots=True)
class Second:
    """What the second client is asked; all of it may be missing."""

    inventory: DisksAndGroups | None = None
    bulk: InBulk | None = None
    groups: DescribesOthers | None = None


NO_SECOND: Final = Second()


@dataclass(frozen=True, slots=True)
class Observation:
    """What the cluster answered, not yet judged."""

    metadata: ClusterMetadata
    descriptions: Mapping[str, GroupDescription]
    commits: Mapping[str, Mapping[TopicPartition, int]]
    starts: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]
    stable_ends: Mapping[TopicPartition, int]
    configs: Mapping[str, Mapping[str, ConfigValue]]
    topic_ids: Mapping[str, str] = field(default_factory=dict)
    disks: Disks = NO_DISKS
    share_groups: tuple[ShareGroup, ...] = ()
    streams: Mapping[str, StreamsGroup] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()  # groups whose coordinator did not answer this time
    unheard: frozenset[str] = frozenset()  # nor the looks before: nothing of them is held any more


class Held(Generic[T]):
    """Answers by group; one whose coordinator is silent answers as before, for three looks."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, T]] = {}  # looks that it was silent, its last answer

    def fill(self, group_ids: Sequence[str], answers: Mapping[str, T]) -> dict[str, T]:
        """`answers`, and those that are held; groups not named are forgotten."""
        last: dict[str, tuple[int, T]] = {}
        for group_id in group_ids:
            if group_id in answers:
                last[group_id] = (0, answers[group_id])
            elif group_id in self._last and self._last[group_id][0] < HELD_LOOKS:
                silent, answer = self._last[group_id]
                last[group_id] = (silent + 1, answer)
        self._last = last
        return {group_id: answer for group_id, (_, answer) in last.items()}

    @property
    def silent(self) -> frozenset[str]:
        """Groups whose answer is an old one."""
        return frozenset(group_id for group_id, (looks, _) in self._last.items() if looks)


class Large:
    """Questions about every partition: in bulk, and in the old way where that fails.

    What failed is left alone for a minute. A cluster is asked in bulk only once the old way showed
    that it is there: kafka-python leaves a socket behind with each try at one that is not.
    """

    def __init__(self, admin: ClusterAdmin, bulk: InBulk | None) -> None:
        self._admin = admin
        self._bulk = bulk
        self._is_there = False
        self._rests_until = 0.0

    def metadata(self, timeout_s: float) -> tuple[ClusterMetadata, Mapping[str, str]]:
        """What there is, and ids of topics."""
        deadline = time.monotonic() + timeout_s
        if (bulk := self._usable()) is not None:
            try:
                return bulk.metadata(timeout_s / 2)
            except ClusterUnavailable as refusal:
                self._rest(refusal)
        self._is_there = False
        metadata = self._admin.metadata(max(0.05, deadline - time.monotonic()))
        self._is_there = True
        left_s = max(0.05, deadline - time.monotonic())
        return metadata, self._admin.topic_ids(tuple(metadata.topics), left_s)

    def offsets(
        self, leaders: Mapping[TopicPartition, int], which: str, timeout_s: float
    ) -> dict[TopicPartition, int]:
        """One kind of offset of each partition; those that were not told are left out."""
        deadline = time.monotonic() + timeout_s
        if (bulk := self._usable()) is not None:
            try:
                return bulk.offsets(leaders, which, timeout_s / 2)
            except ClusterUnavailable as refusal:
                self._rest(refusal)
        left_s = max(0.05, deadline - time.monotonic())
        return self._admin.offsets(tuple(leaders), which, left_s)

    def _usable(self) -> InBulk | None:
        rests = time.monotonic() < self._rests_until
        return self._bulk if self._is_there and not rests else None

    def _rest(self, refusal: ClusterUnavailable) -> None:
        log.info("not asked in bulk for a while reason=%s", refusal)
        self._rests_until = time.monotonic() + BULK_REST_S


class Collector:
    """Asks one cluster; remembers topic settings between looks. One look at a time."""

    def __init__(
        self,
        admin: ClusterAdmin,
        timeout_s: float,
        second: Second = NO_SECOND,
    ) -> None:
        self._admin = admin
        self._large = Large(admin, second.bulk)
        self._describes = second.groups
        self._streams: Mapping[str, StreamsGroup] = {}
        self._share: Mapping[str, ShareGroup] = {}
        self._timeout_s = timeout_s
        self._inventory = second.inventory
        self._inventory_rests_until = 0.0
        self._disks = NO_DISKS
        self._disks_read_at = -DISKS_AGE_S
        self._leaderless: frozenset[TopicPartition] = frozenset()
        self._others: tuple[ListedGroup, ...] = ()
        self._starts: Mapping[TopicPartition, int] = {}
        self._starts_read_at = -STARTS_AGE_S
        self._ends: Mapping[TopicPartition, int] = {}
        self._stable_ends: Mapping[TopicPartition, int] = {}
        self._topic_ids: Mapping[str, str] = {}
        self._descriptions: Held[GroupDescription] = Held()
        self._commits: Held[dict[TopicPartition, int]] = Held()
        self._group_ids: frozenset[str] = frozenset()  # of the look before
        self._configs: dict[str, dict[str, ConfigValue]] = {}
        self._configs_read_at = -math.inf

    def forget_settings(self) -> None:
        """The next look asks for those of every topic."""
        self._configs_read_at = -math.inf

    def observe(self) -> Observation:
        """Blocks at most `timeout_s`; raises ClusterUnavailable."""
        deadline = time.monotonic() + self._timeout_s

        def left() -> float:
            return max(0.05, deadline - time.monotonic())

        metadata, topic_ids = self._large.metadata(left())
        self._look_at_disks_again(metadata)
        self._take_inventory(min(INVENTORY_S, left()))
        led = {
            TopicPartition(name, partition.index): partition.leader
            for name, partitions in metadata.topics.items()
            for partition in partitions
            if partition.leader >= 0
        }
        # Starts before commits: who deletes what it has read (Streams) moves both, and has lost
        # nothing. Commits before ends: a lag is never negative.
        starts = self._read_starts(led, left())
        descriptions, commits = self._groups(left)
        ends = self._large.offsets(led, LATEST, left())
        moved = {place: led[place] for place in self._moved(ends, topic_ids)}
        told = self._large.offsets(moved, LATEST_STABLE, left())
        stable_ends = {place: end for place, end in ends.items() if place not in moved} | told
        self._stable_ends, self._ends, self._topic_ids = stable_ends, ends, topic_ids
        configs = self._topic_configs(tuple(metadata.topics), left())
        return Observation(
            metadata=metadata,
            descriptions=descriptions,
            commits=commits,
            starts=starts,
            ends=ends,
            stable_ends=stable_ends,
            configs=configs,
            topic_ids=topic_ids,
            disks=self._disks,
            share_groups=tuple(
                self._share.get(one.group_id, ShareGroup(one.group_id, one.state))
                for one in self._others
                if one.kind == "share"
            ),
            streams=self._streams,
            silent=self._descriptions.silent | self._commits.silent,
            unheard=self._group_ids - set(descriptions) - set(commits),
        )

    def _read_starts(
        self, led: Mapping[TopicPartition, int], timeout_s: float
    ) -> Mapping[TopicPartition, int]:
        """Starts of all logs; in a large cluster only new ones between two full rounds."""
        now = time.monotonic()
        whole = len(led) <= STARTS_MAX or now - self._starts_read_at >= STARTS_AGE_S
        asked = led if whole else {p: leader for p, leader in led.items() if p not in self._starts}
        found = self._large.offsets(asked, EARLIEST, timeout_s)
        if whole:
            self._starts_read_at = now
        else:
            found |= {place: self._starts[place] for place in led if place in self._starts}
        self._starts = found
        return found

    def _moved(
        self, ends: Mapping[TopicPartition, int], ids: Mapping[str, str]
    ) -> list[TopicPartition]:
        """Where the last stable offset has to be asked anew.

        A log that was stable to its end, and has not grown, is so yet.
        """
        before, stable, old_ids = self._ends, self._stable_ends, self._topic_ids
        return [
            place
            for place, end in ends.items()
            if not stable.get(place) == end == before.get(place)
            or ids.get(place.topic) != old_ids.get(place.topic)
        ]

    def _groups(
        self, left: Callable[[], float]
    ) -> tuple[dict[str, GroupDescription], dict[str, dict[TopicPartition, int]]]:
        """Descriptions and commits of every group that commits.

        Each question gets a quarter of the time: a coordinator on a dead broker must not leave the
        ends of logs unasked.
        """
        most = self._timeout_s / 4
        listing = self._admin.group_listing(left())
        streams = {one.group_id: one for one in self._others if one.kind == "streams"}
        named = set(listing.ids) - set(streams)
        if not listing.complete:
            named |= self._group_ids - set(streams)  # a silent broker does not list its groups
        asked = sorted(named)
        answers = _some(lambda: self._admin.describe_groups(asked, min(most, left())))
        answers |= {
            name: self._streams[name].group
            if name in self._streams
            else GroupDescription(name, "streams", one.state, "", -1, (), members_unknown=True)
            for name, one in streams.items()
        }
        self._group_ids = frozenset(named | set(streams))
        all_ids = sorted(self._group_ids)
        # Only where the coordinator has just answered: librdkafka (2.16) ends the process when one
        # answers a question for offsets with NOT_COORDINATOR or COORDINATOR_NOT_AVAILABLE.
        heard = [name for name in all_ids if name in answers]
        committed = _some(lambda: self._admin.committed(heard, min(most, left())))
        return (
            self._descriptions.fill(all_ids, answers),
            self._commits.fill(all_ids, committed),
        )

    def _look_at_disks_again(self, metadata: ClusterMetadata) -> None:
        """At once where other partitions have no leader than before: a log directory may be why."""
        leaderless = frozenset(
            TopicPartition(name, partition.index)
            for name, partitions in metadata.topics.items()
            for partition in partitions
            if partition.leader < 0
        )
        if leaderless != self._leaderless:
            self._leaderless = leaderless
            self._disks_read_at = self._inventory_rests_until = -math.inf

    def _take_inventory(self, timeout_s: float) -> None:
        """Sizes and other groups; what is refused is asked again a minute later."""
        now = time.monotonic()
        if self._inventory is None or now < self._inventory_rests_until:
            return
        questions = {"share groups": self._take_others}
        if now - self._disks_read_at >= DISKS_AGE_S:
            questions["sizes"] = self._take_disks
        for what, ask in questions.items():
            try:
                ask(self._inventory, timeout_s)
            except ClusterUnavailable as refusal:
                log.info("%s are not known reason=%s", what, refusal)
                self._inventory_rests_until = now + INVENTORY_REST_S

    def _take_disks(self, inventory: DisksAndGroups, timeout_s: float) -> None:
        self._disks = inventory.disks(timeout_s)
        self._disks_read_at = time.monotonic()

    def _take_others(self, inventory: DisksAndGroups, timeout_s: float) -> None:
        self._others = inventory.other_groups(timeout_s)
        self._describe_others(timeout_s)

    def _describe_others(self, timeout_s: float) -> None:
        """Who is in share and streams groups; a refusal leaves what the list of groups says."""
        if self._describes is None:
            return
        named: dict[str, list[str]] = {"share": [], "streams": []}
        for one in self._others:
            named[one.kind].append(one.group_id)
        self._streams, self._share = {}, {}  # nobody is told of members of another look
        self._streams = self._describes.streams(named["streams"], timeout_s)
        self._share = self._describes.share(named["share"], timeout_s)

    def _topic_configs(
        self, topics: Sequence[str], timeout_s: float
    ) -> Mapping[str, Mapping[str, ConfigValue]]:
        now = time.monotonic()
        if now - self._configs_read_at >= CONFIGS_AGE_S:
            missing = list(topics)
            self._configs_read_at = now
        else:
            missing = [name for name in topics if name not in self._configs]
        try:
            self._configs |= self._admin.topic_configs(missing, timeout_s)
        except ClusterUnavailable:  # no right to read settings: defaults are shown
            pass
        self._configs = {name: self._configs[name] for name in topics if name in self._configs}
        return dict(self._configs)


def _some(call: Callable[[], dict[str, T]]) -> dict[str, T]:
    """What was answered for groups; nothing while none of their coordinators is there."""
    try:
        return call()
    except ClusterUnavailable as refusal:
        log.info("no coordinator answered reason=%s", refusal)
        return {}
