"""The probe's side that writes: its topic, made when it is missing, and records on it."""

from tracker.config import KafkaConfig
from tracker.kafka.changes import Changes, NewRecord
from tracker.kafka.topics import ensure_topics
from tracker.topics import PROBE

TIMEOUT_S = 3.0


class ProbeWriter:
    """Blocks, at most a few seconds a call."""

    def __init__(self, kafka: KafkaConfig) -> None:
        self._kafka = kafka
        self._changes = Changes(kafka, "footfall-probe", TIMEOUT_S)

    def prepare(self) -> None:
        ensure_topics(self._kafka, [PROBE], timeout_s=TIMEOUT_S)

    def produce(self, record: NewRecord) -> tuple[int, int]:
        return self._changes.produce(record)

    def remove(self) -> None:
        """Refused when it is not there."""
        self._changes.delete_topic(PROBE.name)
