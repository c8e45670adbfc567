"""`footfall tail TOPIC`: what arrives on a topic, or what is there from its beginning."""

import json
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from tracker.config import KafkaConfig
from tracker.kafka.admin import EARLIEST, LATEST, Admin
from tracker.kafka.answers import Record
from tracker.kafka.client import KafkaFailure
from tracker.kafka.reader import RecordReader
from tracker.topics import TopicPartition

TIMEOUT_S = 10.0
READ_RECORDS = 500


def tail(
    kafka: KafkaConfig, topic: str, from_beginning: bool, count: int | None, console: Console
) -> None:
    """Prints records until `count` came or Ctrl-C; joins no group and commits nothing."""
    admin = Admin(kafka, "footfall-tail")
    partitions = admin.metadata(TIMEOUT_S).topics.get(topic)
    if partitions is None:
        raise KafkaFailure(f"topic {topic} does not exist; `footfall topic list` shows all")
    places = [TopicPartition(topic, part.index) for part in partitions]
    starts = admin.offsets(places, EARLIEST if from_beginning else LATEST, TIMEOUT_S)
    reader = RecordReader(kafka)
    try:
        reader.start(starts)
        left = count
        while left is None or left > 0:
            wanted = READ_RECORDS if left is None else min(left, READ_RECORDS)
            records = reader.read(wanted, 0.2).records
            for record in records:
                console.print(Text(rendered(record)), soft_wrap=True)
            left = None if left is None else left - len(records)
    except KeyboardInterrupt:
        pass  # the way to end a tail
    finally:
        reader.close()


def rendered(record: Record) -> str:
    """One line: place, time (UTC), key and value; nothing a terminal would obey."""
    place = f"{record.partition}:{record.offset}"
    when = "no time"
    if record.timestamp_ms >= 0:
        seconds = record.timestamp_ms / 1000
        when = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return f"{place} {when} {readable(record.key)} {readable(record.value)}"


def readable(data: bytes | None) -> str:
    """JSON and printable text as they are, anything else escaped; `-` for none, `""` for empty."""
    if not data:
        return "-" if data is None else '""'
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return f"0x{data.hex()}"
    return text if text.isprintable() else json.dumps(text)
