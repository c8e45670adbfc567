"""Latency from produce to consume, with librdkafka on both ends; and what the machine does."""

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

WARM_UP_SECONDS = 1.0
BATCH_BYTES = 100


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample below which `share` percent of `samples` lie."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]


def latencies_ms(bootstrap: str, topic: str, rate: int, seconds: float) -> list[float]:
    """Milliseconds from `produce()` to `poll()` of each record, sent at `rate` a second."""
    samples: list[float] = []
    count = int(rate * (WARM_UP_SECONDS + seconds))
    ready = threading.Event()
    reader = threading.Thread(target=_read, args=(bootstrap, topic, count, samples, ready))
    reader.start()
    ready.wait()
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "acks": "all"})
    started = time.perf_counter()
    for number in range(count):
        due = started + number / rate
        while (left := due - time.perf_counter()) > 0:
            producer.poll(left)
        producer.produce(topic, str(time.perf_counter_ns()).encode(), partition=0)
    producer.flush(30)
    reader.join()
    return samples[int(rate * WARM_UP_SECONDS) :]


def synced_writes_ms(file: Path, rate: int, seconds: float) -> list[float]:
    """Milliseconds of each write of a small batch to the end of `file` with its fdatasync."""
    samples: list[float] = []
    batch = bytes(range(BATCH_BYTES))
    with file.open("wb", buffering=0) as log:
        started = time.perf_counter()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, started + number / rate - time.perf_counter()))
            begun = time.perf_counter()
            log.write(batch)
            os.fdatasync(log.fileno())
            samples.append((time.perf_counter() - begun) * 1e3)
    return samples


def late_wakings_ms(rate: int, seconds: float) -> list[float]:
    """Milliseconds by which a thread that sleeps is woken too late, `rate` times a second."""
    samples: list[float] = []
    due = time.perf_counter()
    for _ in range(int(rate * seconds)):
        due = max(due, time.perf_counter()) + 1 / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        samples.append((time.perf_counter() - due) * 1e3)
    return samples


def _read(
    bootstrap: str, topic: str, count: int, samples: list[float], ready: threading.Event
) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "latency",
            "enable.auto.commit": False,
            "fetch.min.bytes": 1,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    deadline = time.monotonic() + count / 100
    consumer.poll(0.5)
    ready.set()
    while len(samples) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            now = time.perf_counter_ns()
            samples.append((now - int(message.value() or b"0")) / 1e6)
    consumer.close()
