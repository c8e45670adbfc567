"""Worker: the consumer-group loop of one role: poll, decode, write, flush, commit.

Where to go on is the sink's own knowledge, written with its rows; what the group commits to Kafka
follows after, so that every tool sees the lag. A crash between the two costs nothing: the next
start asks the sink. The same holds after a rebalance: whatever a poll brought while partitions
changed hands is thrown away and read again from where the sink stands.

What can fail heals by waiting: the broker (the client reconnects by itself), the sink (its records
are kept, the partitions are paused, and polling goes on so that the group keeps this member).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tracker.clock import Clock
from tracker.events import Event, EventError, decode
from tracker.kafka.client import Committed, KafkaFailure, Record, Watermarks
from tracker.kafka.producer import NotStored
from tracker.metrics import SinkMetrics
from tracker.money import drop_unusable
from tracker.sinks.dead_letters import Poison
from tracker.sinks.exporter import Arrived, Exporter, Offsets, SinkRewound, SinkUnavailable
from tracker.sinks.first_time import FirstTime
from tracker.topics import METRICS, Topic, TopicPartition

log = logging.getLogger(__name__)

BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 5.0
BROKER_PAUSE_S: Final = 0.5
BROKER_TIMEOUT_S: Final = 2.0
INT64_MAX: Final = 2**63 - 1
YEAR_10000_MS: Final = 253_402_300_800_000  # beyond it no tool can show a date


class Source(Protocol):
    """What a worker needs of tracker.kafka.client.Consumer; tests bring a log in memory."""

    def subscribe(
        self,
        topics: Sequence[Topic],
        on_assigned: Callable[[list[TopicPartition]], Mapping[TopicPartition, int]],
        on_revoked: Callable[[list[TopicPartition]], None],
    ) -> None: ...

    def assignment(self) -> list[TopicPartition]: ...

    def assign(self, starts: Mapping[TopicPartition, int]) -> None: ...

    def poll(self, max_records: int, timeout_s: float) -> list[Record]: ...

    def pause(self, partitions: Sequence[TopicPartition]) -> None: ...

    def resume(self, partitions: Sequence[TopicPartition]) -> None: ...

    def commit(
        self, next_offsets: Mapping[TopicPartition, int], notes: Mapping[TopicPartition, str]
    ) -> None: ...

    def committed(
        self, partitions: Sequence[TopicPartition], timeout_s: float
    ) -> Mapping[TopicPartition, Committed]: ...

    def watermarks(self, where: TopicPartition, timeout_s: float) -> Watermarks: ...


class Undertaker(Protocol):
    """Where poison goes: dead_letters.DeadLetters; tests keep it in a list."""

    def send(self, poison: Sequence[Poison], now_ms: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How much, how long: `batch_events_max` a transaction, gathered for `flush_interval_ms`."""

    batch_events_max: int
    flush_interval_ms: int


