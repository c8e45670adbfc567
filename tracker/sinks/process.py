"""The process around a worker: metrics, topics, signals, a clean end."""

import logging
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

from prometheus_client import CollectorRegistry

from tracker.clock import Clock
from tracker.config import KafkaConfig
from tracker.kafka.client import Consumer, KafkaFailure
from tracker.kafka.topics import ensure_topics
from tracker.metrics import SinkMetrics, serve
from tracker.sinks.dead_letters import DeadLetters
from tracker.sinks.exporter import Exporter, SinkUnavailable, SinkUnusable
from tracker.sinks.worker import Pace, Surroundings, Worker
from tracker.topics import DEADLETTER, Topic

log = logging.getLogger(__name__)

EXIT_FAILED = 1
OPEN_AGAIN_S = 1.0
MENDED_AGAIN_S = 2.0
BROKER_WAIT_S = 1.0
SESSION_TIMEOUT_MS = 6_000  # the least that Kafka allows: a killed process is replaced soon


@dataclass(frozen=True, slots=True)
class Role:
    """One role that reads events: its words for the outside."""

    name: str  # "aggregate": the READY line, dead letters
    group: str  # the consumer group
    stage: str  # label of footfall_event_e2e_latency_seconds
    metrics_host: str
    metrics_port: int
    pace: Pace


def run(role: Role, sink: Exporter, kafka: KafkaConfig, clock: Clock) -> int:
    """Feed `sink` until SIGTERM or SIGINT; the exit code. Call it from the main thread.

    Raises SettingsError where a newer version wrote the sink.
    """
    stop = threading.Event()

    def told_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told_to_stop)
    registry = CollectorRegistry()
    metrics = SinkMetrics(registry, sink.name, role.stage)
    try:
        server = serve(registry, role.metrics_host, role.metrics_port)
    except OSError as error:
        place = f"{role.metrics_host}:{role.metrics_port}"
        print(f"port {place} is taken or not ours: {error.strerror}", file=sys.stderr)
        return EXIT_FAILED
    print(f"READY {role.name} metrics http://{role.metrics_host}:{server.server_port}", flush=True)
    try:
        _feed(role, sink, kafka, stop, Surroundings(metrics, clock, stop.wait))
    finally:
        server.shutdown()
        server.server_close()
    return 0


def _feed(
    role: Role, sink: Exporter, kafka: KafkaConfig, stop: threading.Event, around: Surroundings
) -> None:
    """Until told to stop. A damaged sink is told, and looked at again until it is whole."""
    told = ""
    while not stop.is_set():
        try:
            if _open(sink, around, stop):
                try:
                    _work(role, sink, kafka, stop, around)
                finally:
                    sink.close()
        except SinkUnusable as trouble:
            around.metrics.failed("damaged")
            around.metrics.damaged.set(1)
            around.metrics.waits_no_more()  # for an answer: this is one
            if told != (told := str(trouble)):
                print(
                    f"{sink.place} is damaged ({trouble}): put a copy of it back, or move it away"
                    " with its -wal and -shm; what the topics still hold is then stored anew",
                    file=sys.stderr,
                    flush=True,
                )
            stop.wait(MENDED_AGAIN_S)


def _open(sink: Exporter, around: Surroundings, stop: threading.Event) -> bool:
    """Open the sink, waiting for it if need be; False when told to stop first."""
    metrics, clock = around.metrics, around.clock
    since_ms = clock.now_ms()
    while not stop.is_set():
        try:
            sink.open()
            metrics.waits_no_more()
            return True
        except SinkUnavailable as trouble:
            metrics.failed(trouble.reason)
            metrics.waits(since_ms, trouble.reason)
            log.warning("sink cannot be opened, trying again sink=%s: %s", sink.name, trouble)
            stop.wait(OPEN_AGAIN_S)
    return False


def _work(
    role: Role, sink: Exporter, kafka: KafkaConfig, stop: threading.Event, around: Surroundings
) -> None:
    _ensure_topics(kafka, [*sink.topics, DEADLETTER], stop, around.metrics)
    consumer = Consumer(
        kafka,
        client_id=f"footfall-{role.name}",
        group=role.group,
        session_timeout_ms=SESSION_TIMEOUT_MS,
    )
    dead_letters = DeadLetters(kafka, role.name)
    worker = Worker(consumer, sink, dead_letters, around)
    try:
        worker.run(role.pace, stop.is_set)
    finally:
        dead_letters.close()
        consumer.close()


def _ensure_topics(
    kafka: KafkaConfig, topics: Sequence[Topic], stop: threading.Event, metrics: SinkMetrics
) -> None:
    """Wait for a broker, and for the topics to read from and to bury in."""
    while not stop.is_set():
        try:
            ensure_topics(kafka, topics, timeout_s=BROKER_WAIT_S)
            return
        except KafkaFailure as failure:
            metrics.failed("broker")
            log.warning("no broker yet, trying again: %s", failure)
            stop.wait(BROKER_WAIT_S)
