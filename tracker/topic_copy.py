"""A copy of a topic's records from beginning to end: what it would do, where it goes on, its notes.

How far it came stands in `<data dir>/copies/`, written after each batch that the target has
acknowledged: the same copy goes on from there. What was stored between the last such write and a
crash, at most one batch, is stored twice.
"""

import contextlib
import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from footfall.folders import make_folder
from tracker.config import KafkaConfig
from tracker.kafka.admin import EARLIEST, LATEST, LATEST_STABLE, Admin
from tracker.kafka.answers import ClusterMetadata
from tracker.kafka.client import KafkaFailure
from tracker.kafka.copy import CLIENT_ID, Ends, Stored, TopicCopy
from tracker.kafka.topics import create_topic
from tracker.secret_file import replace_file
from tracker.topics import TopicPartition

TIMEOUT_S: Final = 10.0
FROM_THE_BEGINNING: Final = "all of it can be copied from the beginning (anew)"


@dataclass(frozen=True, slots=True)
class Side:
    """A topic of a cluster of the settings."""

    cluster: str
    kafka: KafkaConfig
    topic: str


@dataclass(frozen=True, slots=True)
class Extent:
    """What of the source is copied: offsets by partition, the ends exclusive."""

    starts: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]
    held: int  # offsets behind the ends, up to which transactions are open


@dataclass(frozen=True, slots=True)
class There:
    """A target that is there already."""

    partitions: int
    offsets: int  # how far its partitions have come, in all


@dataclass(frozen=True, slots=True)
class Plan:
    """A copy that may begin; nothing was changed for it."""

    source: Side
    target: Side
    extent: Extent
    there: There | None  # None: it will be made
    settings: Mapping[str, str]  # of the source topic itself, for a target that will be made
    at: Mapping[TopicPartition, int]  # where it begins
    notes: "Notes"

    @property
    def goes_on(self) -> bool:
        """An earlier copy has done a part of it."""
        return any(offset > self.extent.starts[place] for place, offset in self.at.items())

    @property
    def offsets(self) -> int:
        """Records at most: compaction and markers of transactions leave holes."""
        return left_of(self.at, self.extent.ends)