def usable(record: Record) -> Event:
    """The event in a record; raises EventError also for numbers that no sink could store, and for
    a record of topic `metrics` that measures nothing."""
    event = decode(record.value or b"")
    if record.topic == METRICS.name and (not event.metric_name or event.metric_value is None):
        raise EventError("it has no metric_name or no metric_value")
    for at_ms in (event.occurred_at, event.received_at):
        if not 0 <= at_ms < YEAR_10000_MS:
            raise EventError(f"a time of {at_ms} ms is outside [0, {YEAR_10000_MS})")
    numbers = (event.clock_skew_ms, event.session_seq, event.sequence, event.engagement_ms)
    for number in (*numbers, event.scroll_depth, event.schema_version):
        if number is not None and not -INT64_MAX <= number <= INT64_MAX:
            raise EventError(f"{number} does not fit into 64 bits")
    return event


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker is given of the world."""

    metrics: SinkMetrics
    clock: Clock
    sleep: Callable[[float], object]  # seconds; returns early when the role is told to stop


class Worker:
    """One member of a group, feeding one sink. Synchronous: it owns its thread."""

    def __init__(
        self, source: Source, sink: Exporter, undertaker: Undertaker, around: Surroundings
    ) -> None:
        self._source = source
        self._sink = sink
        self._undertaker = undertaker
        self._metrics = around.metrics
        self._clock = around.clock
        self._sleep = around.sleep
        self._must_start_over = False
        self._poison: list[Poison] = []
        self._first_time = FirstTime(around.clock.now_ms())
        self._events_held = 0
        self._received_at_ms: list[int] = []  # of those held that were never stored before
        self._oldest_ms: int | None = None  # append time of the oldest record held
        self._settled_age_s = 0.0  # of the oldest record of the flush that ended last
        self._waits_since_ms: int | None = None  # for the sink; None: it takes what it is given
        self._metrics.lag.set_function(self._lag_s)  # also while a flush hangs
        self._backoff_s = BACKOFF_FIRST_S

    def run(self, pace: Pace, stopping: Callable[[], bool]) -> None:
        """Work until `stopping`; everything flushed by then is committed."""
        self._source.subscribe(self._sink.topics, self._assigned, self._revoked)
        while not stopping():
            self.step(pace)

    def step(self, pace: Pace) -> None:
        """One turn: what arrives within the interval is durable and committed at its end.

        A turn that fails leaves what it holds for the next one, and takes its back-off time.
        """
        try:
            if self._must_start_over:
                self._start_over()
            if not self._is_holding:
                self._take(self._poll(pace.batch_events_max, pace.flush_interval_ms / 1000))
            if self._is_holding and not self._must_start_over:
                self._begins_to_wait("silent")
                self._settle()
            self._goes_on()
            self._backoff_s = BACKOFF_FIRST_S
        except SinkRewound as rewound:
            log.warning("sink was replaced, starting over from its offsets reason=%s", rewound)
            self._metrics.failed("rewound")
            self._must_start_over = True
        except SinkUnavailable as trouble:
            self._wait(trouble.reason, str(trouble))
        except NotStored as trouble:
            self._wait("dead_letter", str(trouble))

    @property
    def _is_holding(self) -> bool:
        return self._oldest_ms is not None

    def _assigned(self, owned: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        log.info("partitions assigned sink=%s count=%d", self._sink.name, len(owned))
        self._must_start_over = True
        return {}

    def _revoked(self, lost: list[TopicPartition]) -> None:
        log.info("partitions revoked sink=%s count=%d", self._sink.name, len(lost))
        self._must_start_over = True

    def _poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """What arrives; nothing when partitions changed hands meanwhile."""
        try:
            records = self._source.poll(max_records, timeout_s)
        except KafkaFailure as failure:
            log.warning("broker refused, trying again reason=%s", failure)
            self._metrics.failed("broker")
            self._must_start_over = True  # what came before the failure is lost to us
            self._sleep(BROKER_PAUSE_S)
            return []
        return [] if self._must_start_over else records

    def _take(self, records: Sequence[Record]) -> None:
        """Decode, and hand to the sink's memory."""
        if not records:
            if not self._is_holding:
                self._settled_age_s = 0.0
            return
        arrived: list[Arrived] = []
        next_offsets: Offsets = {}
        for record in records:
            where = TopicPartition(record.topic, record.partition)
            next_offsets[where] = record.offset + 1
            try:
                event = usable(record)
            except EventError as error:
                self._poison.append(Poison(record, "schema_violation", str(error)))
                continue
            if drop_unusable(event):
                self._metrics.amounts_dropped.inc()
            arrived.append(Arrived(where, record.offset, event))
            if self._first_time.is_new(where, record.offset, event.received_at):
                self._received_at_ms.append(event.received_at)
        self._events_held += len(arrived)
        if self._oldest_ms is None:
            self._oldest_ms = min(record.timestamp_ms for record in records)
        self._sink.write(arrived, next_offsets)

    def _settle(self) -> None:
        """Poison to its topic, the rest into the sink, then the offsets to Kafka."""
        started_ms = self._clock.monotonic_ms()
        if self._poison:
            log.warning("records are no events count=%d", len(self._poison))
            self._undertaker.send(self._poison, self._clock.now_ms())
            self._metrics.dead_letters.inc(len(self._poison))
            self._poison = []
        offsets = self._sink.flush()
        self._metrics.damaged.set(0)
        now_ms = self._clock.now_ms()
        self._metrics.batch_duration.observe((self._clock.monotonic_ms() - started_ms) / 1000)
        self._metrics.rows.inc(self._events_held)
        self._metrics.last_success.set(now_ms / 1000)
        self._metrics.arrived(self._received_at_ms, now_ms)
        self._settled_age_s = self._age_s(now_ms)
        self._let_go()
        self._commit(offsets)

    def _commit(self, offsets: Offsets) -> None:
        """Tell the group. A refusal changes nothing: the sink knows, and the next one covers it."""
        try:
            self._source.commit(offsets, self._first_time.notes(offsets))
        except KafkaFailure as failure:
            log.warning("offsets not committed to the group reason=%s", failure)
            self._metrics.failed("commit")

    def _start_over(self) -> None:
        """Go on from where the sink stands, with the partitions that are ours now."""
        owned = self._source.assignment()
        positions = self._sink.positions(owned)
        committed = self._committed(owned)
        for where, offset in positions.items():
            log_now = self._watermarks(where)
            if log_now is not None and log_now.end < offset:
                log.warning(
                    "log is shorter than the sink knows, reading it again topic=%s partition=%d"
                    " stored=%d start=%d",
                    *where,
                    offset,
                    log_now.start,
                )
                self._sink.restart(where, log_now.start)
                positions[where] = log_now.start
                self._first_time.forget(where)
            elif log_now is not None:
                self._first_time.begin(where, offset, committed.get(where), log_now.end)
        self._source.assign(positions)
        self._source.resume(owned)  # a pause from before would outlive the assignment
        self._poison = []
        self._let_go()
        self._must_start_over = False

    def _let_go(self) -> None:
        """Nothing is held any more."""
        self._events_held = 0
        self._received_at_ms = []
        self._oldest_ms = None

    def _watermarks(self, where: TopicPartition) -> Watermarks | None:
        """None when they are not to be had now; asked again at the next assignment."""
        try:
            return self._source.watermarks(where, BROKER_TIMEOUT_S)
        except KafkaFailure:
            return None

    def _committed(self, owned: Sequence[TopicPartition]) -> Mapping[TopicPartition, Committed]:
        """Nothing when it is not to be had now: then the sink alone says what was stored."""
        try:
            return self._source.committed(owned, BROKER_TIMEOUT_S)
        except KafkaFailure as failure:
            log.warning("committed offsets are not known reason=%s", failure)
            return {}

    def _wait(self, reason: str, message: str) -> None:
        """Back off with what is held; polling keeps the membership and is paused for records."""
        log.warning(
            "sink cannot take events, trying again sink=%s reason=%s in_s=%.1f: %s",
            self._sink.name,
            reason,
            self._backoff_s,
            message,
        )
        self._metrics.failed(reason)
        self._begins_to_wait(reason)
        owned = self._source.assignment()
        self._source.pause(owned)
        self._take(self._poll(1, self._backoff_s))
        if not self._must_start_over:
            self._source.resume(owned)
        self._backoff_s = min(self._backoff_s * 2, BACKOFF_MAX_S)

    def _begins_to_wait(self, reason: str) -> None:
        """Unless it waits already; why, is told anew but by one that has not answered again."""
        if self._waits_since_ms is None:
            self._waits_since_ms = self._clock.now_ms()
        elif reason == "silent":
            return
        self._metrics.waits(self._waits_since_ms, reason)

    def _goes_on(self) -> None:
        if self._waits_since_ms is not None:
            self._waits_since_ms = None
            self._metrics.waits_no_more()

    def _lag_s(self) -> float:
        """For a scrape, which comes in a thread of its own."""
        oldest_ms = self._oldest_ms
        if oldest_ms is None:
            return self._settled_age_s
        return max(self._clock.now_ms() - oldest_ms, 0) / 1000

    def _age_s(self, now_ms: int) -> float:
        return max(now_ms - self._oldest_ms, 0) / 1000 if self._oldest_ms is not None else 0.0
