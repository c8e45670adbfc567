"""Records at given offsets, read without joining or committing to any group.

librdkafka's consumer in our own types; raises `ClusterUnavailable` as `tracker.kafka.admin` does.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from tracker.config import KafkaConfig
from tracker.kafka.admin import ask, client, quiet_options
from tracker.kafka.answers import Reading, Record, Sizes
from tracker.topics import TopicPartition

log = logging.getLogger(__name__)

READ_BYTES_MAX: Final = 1_048_576  # of one partition in one fetch


class RecordReader:
    """Reads records at given offsets without joining or committing to any group.

    Not safe to share between threads.
    """

    def __init__(
        self,
        settings: KafkaConfig,
        partition_bytes: int = READ_BYTES_MAX,
        client_id: str = "footfall-dashboard-reader",
        where_gone: str = "earliest",
    ) -> None:
        """`where_gone`: on with the earliest record, or `error`, where an offset is not there."""
        options = quiet_options(settings, client_id)
        self._consumer = client.Consumer(
            options
            | {
                "group.id": client_id,  # librdkafka wants one; never joined
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": where_gone,
                "fetch.wait.max.ms": 50,
                "fetch.message.max.bytes": partition_bytes,
                "queued.max.messages.kbytes": 8_192,
                "allow.auto.create.topics": False,
            },
            logger=log,
        )

    def first(
        self, positions: Mapping[TopicPartition, int], timeout_s: float
    ) -> dict[TopicPartition, Record | None]:
        """First record at or after each offset; None where only control records follow.

        A partition that did not answer in time is missing.
        """
        found: dict[TopicPartition, Record | None] = {}
        self._assign(positions)
        deadline = time.monotonic() + timeout_s
        try:
            while len(found) < len(positions) and (wait := deadline - time.monotonic()) > 0:
                reading = _reading(ask(partial(self._consumer.consume, 100, min(wait, 0.2))))
                for record in reading.records:
                    place = TopicPartition(record.topic, record.partition)
                    if place not in found:
                        found[place] = record
                        self._consumer.pause([client.TopicPartition(*place)])
                for place in reading.ended:
                    found.setdefault(place, None)
        finally:  # a pause outlives the assignment in librdkafka
            self._consumer.resume([client.TopicPartition(*place) for place in positions])
            ask(self._consumer.unassign)
        return found

    def start(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read from these offsets from now on."""
        self._assign(positions)

    def read(self, records_max: int, timeout_s: float) -> Reading:
        """What has arrived, at most `records_max`; returns early when that many are there."""
        return _reading(ask(partial(self._consumer.consume, records_max, timeout_s)))

    def stop(self) -> None:
        """Read no further; what was fetched ahead is thrown away."""
        ask(self._consumer.unassign)

    def close(self) -> None:
        self._consumer.close()

    def _assign(self, positions: Mapping[TopicPartition, int]) -> None:
        wire = [client.TopicPartition(*part, offset) for part, offset in positions.items()]
        ask(partial(self._consumer.assign, wire))


def _reading(messages: Sequence[Any]) -> Reading:
    """What librdkafka gave out."""
    records: list[Record] = []
    ended: set[TopicPartition] = set()
    trouble = ""
    for message in messages:
        error = message.error()
        if error is None:
            records.append(_record(message))
        elif error.code() == client.KafkaError._PARTITION_EOF:
            ended.add(TopicPartition(message.topic(), message.partition()))
        else:
            trouble = error.str()
            log.debug("record not read reason=%s", trouble)
    return Reading(tuple(records), frozenset(ended), trouble)


def _record(message: Any) -> Record:
    kind, timestamp_ms = message.timestamp()
    key, value, headers = message.key(), message.value(), tuple(message.headers() or ())
    return Record(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp_ms=timestamp_ms if kind != client.TIMESTAMP_NOT_AVAILABLE else -1,
        is_append_time=kind == client.TIMESTAMP_LOG_APPEND_TIME,
        key=key,
        value=value,
        headers=headers,
        sizes=Sizes(
            len(key or b""),
            len(value or b""),
            sum(len(name.encode()) + len(part or b"") for name, part in headers),
        ),
    )
