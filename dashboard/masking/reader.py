"""A reader of records that hides what masks say: pages, filters, files and the API see no more."""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from dashboard.decoders.reader import Records
from dashboard.masking.rules import Masks
from tracker.kafka.answers import Reading
from tracker.secret_file import replace_file
from tracker.topics import TopicPartition

log = logging.getLogger(__name__)

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
        return replace(reading, records=tuple(map(self._masks.masked, reading.records)))

    def stop(self) -> None:
        self._records.stop()


def hash_secret(path: Path) -> bytes:
    """The secret of this installation's hashes, made when there is none yet; only ours to read."""
    kept = path.read_bytes() if path.exists() else None
    if kept and len(kept) >= SECRET_BYTES and any(kept):
        return kept
    if kept is not None:  # with no secret anybody could try values
        log.warning("secret of [masks] is damaged, values get other hashes path=%s", path)
    made = secrets.token_bytes(SECRET_BYTES)
    replace_file(path, made)
    return made
