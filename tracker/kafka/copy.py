"""Records of one topic written to another, of this cluster or of a second one.

Keys, values, headers, times and partitions stay; aborted records are left behind, as readers of
committed records see it. Blocks; raises KafkaFailure and ClusterUnavailable.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tracker.config import KafkaConfig
from tracker.kafka.admin import client, quiet_options
from tracker.kafka.answers import Reading, Record
from tracker.kafka.client import KafkaFailure
from tracker.kafka.reader import RecordReader
from tracker.topics import TopicPartition

CLIENT_ID: Final = "footfall-copy"
BATCH_RECORDS: Final = 1_000
WAIT_S: Final = 0.2  # for records of one batch; bounds what large ones take in memory, too
SILENT_S: Final = 30.0  # without a record and without an end: the source is away
STORE_S: Final = 60.0  # until a batch is acknowledged
LOOK_S: Final = 0.5  # meanwhile, whether somebody stopped it
MESSAGE_BYTES_MAX: Final = 104_857_600


@dataclass(frozen=True, slots=True)
class Ends:
    """One end of a copy."""

    settings: KafkaConfig
    topic: str


@dataclass(frozen=True, slots=True)
class Stored:
    """One batch that the target has."""

    records: int
    size: int  # bytes of keys and values


class _StoppedCopy(Exception):
    """Somebody does not want the rest."""


class TopicCopy:
    """One copy; `run` it once."""

    def __init__(
        self, source: Ends, target: Ends, is_stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self._source, self._target = source, target
        self._is_stopped = is_stopped
        # what is gone meanwhile must not be passed over
        self._reader = RecordReader(source.settings, client_id=CLIENT_ID, where_gone="error")
        self._producer = client.Producer(
            quiet_options(target.settings, CLIENT_ID)
            | {
                "acks": "all",
                "enable.idempotence": True,  # none twice, none out of order
                "compression.type": "lz4",
                "linger.ms": 20,
                "message.max.bytes": MESSAGE_BYTES_MAX,
                "delivery.timeout.ms": round(STORE_S * 1000),
                "allow.auto.create.topics": False,
            }
        )
        self._failure = ""

    def run(
        self,
        positions: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
        stored: Callable[[Mapping[TopicPartition, int], Stored], None],
    ) -> bool:
        """From `positions` to `ends`, which are below every open transaction.

        Calls `stored` with where to go on, and how much that was, when that is safe. False where
        it was stopped; of a batch under way nobody knows then.
        """
        try:
            self._run(positions, ends, stored)
            return True
        except _StoppedCopy:
            return False
        finally:  # or it would wait for what is under way, and what is not told would hold it
            self._producer.purge()
            self._producer.poll(0)

    def _run(
        self,
        positions: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
        stored: Callable[[Mapping[TopicPartition, int], Stored], None],
    ) -> None:
        left = {place for place, end in ends.items() if positions[place] < end}
        at = dict(positions)
        self._reader.start({place: at[place] for place in left})
        heard_s = time.monotonic()
        try:
            while left:
                self._look()
                reading = self._read()
                records = [one for one in reading.records if one.offset < ends[_place(one)]]
                for record in records:
                    self._write(record)
                    at[_place(record)] = record.offset + 1
                self._flush()
                finished = left & reading.ended | {p for p in left if at[p] >= ends[p]}
                at |= {place: ends[place] for place in finished}
                left -= finished
                stored(at, Stored(len(records), sum(_size(one) for one in records)))
                if reading.records or finished:
                    heard_s = time.monotonic()
                elif time.monotonic() - heard_s > SILENT_S:
                    said = f"no records of {self._source.topic} came for {SILENT_S:.0f} s"
                    raise KafkaFailure(said, retriable=True)
        finally:
            self._reader.close()

    def _look(self) -> None:
        if self._is_stopped():
            raise _StoppedCopy

    def _read(self) -> Reading:
        reading = self._reader.read(BATCH_RECORDS, WAIT_S)
        if reading.trouble:
            raise KafkaFailure(f"{self._source.topic}: {reading.trouble}")
        return reading

    def _write(self, record: Record) -> None:
        more: dict[str, Any] = {}
        if record.timestamp_ms >= 0:
            more["timestamp"] = record.timestamp_ms
        while True:
            try:
                self._producer.produce(
                    self._target.topic,
                    key=record.key,
                    value=record.value,
                    partition=record.partition,
                    headers=list(record.headers),
                    on_delivery=self._delivered,
                    **more,
                )
                return
            except BufferError:
                self._producer.poll(0.1)
            except client.KafkaException as error:
                raise KafkaFailure.of(error, f"{self._target.topic}: ") from error

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None:
            self._failure = error.str()

    def _flush(self) -> None:
        until_s = time.monotonic() + STORE_S + 5
        while (unsure := self._producer.flush(LOOK_S)) and time.monotonic() < until_s:
            self._look()
        if self._failure or unsure:
            why = self._failure or "no answer in time"
            raise KafkaFailure(f"{self._target.topic} does not take the records: {why}")


def _place(record: Record) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


def _size(record: Record) -> int:
    return len(record.key or b"") + len(record.value or b"")