def left_of(at: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> int:
    """Offsets that are still to be copied."""
    return sum(end - at[place] for place, end in ends.items())


def plan(source: Side, target: Side, folder: Path, anew: bool) -> Plan:
    """What there is now, from where an earlier copy stopped; `anew`: from the beginning.

    Asks both clusters. Raises KafkaFailure where it cannot be done, and ClusterUnavailable.
    """
    reading, writing = Admin(source.kafka, CLIENT_ID), Admin(target.kafka, CLIENT_ID)
    seen, known = reading.metadata(TIMEOUT_S), writing.metadata(TIMEOUT_S)
    about = (
        *(seen.cluster_id or source.cluster, source.topic),
        *(known.cluster_id or target.cluster, target.topic),
    )
    if about[:2] == about[2:]:
        raise KafkaFailure("a topic is not copied onto itself: name another one, or a cluster")
    extent = _extent(reading, _places(seen, source))
    there = None
    if target.topic in known.topics:
        there = _there(writing, _places(known, target), target, len(extent.ends))
    ids = (_topic_id(reading, source.topic), _topic_id(writing, target.topic) if there else "")
    notes = Notes(folder, about, ids)
    kept = {} if anew or there is None or not there.offsets else notes.read(extent.ends)
    at = {place: max(start, kept.get(place, 0)) for place, start in extent.starts.items()}
    return Plan(source, target, extent, there, _own_settings(reading, source.topic), at, notes)


def carry_out(
    planned: Plan,
    stored: Callable[[Mapping[TopicPartition, int], Stored], None],
    is_stopped: Callable[[], bool] = lambda: False,
) -> bool:
    """Makes the target where it is missing, then copies; `stored` hears of each batch.

    False where `is_stopped` ended it before all was copied. Raises KafkaFailure and
    ClusterUnavailable; the next plan goes on from what was stored.
    """
    source, target, notes = planned.source, planned.target, planned.notes
    with notes.held():
        if planned.there is None:
            partitions = len(planned.extent.ends)
            create_topic(target.kafka, target.topic, partitions, planned.settings)
            notes.is_of_target(_topic_id(Admin(target.kafka, CLIENT_ID), target.topic))
        notes.write(planned.at)  # where that fails it is told now, before anything is stored

        def note(reached: Mapping[TopicPartition, int], batch: Stored) -> None:
            notes.write(reached)
            stored(reached, batch)

        ends = Ends(source.kafka, source.topic), Ends(target.kafka, target.topic)
        return TopicCopy(*ends, is_stopped).run(planned.at, planned.extent.ends, note)


def _places(seen: ClusterMetadata, side: Side) -> list[TopicPartition]:
    partitions = seen.topics.get(side.topic)
    if partitions is None:
        raise KafkaFailure(f"topic {side.topic} does not exist in cluster {side.cluster}")
    return [TopicPartition(side.topic, part.index) for part in partitions]


def _extent(admin: Admin, places: Sequence[TopicPartition]) -> Extent:
    starts = admin.offsets(places, EARLIEST, TIMEOUT_S)
    ends = admin.offsets(places, LATEST_STABLE, TIMEOUT_S)
    open_ends = admin.offsets(places, LATEST, TIMEOUT_S)
    if len(starts) < len(places) or len(ends) < len(places):
        raise KafkaFailure(f"not every partition of {places[0].topic} tells its offsets")
    return Extent(
        starts, ends, sum(open_ends.get(place, ends[place]) - ends[place] for place in ends)
    )


def _own_settings(admin: Admin, topic: str) -> dict[str, str]:
    told = admin.topic_configs([topic], TIMEOUT_S).get(topic, {})
    return {entry.name: entry.value for entry in told.values() if entry.of_topic}


def _there(admin: Admin, places: Sequence[TopicPartition], target: Side, needed: int) -> There:
    """KafkaFailure where not all fits into it."""
    if len(places) < needed:
        raise KafkaFailure(
            f"{target.topic} has {len(places)} partitions in cluster {target.cluster}, "
            f"{needed} are needed"
        )
    return There(len(places), sum(admin.offsets(places, LATEST, TIMEOUT_S).values()))


def _topic_id(admin: Admin, topic: str) -> str:
    """Empty where the cluster has none (before 2.8) or does not tell it yet."""
    return admin.topic_ids([topic], TIMEOUT_S).get(topic, "")


class Notes:
    """How far a copy came, in a file of its own."""

    def __init__(self, folder: Path, about: Sequence[str], ids: tuple[str, str]) -> None:
        """`about`: cluster and topic, of the source and the target; `ids`: the topics' own."""
        self._about, self._ids = list(about), list(ids)
        name = hashlib.sha256(json.dumps(self._about).encode()).hexdigest()[:16]
        self._path = folder / f"{name}.json"
        self._topic = about[1]

    def is_of_target(self, topic_id: str) -> None:
        """The target was made just now."""
        self._ids[1] = topic_id

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """By one process at a time; KafkaFailure where another one copies the same."""
        try:
            make_folder(self._path.parent)
            lock = self._path.with_suffix(".lock").open("a")
        except OSError as error:
            raise self._unwritable(error) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise KafkaFailure(f"{self._topic} is being copied there already") from error
            yield

    def read(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Where to go on; nothing where nobody has begun. KafkaFailure where that is not known."""
        try:
            told = json.loads(self._path.read_text())
            source_id, target_id = told["ids"]
            found = {
                TopicPartition(self._topic, int(index)): int(offset)
                for index, offset in told["offsets"].items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise KafkaFailure(f"{self._path} cannot be read: {FROM_THE_BEGINNING}") from error
        if _differ(target_id, self._ids[1]):
            return {}  # another topic under that name, in which nothing was copied
        if _differ(source_id, self._ids[0]) or any(found[at] > ends.get(at, 0) for at in found):
            said = f"{self._topic} was made anew since the last copy: {FROM_THE_BEGINNING}"
            raise KafkaFailure(said)
        return found

    def write(self, at: Mapping[TopicPartition, int]) -> None:
        """All at once: a crash leaves the notes of before. KafkaFailure where it cannot be done."""
        offsets = {str(place.partition): offset for place, offset in at.items()}
        told = {"copy": self._about, "ids": self._ids, "offsets": offsets}
        try:
            replace_file(self._path, json.dumps(told).encode())
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> KafkaFailure:
        return KafkaFailure(f"{self._path} cannot be written ({error.strerror})")


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)
