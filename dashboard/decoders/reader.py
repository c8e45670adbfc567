"""A reader of records that opens what a schema registry can: filters and pages see it as JSON.

How a record was opened, or why it could not be, is told as one more header of it, `(schema)`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

from dashboard.decoders.registry import NoSchema
from dashboard.decoders.schemas import Schemas
from tracker.kafka.answers import Reading, Record
from tracker.topics import TopicPartition

NOTE: Final = "(schema)"


class Records(Protocol):
    """Reads from offsets on; answered by tracker.kafka.reader.RecordReader."""

    def start(self, positions: Mapping[TopicPartition, int]) -> None: ...
    def read(self, records_max: int, timeout_s: float) -> Reading: ...
    def stop(self) -> None: ...


class OpeningReader:
    """`records` with their keys and values opened."""

    def __init__(self, records: Records, schemas: Schemas) -> None:
        self._records = records
        self._schemas = schemas

    def start(self, positions: Mapping[TopicPartition, int]) -> None:
        self._records.start(positions)

    def read(self, records_max: int, timeout_s: float) -> Reading:
        reading = self._records.read(records_max, timeout_s)
        return replace(reading, records=tuple(map(self.opened, reading.records)))

    def stop(self) -> None:
        self._records.stop()

    def opened(self, record: Record) -> Record:
        """The record as people read it; records of internal topics have forms of their own."""
        if record.topic.startswith("__"):
            return record
        key, about_key = self._part(record.key)
        value, about_value = self._part(record.value)
        notes = [f"key: {about_key}"] * bool(about_key) + [about_value] * bool(about_value)
        if not notes:
            return record
        told = tuple((NOTE, note.encode()) for note in notes)
        return replace(record, key=key, value=value, headers=record.headers + told)

    def _part(self, part: bytes | None) -> tuple[bytes | None, str]:
        try:
            found = self._schemas.decode(part) if part else None
        except NoSchema as refusal:
            return part, str(refusal)
        return (part, "") if found is None else (found.text.encode(), found.kind)
