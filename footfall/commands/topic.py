"""`footfall topic`: what topics there are, one of them in full, a new one, one less."""

from rich.console import Console
from rich.table import Table

from tracker.config import KafkaConfig
from tracker.kafka.admin import EARLIEST, LATEST, Admin
from tracker.kafka.client import KafkaFailure
from tracker.kafka.topics import create_topic, delete_topic
from tracker.topics import TopicPartition

TIMEOUT_S = 10.0


def list_topics(kafka: KafkaConfig, show_internal: bool, console: Console) -> None:
    """One line a topic: partitions and records kept."""
    admin = Admin(kafka, "footfall-topic")
    topics = admin.metadata(TIMEOUT_S).topics
    shown = sorted(name for name in topics if show_internal or not name.startswith("__"))
    places = [TopicPartition(name, part.index) for name in shown for part in topics[name]]
    starts = admin.offsets(places, EARLIEST, TIMEOUT_S)
    ends = admin.offsets(places, LATEST, TIMEOUT_S)
    table = Table("topic", box=None)
    for heading in ("partitions", "records"):
        table.add_column(heading, justify="right")
    for name in shown:
        mine = [place for place in places if place.topic == name]
        records = sum(ends.get(place, 0) - starts.get(place, 0) for place in mine)
        table.add_row(name, str(len(mine)), f"{records:,}")
    console.print(table if shown else "no topics yet")


def describe_topic(kafka: KafkaConfig, name: str, console: Console) -> None:
    """Partitions with their offsets, and the settings that differ from the default."""
    admin = Admin(kafka, "footfall-topic")
    partitions = admin.metadata(TIMEOUT_S).topics.get(name)
    if partitions is None:
        raise _no_topic(name)
    places = [TopicPartition(name, part.index) for part in partitions]
    starts = admin.offsets(places, EARLIEST, TIMEOUT_S)
    ends = admin.offsets(places, LATEST, TIMEOUT_S)
    table = Table(box=None)
    for heading in ("partition", "leader", "in sync", "start offset", "end offset"):
        table.add_column(heading, justify="right")
    for part, place in zip(partitions, places, strict=True):
        in_sync = f"{len(part.isr)} of {len(part.replicas)}"
        offsets = (str(found.get(place, "unknown")) for found in (starts, ends))
        table.add_row(str(part.index), str(part.leader), in_sync, *offsets)
    console.print(table)
    configs = admin.topic_configs([name], TIMEOUT_S).get(name, {})
    for entry in sorted(configs.values(), key=lambda entry: entry.name):
        if not entry.is_default:
            console.print(f"{entry.name}={entry.value}", markup=False, highlight=False)


def create(
    kafka: KafkaConfig, name: str, partitions: int, settings: list[str], console: Console
) -> None:
    """`settings` are texts such as `retention.ms=60000`."""
    configs = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals:
            raise KafkaFailure(f"{text!r} is not a setting: write it as name=value")
        configs[key] = value
    create_topic(kafka, name, partitions, configs)
    console.print(f"created topic {name}", markup=False)


def check_exists(kafka: KafkaConfig, name: str) -> None:
    """Raises KafkaFailure for a topic that is not there."""
    if name not in Admin(kafka, "footfall-topic").metadata(TIMEOUT_S).topics:
        raise _no_topic(name)


def _no_topic(name: str) -> KafkaFailure:
    return KafkaFailure(f"topic {name} does not exist; `footfall topic list` shows all")


def delete(kafka: KafkaConfig, name: str, console: Console) -> None:
    delete_topic(kafka, name)
    console.print(f"deleted topic {name}", markup=False)
