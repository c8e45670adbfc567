"""`footfall topic copy`: the records of a topic, into another topic or another cluster.

How far it came stands in `<data dir>/copies/`, written after each batch that the target has
acknowledged: the same command goes on from there. What was stored between the last such write and
a crash, at most one batch, is stored twice.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from tracker.config import KafkaConfig
from tracker.kafka import KafkaFailure
from tracker.kafka_admin import EARLIEST, LATEST, LATEST_STABLE, Admin
from tracker.kafka_copy import Ends, TopicCopy
from tracker.kafka_topics import create_topic
from tracker.topics import TopicPartition

TIMEOUT_S: Final = 10.0
TOLD_EVERY_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Side:
    """A topic of a cluster of the settings."""

    cluster: str
    kafka: KafkaConfig
    topic: str


def copy(source: Side, target: Side, data_dir: Path, anew: bool, console: Console) -> None:
    """What is there now, from where an earlier run stopped; `anew`: from the beginning."""
    if (source.cluster, source.topic) == (target.cluster, target.topic):
        raise KafkaFailure("a topic is not copied onto itself: name another with --to or --into")
    admin = Admin(source.kafka, "footfall-copy")
    places = _places(admin, source)
    starts = admin.offsets(places, EARLIEST, TIMEOUT_S)
    ends = admin.offsets(places, LATEST_STABLE, TIMEOUT_S)
    open_ends = admin.offsets(places, LATEST, TIMEOUT_S)
    if len(starts) < len(places) or len(ends) < len(places):
        raise KafkaFailure(f"not every partition of {source.topic} tells its offsets")
    is_empty = _prepare(admin, source, target, len(places))
    notes = Notes(data_dir / "copies", source, target)
    kept = {} if anew or is_empty else notes.read()
    for place, offset in kept.items():
        if offset > ends.get(place, offset):
            said = f"{source.topic} was made anew since the last copy: --anew copies all of it"
            raise KafkaFailure(said)
    positions = {place: max(starts[place], kept.get(place, 0)) for place in places}
    total = sum(ends[place] - positions[place] for place in places)
    progress = Progress(total, console)

    def stored(at: Mapping[TopicPartition, int], records: int) -> None:
        notes.write(at)
        progress.show(at, ends, records)

    try:
        TopicCopy(Ends(source.kafka, source.topic), Ends(target.kafka, target.topic)).run(
            positions, ends, stored
        )
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        return
    console.print(
        f"copied {progress.records:,} records of {source.topic} ({source.cluster}) "
        f"to {target.topic} ({target.cluster})",
        markup=False,
        highlight=False,
    )
    if held := sum(open_ends.get(place, 0) - end for place, end in ends.items()):
        console.print(f"{held:,} offsets wait for open transactions: copy again later")


def _places(admin: Admin, side: Side) -> list[TopicPartition]:
    partitions = admin.metadata(TIMEOUT_S).topics.get(side.topic)
    if partitions is None:
        raise KafkaFailure(f"topic {side.topic} does not exist in cluster {side.cluster}")
    return [TopicPartition(side.topic, part.index) for part in partitions]


def _prepare(admin: Admin, source: Side, target: Side, partitions: int) -> bool:
    """Makes the target with the source's settings where it is missing; whether it is empty."""
    other = Admin(target.kafka, "footfall-copy")
    there = other.metadata(TIMEOUT_S).topics.get(target.topic)
    if there is None:
        told = admin.topic_configs([source.topic], TIMEOUT_S).get(source.topic, {})
        own = {
            entry.name: entry.value
            for entry in told.values()
            if not entry.is_default and not entry.is_sensitive and entry.value is not None
        }
        create_topic(target.kafka, target.topic, partitions, own)
        return True
    if len(there) < partitions:
        raise KafkaFailure(
            f"{target.topic} has {len(there)} partitions in cluster {target.cluster}, "
            f"{partitions} are needed"
        )
    ends = other.offsets([TopicPartition(target.topic, p.index) for p in there], LATEST, TIMEOUT_S)
    return not any(ends.values())


class Notes:
    """How far a copy came, in a file of its own."""

    def __init__(self, folder: Path, source: Side, target: Side) -> None:
        self._about = [source.cluster, source.topic, target.cluster, target.topic]
        name = hashlib.sha256(json.dumps(self._about).encode()).hexdigest()[:16]
        self._path = folder / f"{name}.json"
        self._topic = source.topic

    def read(self) -> dict[TopicPartition, int]:
        """Where to go on; nothing where nobody has begun."""
        try:
            told = json.loads(self._path.read_text())
            offsets = {int(index): int(offset) for index, offset in told["offsets"].items()}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise KafkaFailure(f"{self._path} cannot be read: --anew copies all of it") from error
        return {TopicPartition(self._topic, index): offset for index, offset in offsets.items()}

    def write(self, at: Mapping[TopicPartition, int]) -> None:
        """All at once: a crash leaves the notes of before."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        offsets = {str(place.partition): offset for place, offset in at.items()}
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({"copy": self._about, "offsets": offsets}))
        os.replace(fresh, self._path)


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
