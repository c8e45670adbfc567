"""The door to the broker for who reads: librdkafka's consumer in our own types.

Consumer   synchronous, for a worker's own loop: poll, assign, seek, pause, commit.

It works with the bundled broker and with any cluster that speaks Kafka's protocol, as does the
door for who writes (producer.py).
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from tracker.config import KafkaConfig
from tracker.kafka.options import client_options
from tracker.topics import Topic, TopicPartition

log = logging.getLogger(__name__)

ADMIN_TIMEOUT_S: Final = 10.0
_NOTHING_YET: Final = frozenset(
    (KafkaError._PARTITION_EOF, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION)
)


Headers = list[tuple[str, str | bytes | None]]


class KafkaFailure(Exception):
    """The broker or the way to it failed; `retriable` says whether trying again may help."""

    def __init__(self, message: str, *, retriable: bool = False) -> None:
        super().__init__(message)
        self.retriable = retriable

    @classmethod
    def of(cls, error: KafkaException, prefix: str = "") -> Self:
        """From what the client raised; errors of its own (codes below 0) may heal."""
        cause: KafkaError = error.args[0]
        return cls(prefix + cause.str(), retriable=cause.retriable() or cause.code() < 0)


class Record(NamedTuple):
    """What is read. `timestamp_ms` is append or create time, as the topic is set; -1: none."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


class Watermarks(NamedTuple):
    """The offsets between which a partition holds records."""

    start: int  # first offset still stored
    end: int  # offset the next record will get


class Committed(NamedTuple):
    """Where a group goes on in a partition, and the text that it left beside that."""

    offset: int
    note: str = ""


def client_config(settings: KafkaConfig, client_id: str) -> dict[str, Any]:
    """librdkafka's settings of every client of the tracker."""
    return client_options(settings, client_id) | {
        "topic.metadata.refresh.fast.interval.ms": 100,
        "allow.auto.create.topics": False,
        "log_level": 2,  # librdkafka's own lines on stderr: critical only, errors come by callback
    }


AssignedCallback = Callable[[list[TopicPartition]], Mapping[TopicPartition, int]]
RevokedCallback = Callable[[list[TopicPartition]], None]


