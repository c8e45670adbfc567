"""The door to the broker for who writes: librdkafka's producer for an event loop.

`await producer.send(topic, records)` returns when every record is acknowledged with acks=all, and
raises NotStored when one is not.
"""

import asyncio
import itertools
import logging
import math
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from tracker.config import KafkaConfig
from tracker.kafka.client import Headers, client_config
from tracker.kafka.reports import Reports
from tracker.topics import Topic

log = logging.getLogger(__name__)

CLOSING_LOOK_S: Final = 0.001  # between looks whether all is answered that was, before the end
COMPANY: Final = 3  # records that go together: where so many came, more are worth waiting for
HOLD_S: Final = 1.0  # a partition without a leader holds up the others no longer than this


class NotStored(Exception):
    """A record was not acknowledged (it may still be in the log: repeat it with the same id)."""

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code  # Kafka's, or librdkafka's below 0; 0: nobody was asked


class NewRecord(NamedTuple):
    """What is sent; `value` None is a tombstone."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers | None = None


class _Pending:
    """One `submit`: counts its records down and then settles the future."""

    __slots__ = ("future", "producer", "records", "remaining", "topic")

    def __init__(self, producer: "Producer", topic: str, records: Sequence[NewRecord]) -> None:
        self.producer = producer
        self.topic = topic
        self.records = records
        self.remaining = len(records)
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def reported(self, error: KafkaError | None, _message: object) -> None:
        """Delivery report of one record, in the thread that waits for it."""
        self.producer.heard.append((self, error))

    def settle(self, error: KafkaError | None) -> None:
        """What was reported of one record, on the loop."""
        self.producer.answered(1)
        self.remaining -= 1
        if error is not None:
            self.producer.note(error)
            self.fail(NotStored(error.str(), error.code()))
        elif self.remaining == 0 and not self.future.done():
            self.future.set_result(None)

    def fail(self, reason: NotStored) -> None:
        """The first reason counts; nobody may wait any more."""
        if not self.future.done():
            self.future.set_exception(reason)


class Producer:
    """Sends with acks=all and idempotence; many waiting callers share the client's batches.

    Belongs to one running event loop, which a thread tells of delivery reports as they come. A
    record goes at once when none is under way and none has gone for `linger_ms`; what comes sooner
    waits until then, and goes together.
    """

    def __init__(
        self,
        settings: KafkaConfig,
        *,
        client_id: str,
        acknowledge_timeout_ms: int = 30_000,
        linger_ms: int = 1,
        max_in_flight: int = 20_000,
    ) -> None:
        self.in_flight = 0  # records without an answer, and of these
        self.handed_over = 0  # those that the client has
        self.max_in_flight = max_in_flight
        self._config = {
            **client_config(settings, client_id),
            "enable.idempotence": True,  # implies acks=all
            "delivery.timeout.ms": acknowledge_timeout_ms,
            "linger.ms": 0,  # what is handed over has waited for company here
            "queue.buffering.max.messages": max_in_flight * 2,
            "partitioner": "murmur2_random",  # as Kafka's Java clients place keys
            "error_cb": self.note,
            "logger": log,
        }
        self.heard: deque[tuple[_Pending, KafkaError | None]] = deque()
        """Reports that the loop has not seen yet."""
        self._loop = asyncio.get_running_loop()
        self._renew = False
        self._retired: list[Reports] = []
        self._open_client()
        self._linger_s = linger_ms / 1000
        self._gathered: list[_Pending] = []
        self._handed_over_at_s = -math.inf
        self._together = 0  # records of the last hand-over
        self._held: asyncio.TimerHandle | None = None  # what was gathered waits for answers

    async def send(self, topic: Topic, records: Sequence[NewRecord]) -> None:
        """Return when all `records` are stored; raises NotStored."""
        await self.submit(topic, records)

    def submit(self, topic: Topic, records: Sequence[NewRecord]) -> asyncio.Future[None]:
        """Take `records`; the future settles when all are stored, or one is not.

        Raises NotStored at once when more than `max_in_flight` records would be waiting.
        """
        if self.in_flight + len(records) > self.max_in_flight:
            raise NotStored(f"{self.in_flight} records are waiting, the bound is reached")
        pending = _Pending(self, topic.name, records)
        if not records:
            pending.future.set_result(None)
            return pending.future
        self.in_flight += len(records)
        if not self._gathered:
            self._gather()
        self._gathered.append(pending)
        return pending.future

    def note(self, error: KafkaError) -> None:
        """Hear of an error; a fatal one (a lost sequence) means a new client for what follows."""
        if error.fatal():
            log.error("producer must start over error=%s", error.str())
            self._renew = True
        else:
            log.debug("producer error=%s", error.str())

    def answered(self, records: int) -> None:
        """So many records that were handed over are stored, or will not be."""
        self.in_flight -= records
        self.handed_over -= records

    async def close(self, timeout_s: float = 5.0) -> None:
        """Wait at most `timeout_s` for what is in flight; the rest fails with NotStored."""
        deadline = self._loop.time() + timeout_s
        while self.in_flight and self._loop.time() < deadline:
            await asyncio.sleep(CLOSING_LOOK_S)
        for pending in self._take_gathered():
            self.in_flight -= len(pending.records)
            pending.fail(NotStored("the producer was closed before it was sent"))
        for reports in (*self._retired, self._reports):
            await asyncio.to_thread(reports.close)
        self._producer.purge()
        self._producer.poll(0)
        self._take_reports()

    def _gather(self) -> None:
        """The first record since the last hand-over is here. It waits for others only where
        several went together less than `linger_ms` ago: then more are to be expected. What comes
        in the same turn of the loop goes along in any case."""
        wait_s = self._handed_over_at_s + self._linger_s - self._loop.time()
        if wait_s > 0 and self._together >= COMPANY:
            self._loop.call_later(wait_s, self._hand_over)
        else:
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        """Give all that was gathered to the client, which sends it at once.

        Not while it waits for answers: with idempotence librdkafka sends no more to a partition of
        which five records are under way, and its thread spins for as long as it has some to send.
        """
        if self._held is not None:
            self._held.cancel()
            self._held = None
        now_s, free_s = self._loop.time(), self._handed_over_at_s + HOLD_S
        if self.handed_over > 0 and now_s < free_s:
            self._held = self._loop.call_at(free_s, self._hand_over)
            return
        gathered = self._take_gathered()
        if not gathered:  # the producer was closed
            return
        if self._renew:
            self._replace_client()
        self._handed_over_at_s = now_s
        self._together = sum(len(pending.records) for pending in gathered)
        for topic, of_topic in itertools.groupby(gathered, key=lambda pending: pending.topic):
            self._produce(topic, list(of_topic))

    def _take_gathered(self) -> list[_Pending]:
        gathered, self._gathered = self._gathered, []
        return gathered

    def _produce(self, topic: str, submitted: list[_Pending]) -> None:
        """All in one call where that takes headers: who gives them one by one wakes the client's
        thread by the first, and it sends that one alone."""
        sent = [(pending, record) for pending in submitted for record in pending.records]
        self.handed_over += len(sent)
        if any(record.headers for _, record in sent):
            errors = [self._produce_one(topic, record, pending) for pending, record in sent]
        else:
            errors = self._produce_all(topic, sent)
        for (pending, _), error in zip(sent, errors, strict=True):
            if error is not None:
                self.answered(1)
                pending.fail(error)

    def _produce_all(
        self, topic: str, sent: list[tuple[_Pending, NewRecord]]
    ) -> list[NotStored | None]:
        messages: list[dict[str, Any]] = [
            {"value": record.value, "key": record.key, "callback": pending.reported}
            for pending, record in sent
        ]
        try:
            self._producer.produce_batch(topic, messages)
        except KafkaException as error:
            return [NotStored(str(error))] * len(messages)  # of the topic: nothing was taken
        errors = (message.get("_error") for message in messages)
        return [None if error is None else NotStored(error.str(), error.code()) for error in errors]

    def _produce_one(self, topic: str, record: NewRecord, pending: _Pending) -> NotStored | None:
        try:
            self._producer.produce(
                topic,
                record.value,
                record.key,
                on_delivery=pending.reported,
                headers=record.headers or [],
            )
        except (BufferError, KafkaException) as error:
            return NotStored(str(error))
        return None

    def _tell_loop(self) -> None:
        """In a thread that has heard of something; RuntimeError when the loop is closed."""
        self._loop.call_soon_threadsafe(self._take_reports)

    def _take_reports(self) -> None:
        while self.heard:
            pending, error = self.heard.popleft()
            pending.settle(error)
        if self._held is not None:
            self._hand_over()

    def _open_client(self) -> None:
        self._producer = confluent_kafka.Producer(self._config)
        self._reports = Reports(self._producer, self._tell_loop)

    def _replace_client(self) -> None:
        self._producer.purge()
        self._reports.retire()
        self._retired = [one for one in (*self._retired, self._reports) if not one.is_over]
        self._open_client()
        self._renew = False
