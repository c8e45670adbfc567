"""`footfall topic copy`: the records of a topic, into another topic or another cluster.

How far it came stands in `<data dir>/copies/`, written after each batch that the target has
acknowledged: the same command goes on from there. What was stored between the last such write and
a crash, at most one batch, is stored twice.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from tracker.config import KafkaConfig
from tracker.kafka import KafkaFailure
from tracker.kafka_admin import EARLIEST, LATEST, LATEST_STABLE, Admin
from tracker.kafka_answers import ClusterMetadata
from tracker.kafka_copy import CLIENT_ID, Ends, TopicCopy
from tracker.kafka_topics import create_topic
from tracker.secret_file import replace_file
from tracker.topics import TopicPartition

TIMEOUT_S: Final = 10.0
TOLD_EVERY_S: Final = 2.0


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


def copy(source: Side, target: Side, data_dir: Path, anew: bool, console: Console) -> bool:
    """What is there now, from where an earlier run stopped; `anew`: from the beginning.

    False when Ctrl-C ended it before all of that was copied.
    """
    reading, writing = Admin(source.kafka, CLIENT_ID), Admin(target.kafka, CLIENT_ID)
    seen, there = reading.metadata(TIMEOUT_S), writing.metadata(TIMEOUT_S)
    about = (
        *(seen.cluster_id or source.cluster, source.topic),
        *(there.cluster_id or target.cluster, target.topic),
    )
    if about[:2] == about[2:]:
        raise KafkaFailure("a topic is not copied onto itself: name another with --to or --into")
    extent = _extent(reading, _places(seen, source))
    if target.topic in there.topics:
        is_empty = _is_empty(writing, _places(there, target), target, len(extent.ends))
    else:
        is_empty = True
        own = _own_settings(reading, source.topic)
        create_topic(target.kafka, target.topic, len(extent.ends), own)
    ids = (_topic_id(reading, source.topic), _topic_id(writing, target.topic))
    notes = Notes(data_dir / "copies", about, ids)
    kept = {} if anew or is_empty else notes.read(extent.ends)
    at = {place: max(start, kept.get(place, 0)) for place, start in extent.starts.items()}
    notes.write(at)  # where that fails it is told now, before anything is stored
    progress = Progress(sum(extent.ends[place] - at[place] for place in at), console)

    def stored(reached: Mapping[TopicPartition, int], records: int) -> None:
        notes.write(reached)
        progress.show(reached, extent.ends, records)

    run = TopicCopy(Ends(source.kafka, source.topic), Ends(target.kafka, target.topic))
    try:
        run.run(at, extent.ends, stored)
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        return False
    told = f"{progress.records:,} records of {source.topic} ({source.cluster})"
    told = f"copied {told} to {target.topic} ({target.cluster})"
    console.print(told, markup=False, highlight=False)
    if extent.held:
        console.print(f"{extent.held:,} offsets wait for open transactions: copy again later")
    return True


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


def _is_empty(admin: Admin, places: Sequence[TopicPartition], target: Side, needed: int) -> bool:
    """Whether nothing was ever stored in the target; KafkaFailure where not all fits into it."""
    if len(places) < needed:
        raise KafkaFailure(
            f"{target.topic} has {len(places)} partitions in cluster {target.cluster}, "
            f"{needed} are needed"
        )
    return not any(admin.offsets(places, LATEST, TIMEOUT_S).values())


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
            raise KafkaFailure(f"{self._path} cannot be read: --anew copies all of it") from error
        if _differ(target_id, self._ids[1]):
            return {}  # another topic under that name, in which nothing was copied
        if _differ(source_id, self._ids[0]) or any(found[at] > ends.get(at, 0) for at in found):
            said = f"{self._topic} was made anew since the last copy: --anew copies all of it"
            raise KafkaFailure(said)
        return found

    def write(self, at: Mapping[TopicPartition, int]) -> None:
        """All at once: a crash leaves the notes of before. KafkaFailure where it cannot be done."""
        offsets = {str(place.partition): offset for place, offset in at.items()}
        told = {"copy": self._about, "ids": self._ids, "offsets": offsets}
        try:
            replace_file(self._path, json.dumps(told).encode())
        except OSError as error:
            said = f"{self._path} cannot be written ({error.strerror})"
            raise KafkaFailure(said) from error


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)


class Progress:
    """A line every two seconds. Of offsets: compaction leaves holes, so it may jump."""

    def __init__(self, total: int, console: Console) -> None:
        self.records = 0
        self._total, self._console = total, console
        self._told_s = time.monotonic()

    def show(
        self, at: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int], records: int
    ) -> None:
        self.records += records
        now_s = time.monotonic()
        if now_s - self._told_s < TOLD_EVERY_S or not self._total:
            return
        self._told_s = now_s
        left = sum(end - at[place] for place, end in ends.items())
        share = 100 * (self._total - left) / self._total
        self._console.print(f"{self.records:,} records, {share:.0f} %", highlight=False)
