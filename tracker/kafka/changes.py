"""Changes a cluster: topics, settings, offsets of groups, deleted and produced records.

Every call blocks, at most `timeout_s` seconds; call it from a thread. What the cluster does not
allow raises `Refused` with the broker's own words; no answer raises ClusterUnavailable, and then
nobody knows whether the change was made.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tracker.config import KafkaConfig
from tracker.kafka.admin import (
    COORDINATOR_TIMEOUT_S,
    LEADERS_TIMEOUT_S,
    ClusterUnavailable,
    admin,
    ask,
    client,
    quiet_options,
)
from tracker.kafka.defaults import set_broker_defaults
from tracker.kafka.line import Line, client_library
from tracker.kafka.share_starts import delete_starts, set_starts
from tracker.topics import TopicPartition

TIMEOUT_S: Final = 10.0

_NO_ANSWER: Final = frozenset(
    (
        client.KafkaError._TRANSPORT,
        client.KafkaError._TIMED_OUT,
        client.KafkaError._ALL_BROKERS_DOWN,
        client.KafkaError._MSG_TIMED_OUT,
        client.KafkaError._RESOLVE,
        client.KafkaError.REQUEST_TIMED_OUT,
    )
)


class Refused(Exception):
    """The cluster answered, and said no; the message is its own."""


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to create."""

    name: str
    partitions: int  # -1: the broker's default
    replication_factor: int = -1
    configs: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to produce; a value of None is a tombstone."""

    topic: str
    partition: int  # -1: by the key
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Changes:
    """One cluster, changed; safe to share between threads."""

    def __init__(
        self,
        settings: KafkaConfig,
        client_id: str = "footfall-dashboard",
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._settings = settings
        self._options = quiet_options(settings, client_id)
        self._timeout_s = timeout_s
        self._client = admin.AdminClient(self._options)
        self._producer: Any = None

    def create_topic(self, topic: NewTopic) -> None:
        """Raises Refused when it is there already."""
        configs = dict(topic.configs or {})
        with _unaskable():
            wanted = admin.NewTopic(
                topic.name, topic.partitions, topic.replication_factor, config=configs
            )
            futures = self._client.create_topics([wanted], request_timeout=self._timeout_s)
        self._done(futures)

    def delete_topic(self, name: str) -> None:
        """With all its records."""
        with _unaskable():
            futures = self._client.delete_topics([name], request_timeout=self._timeout_s)
        self._done(futures)

    def set_configs(self, topic: str, configs: Mapping[str, str | None]) -> None:
        """Settings by Kafka's names; None goes back to the default. Others stay as they are."""
        self._alter(admin.ResourceType.TOPIC, topic, configs)

    def set_broker_configs(
        self, broker: str, configs: Mapping[str, str | None], validate_only: bool
    ) -> None:
        """Of one broker by its id, or of all as their default when it is empty."""
        if broker:
            self._alter(admin.ResourceType.BROKER, broker, configs, validate_only)
            return
        self._by_line(
            lambda line: set_broker_defaults(line, configs, validate_only, self._timeout_s)
        )

    def _alter(
        self,
        kind: Any,
        name: str,
        configs: Mapping[str, str | None],
        validate_only: bool = False,
    ) -> None:
        operation = admin.AlterConfigOpType
        with _unaskable():
            entries = [
                admin.ConfigEntry(
                    key,
                    value,
                    incremental_operation=operation.DELETE if value is None else operation.SET,
                )
                for key, value in configs.items()
            ]
            resource = admin.ConfigResource(kind, name, incremental_configs=entries)
            futures = self._client.incremental_alter_configs(
                [resource], validate_only=validate_only, request_timeout=self._timeout_s
            )
        self._done(futures)

    def add_partitions(self, topic: str, total: int) -> None:
        """Up to `total` partitions; fewer than there are is refused."""
        wanted = admin.NewPartitions(topic, total)
        self._done(self._client.create_partitions([wanted], request_timeout=self._timeout_s))

    def commit_offsets(self, group_id: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Where the group goes on; refused while it has members."""
        wire = [client.TopicPartition(*place, offset) for place, offset in offsets.items()]
        question = [client.ConsumerGroupTopicPartitions(group_id, wire)]
        ask_it = self._client.alter_consumer_group_offsets
        (answer,) = self._done(ask_it(question, request_timeout=COORDINATOR_TIMEOUT_S))
        for part in answer.topic_partitions:
            if part.error is not None:
                raise Refused(f"{part.topic}-{part.partition}: {part.error.str()}")

    def delete_group(self, group_id: str) -> None:
        """With its commits; refused while it has members."""
        asked = self._client.delete_consumer_groups
        with _unaskable():
            futures = asked([group_id], request_timeout=COORDINATOR_TIMEOUT_S)
        self._done(futures)

    def delete_offsets(self, group_id: str, places: Sequence[TopicPartition]) -> None:
        """What a group has committed for these; refused while it is subscribed to their topics.

        kafka-python asks (docs/adr/0024): librdkafka's Python client does not have it.
        """
        library = client_library()
        wanted = [library.TopicPartition(*place) for place in places]

        def question(asked: Any) -> Mapping[Any, Any]:
            try:
                found: Mapping[Any, Any] = asked.delete_group_offsets(group_id, wanted)
            except library.errors.BrokerResponseError as error:
                return {"group": error}
            return found

        with contextlib.closing(Line(self._settings)) as door:
            answers = door.ask(question, self._timeout_s)
        for error in answers.values():
            if error is not library.errors.NoError:
                raise Refused(error.description or str(error))

    def set_share_starts(self, group_id: str, starts: Mapping[TopicPartition, int]) -> None:
        """Where a share group goes on; refused while it has members."""
        self._by_line(lambda line: set_starts(line, group_id, starts, self._timeout_s))

    def delete_share_starts(self, group_id: str, topic: str) -> None:
        """What a share group knows of a topic; refused while it has members."""
        self._by_line(lambda line: delete_starts(line, group_id, topic, self._timeout_s))

    def _by_line(self, change: Callable[[Line], str]) -> None:
        with contextlib.closing(Line(self._settings)) as line:
            if refusal := change(line):
                raise Refused(refusal)

    def delete_records(self, before: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Everything below each offset; answers the new starts."""
        wire = [client.TopicPartition(*place, offset) for place, offset in before.items()]
        futures = self._client.delete_records(wire, request_timeout=LEADERS_TIMEOUT_S)
        starts = self._done(futures)
        return {
            TopicPartition(place.topic, place.partition): answer.low_watermark
            for place, answer in zip(futures, starts, strict=True)
        }

    def produce(self, record: NewRecord) -> tuple[int, int]:
        """Store one record with acks=all; its partition and offset."""
        if self._producer is None:
            limits = {
                "enable.idempotence": True,
                "delivery.timeout.ms": round(self._timeout_s * 1000),
            }
            by_key = {
                "partitioner": "murmur2_random",
                "linger.ms": 0,
                "allow.auto.create.topics": False,
            }
            self._producer = client.Producer(self._options | limits | by_key)
        reports: list[tuple[Any, Any]] = []
        place = {"partition": record.partition} if record.partition >= 0 else {}
        try:
            self._producer.produce(
                record.topic,
                record.value,
                record.key,
                headers=list(record.headers),
                on_delivery=lambda error, message: reports.append((error, message)),
                **place,
            )
        except client.KafkaException as error:
            if error.args[0].code() == client.KafkaError._UNKNOWN_PARTITION:
                raise Refused(f"{record.topic} has no partition {record.partition}") from error
            raise _no(error) from error
        except BufferError as error:
            raise _no(error) from error
        except ValueError as error:
            raise Refused(str(error)) from error
        self._producer.flush(self._timeout_s + 1)
        if not reports:
            raise ClusterUnavailable("no acknowledgement in time")
        trouble, message = reports[0]
        if trouble is not None:
            raise _no(client.KafkaException(trouble))
        return message.partition(), message.offset()

    def _done(self, futures: Mapping[Any, Any]) -> list[Any]:
        """Results of all, in order; raises what the first of them raised."""
        answers = []
        for future in futures.values():
            try:
                answers.append(ask(lambda future=future: future.result(self._timeout_s)))  # type: ignore[misc]
            except ClusterUnavailable as error:
                cause = error.__cause__
                raise (_no(cause) if cause is not None else error) from error
        return answers


@contextlib.contextmanager
def _unaskable() -> Iterator[None]:
    """Refuses what librdkafka does not even ask for, such as a name with a zero byte in it."""
    try:
        yield
    except ValueError as error:
        raise Refused(str(error)) from error


def _no(error: BaseException) -> Exception:
    """What librdkafka raised, as one of our two kinds."""
    if not isinstance(error, client.KafkaException):
        return ClusterUnavailable(str(error) or "no answer in time")
    reason = error.args[0]
    kind = ClusterUnavailable if reason.code() in _NO_ANSWER else Refused
    return kind(reason.str().removeprefix("Broker: "))
