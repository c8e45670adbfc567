"""A reader of records that hides what masks say: pages, filters, files and the API see no more."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dashboard.decoders.reader import Records
from dashboard.masking.rules import Masks
from tracker.kafka_admin import Reading
from tracker.topics import TopicPartition

SECRET_BYTES: Final = 32


class MaskingReader:
    """`records`, each as it may be seen."""

    def __init__(self, records: Records, masks: Masks) -> None:
        self._records = records
        self._masks = masks

    def start(self, positions: Mapping[TopicPartition, int]) -> None:
        self._records.start(positions)

    def read(self, records_max: int, timeout_s: float) -> Reading:
        reading = self._records.read(records_max, timeout_s)
        return Reading(
            tuple(self._masks.masked(record) for record in reading.records), reading.ended
        )

    def stop(self) -> None:
        self._records.stop()


def hash_secret(path: Path) -> bytes:
    """The secret of this installation's hashes, made when there is none yet; only ours to read."""
    kept = path.read_bytes() if path.exists() else b""
    if len(kept) >= SECRET_BYTES:
        return kept
    path.unlink(missing_ok=True)  # cut short by a crash: with no secret anybody could try values
    path.parent.mkdir(parents=True, exist_ok=True)
    made = secrets.token_bytes(SECRET_BYTES)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(made)
    return made