class Consumer:
    """Reads topics, committed transactions only; not for the event loop (poll may wait).

    `group` None reads without a group: `assign` only, nothing is ever committed.
    """

    def __init__(
        self,
        settings: KafkaConfig,
        *,
        client_id: str,
        group: str | None = None,
        session_timeout_ms: int = 10_000,
        max_poll_interval_ms: int = 300_000,
    ) -> None:
        config = {
            **client_config(settings, client_id),
            "group.id": group or f"{client_id}-without-group",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "session.timeout.ms": session_timeout_ms,
            "heartbeat.interval.ms": max(session_timeout_ms // 5, 1),
            "max.poll.interval.ms": max_poll_interval_ms,
            "fetch.error.backoff.ms": 100,
            "fetch.wait.max.ms": 250,
            "error_cb": _log_consumer_error,
            "logger": log,
        }
        self._consumer = confluent_kafka.Consumer(config)

    def subscribe(
        self,
        topics: Sequence[Topic],
        on_assigned: AssignedCallback | None = None,
        on_revoked: RevokedCallback | None = None,
    ) -> None:
        """Join the group. `on_assigned` may answer offsets to start from instead of the committed
        ones; both callbacks run inside `poll`."""

        def assigned(consumer: Any, partitions: list[Any]) -> None:
            starts = on_assigned([_ours(one) for one in partitions]) if on_assigned else {}
            for one in partitions:
                if (start := starts.get(_ours(one))) is not None:
                    one.offset = start
            consumer.assign(partitions)

        def revoked(_consumer: Any, partitions: list[Any]) -> None:
            if on_revoked:
                on_revoked([_ours(one) for one in partitions])

        self._consumer.subscribe(
            [topic.name for topic in topics], on_assign=assigned, on_revoke=revoked, on_lost=revoked
        )

    def assign(self, starts: Mapping[TopicPartition, int]) -> None:
        """Read exactly these partitions from these offsets, without a group."""
        self._consumer.assign([_theirs(where, offset) for where, offset in starts.items()])

    def assignment(self) -> list[TopicPartition]:
        return [_ours(one) for one in self._consumer.assignment()]

    def poll(self, max_records: int = 1000, timeout_s: float = 1.0) -> list[Record]:
        """What comes within `timeout_s`, at once when it is `max_records`; raises KafkaFailure."""
        try:
            messages = self._consumer.consume(max_records, timeout_s)
        except KafkaException as error:
            raise KafkaFailure.of(error) from error
        records = []
        for message in messages:
            fault = message.error()
            if fault is None:
                records.append(_record(message))
            elif fault.code() not in _NOTHING_YET and not fault.retriable():
                raise KafkaFailure(fault.str())
        return records

    def seek(self, where: TopicPartition, offset: int) -> None:
        try:
            self._consumer.seek(_theirs(where, offset))
        except KafkaException as error:
            raise KafkaFailure.of(error) from error

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Keep the assignment but fetch nothing from these until `resume`."""
        self._consumer.pause([_theirs(where) for where in partitions])

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._consumer.resume([_theirs(where) for where in partitions])

    def commit(
        self,
        next_offsets: Mapping[TopicPartition, int],
        notes: Mapping[TopicPartition, str] | None = None,
    ) -> None:
        """Store the next offset to read of each partition in the group, with a short text beside
        it (Kafka's offset metadata) where `notes` has one; raises KafkaFailure."""
        if not next_offsets:
            return
        beside = notes or {}
        offsets = [
            confluent_kafka.TopicPartition(*where, offset, beside.get(where, ""))
            for where, offset in next_offsets.items()
        ]
        try:
            for result in self._consumer.commit(offsets=offsets, asynchronous=False):
                if result.error is not None:
                    raise KafkaFailure(result.error.str(), retriable=result.error.retriable())
        except KafkaException as error:
            raise KafkaFailure.of(error) from error

    def committed(
        self, partitions: Iterable[TopicPartition], timeout_s: float = ADMIN_TIMEOUT_S
    ) -> dict[TopicPartition, Committed]:
        """What the group has committed; partitions without it are left out. Raises KafkaFailure."""
        try:
            answers = self._consumer.committed([_theirs(one) for one in partitions], timeout_s)
        except KafkaException as error:
            raise KafkaFailure.of(error) from error
        for one in answers:
            if one.error is not None:
                raise KafkaFailure(one.error.str(), retriable=one.error.retriable())
        return {
            _ours(one): Committed(one.offset, one.metadata or "")
            for one in answers
            if one.offset >= 0
        }

    def watermarks(self, where: TopicPartition, timeout_s: float = ADMIN_TIMEOUT_S) -> Watermarks:
        """First and next offset of a partition, asked from the broker; raises KafkaFailure."""
        try:
            start, end = self._consumer.get_watermark_offsets(_theirs(where), timeout=timeout_s)
        except KafkaException as error:
            raise KafkaFailure.of(error) from error
        return Watermarks(start, end)

    def partitions(self, topic: Topic, timeout_s: float = ADMIN_TIMEOUT_S) -> list[TopicPartition]:
        """The partitions of a topic, none if it does not exist; raises KafkaFailure."""
        try:
            found = self._consumer.list_topics(topic.name, timeout=timeout_s).topics[topic.name]
        except KafkaException as error:
            raise KafkaFailure.of(error) from error
        return [TopicPartition(topic.name, index) for index in sorted(found.partitions)]

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()


def _log_consumer_error(error: KafkaError) -> None:
    log.debug("consumer error=%s", error.str())


def _ours(one: Any) -> TopicPartition:
    return TopicPartition(one.topic, one.partition)


def _theirs(where: TopicPartition, offset: int | None = None) -> Any:
    if offset is None:
        return confluent_kafka.TopicPartition(where.topic, where.partition)
    return confluent_kafka.TopicPartition(where.topic, where.partition, offset)


def _record(message: Any) -> Record:
    _kind, timestamp_ms = message.timestamp()
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        message.headers() or [],
        timestamp_ms,
    )
