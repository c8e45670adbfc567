"""The appliance against the machine it runs on: broker, beacon endpoint, latency, start, memory.

Each figure and what it is held against are taken in one run, one right after the other; on a shared
machine the ratio means something and the figure alone does not.
"""

import asyncio
import http.client
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import confluent_kafka
import psutil

from tests.benchmarks.plan import Plan
from tests.benchmarks.table import Row
from tests.support.appliance import MODULES, Appliance
from tests.support.tools import ROOT
from tests.support.visitors import BROWSER, event_body

TITLE = "The appliance on this machine"
SITE = "bench.example"
RECORD_BYTES = 1_000
RECORDS = 120_000
LATENCY_RECORDS = 2_500
LATENCY_WARM_UP = 500
LATENCY_INTERVAL_S = 0.002
POST_SECONDS = 3.0
PACED_POSTS_A_SECOND = 100
PACED_POSTS = 1_200
PACED_WARM_UP = 200
CONNECTIONS = 32
ROUNDS = 5

kafka: Any = confluent_kafka


def rows(plan: Plan) -> list[Row]:
    """All rows, with an appliance started for them."""
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as directory:
        appliance = Appliance(Path(directory))
        try:
            begun = time.time()
            appliance.start()
            started = start_rows(appliance, time.time() - begun)
            idle = memory_rows(appliance, "idle")
            appliance.footfall("site", "add", SITE)
            measured = [
                *log_rows(appliance, Path(directory)),
                *latency_rows(appliance),
                *beacon_rows(appliance),
            ]
            return [*measured, *started, *idle, *memory_rows(appliance, "after these loads")]
        finally:
            appliance.close()


@contextmanager
def bare(*arguments: str) -> Iterator[int]:
    """A server of tests.benchmarks.bare in its own process; its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.bare", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


@dataclass(frozen=True, slots=True)
class Paired:
    """Medians over rounds in which ours was measured right after the limit."""

    value: float
    ratio: float
    spread: str
    """Least and greatest ratio of a round: how far to trust the one in the middle."""


def paired(limit: Callable[[], float], ours: Callable[[], float]) -> Paired:
    """Measures both in turn, so that what else the machine does weighs on both alike."""
    rounds = [(limit(), ours()) for _ in range(ROUNDS)]
    ratios = sorted(value / bound for bound, value in rounds)
    return Paired(
        statistics.median(value for _, value in rounds),
        statistics.median(ratios),
        f"rounds {ratios[0]:.2f} to {ratios[-1]:.2f}",
    )


def log_rows(appliance: Appliance, directory: Path) -> list[Row]:
    """Bytes into and out of the log, against the same bytes through a bare socket and a file."""
    file = directory / "bare"
    volume = RECORDS * RECORD_BYTES
    with bare("sink", str(file)) as port:
        into = paired(
            lambda: volume / seconds(lambda: send_bytes(port, volume)),
            lambda: volume / seconds(lambda: produce(appliance.bootstrap)),
        )
    with bare("source", str(file)) as port:
        out = paired(
            lambda: volume / seconds(lambda: receive_bytes(port)),
            lambda: volume / seconds(lambda: consume(appliance.bootstrap)),
        )
    load = "1 kB records, 1 partition, acks=all on disk, librdkafka"
    against = "the same bytes through a bare socket"
    return [
        Row(
            f"produce, {load}",
            into.value / 1e6,
            "MB/s",
            into.ratio,
            f"{against} into a synced file; {into.spread}",
        ),
        Row(
            "fetch, the same records, librdkafka",
            out.value / 1e6,
            "MB/s",
            out.ratio,
            f"{against} from a file (sendfile); {out.spread}",
        ),
    ]


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def send_bytes(port: int, volume: int) -> None:
    block = bytes(1 << 20)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(volume // len(block)):
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)


def receive_bytes(port: int) -> None:
    buffer = bytearray(1 << 20)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while connection.recv_into(buffer):
            pass


def produce(bootstrap: str) -> None:
    producer = kafka.Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 5,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    value = bytes(range(250)) * (RECORD_BYTES // 250)
    failures: list[object] = []

    def reported(error: object, _: object) -> None:
        if error is not None:
            failures.append(error)

    for _ in range(RECORDS):
        producer.produce("bench", value, partition=0, on_delivery=reported)
        producer.poll(0)
    left = producer.flush(120)
    assert left == 0 and not failures, (left, failures[:3])


def consume(bootstrap: str) -> None:
    consumer = kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-fetch"})
    consumer.assign([kafka.TopicPartition("bench", 0, 0)])
    count = 0
    while count < RECORDS:
        messages = consumer.consume(10_000, 10)
        assert messages, f"only {count} records came"
        count += len(messages)
    consumer.close()


def latency_rows(appliance: Appliance) -> list[Row]:
    """From `produce` to the record in a consumer's hands, one record at a time."""
    os.sync()  # what other rows have written is on disk before, so that it does not count here
    consumer = kafka.Consumer(
        {
            "bootstrap.servers": appliance.bootstrap,
            "group.id": "bench-latency",
            "fetch.wait.max.ms": 500,
        }
    )
    producer = kafka.Producer({"bootstrap.servers": appliance.bootstrap, "linger.ms": 0})
    producer.produce("bench-latency", b"first", partition=0)
    producer.flush(30)
    consumer.assign([kafka.TopicPartition("bench-latency", 0, 1)])
    consumer.poll(1)
    sending = threading.Thread(target=send_stamped, args=(producer,))
    sending.start()
    delays: list[float] = []
    while len(delays) < LATENCY_RECORDS:
        message = consumer.poll(10)
        assert message is not None and message.error() is None
        delays.append((time.perf_counter_ns() - int(message.value())) / 1e6)
    sending.join()
    consumer.close()
    cuts = statistics.quantiles(delays[LATENCY_WARM_UP:], n=100)
    load = f"produce to consume, acks=all on disk, {1 / LATENCY_INTERVAL_S:.0f} records/s"
    return [Row(f"{load}, p50", cuts[49], "ms"), Row(f"{load}, p99", cuts[98], "ms")]


def send_stamped(producer: Any) -> None:
    """Records that carry the moment of their sending."""
    pause = threading.Event()
    for _ in range(LATENCY_RECORDS):
        producer.produce("bench-latency", str(time.perf_counter_ns()).encode(), partition=0)
        producer.poll(0)
        pause.wait(LATENCY_INTERVAL_S)
    producer.flush(30)


def beacon_rows(appliance: Appliance) -> list[Row]:
    """Beacons that are answered 202 after acks=all, against a handler that only answers 202."""
    check_stored(appliance.ports["ingest"])
    with bare("http") as port:
        posts = paired(
            lambda: asyncio.run(posts_a_second(port)),
            lambda: asyncio.run(posts_a_second(appliance.ports["ingest"])),
        )
    paced = f"a beacon's 202, {PACED_POSTS_A_SECOND} a second"
    delays = statistics.quantiles(asyncio.run(paced_delays_ms(appliance.ports["ingest"])), n=100)
    return [
        Row(f"{paced}, p50", delays[49], "ms"),
        Row(f"{paced}, p99", delays[98], "ms"),
        Row(
            f"beacon POSTs, one event each, {CONNECTIONS} connections, 1 worker",
            posts.value,
            "POST/s",
            posts.ratio,
            f"a bare aiohttp handler that answers 202, on uvloop; {posts.spread}",
        ),
    ]


def check_stored(port: int) -> None:
    """The site is known to ingest: a benchmark of refusals would look splendid."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/api/event", event_body(SITE, "one"), {"User-Agent": BROWSER})
    status = connection.getresponse().status
    connection.close()
    assert status == 202, status


async def posts_a_second(port: int) -> float:
    """How many 202 come back a second over some keep-alive connections, one POST at a time each."""
    deadline = time.perf_counter() + POST_SECONDS
    async with asyncio.TaskGroup() as tasks:
        counts = [
            tasks.create_task(_post_until(port, deadline, number)) for number in range(CONNECTIONS)
        ]
    return sum(task.result() for task in counts) / POST_SECONDS


async def _post_until(port: int, deadline: float, number: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.perf_counter() < deadline:
        await _post(reader, writer, f"{number}-{time.perf_counter_ns()}")
        count += 1
    writer.close()
    return count


async def paced_delays_ms(port: int) -> list[float]:
    """Of POSTs that come by chance, so many a second as on a busy site: until the 202 is there."""
    chance = random.Random(7)
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    delays: list[float] = []

    async def post(number: int) -> None:
        ends = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        begun = time.perf_counter()
        await _post(*ends, f"paced-{number}")
        delays.append((time.perf_counter() - begun) * 1e3)
        idle.append(ends)

    async with asyncio.TaskGroup() as tasks:
        for number in range(PACED_POSTS):
            tasks.create_task(post(number))
            await asyncio.sleep(chance.expovariate(PACED_POSTS_A_SECOND))
    for _, writer in idle:
        writer.close()
    return delays[PACED_WARM_UP:]


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, page: str) -> None:
    """One beacon, which must be answered 202."""
    body = event_body(SITE, page).encode()
    writer.write(
        b"POST /api/event HTTP/1.1\r\nHost: bench\r\nContent-Type: text/plain\r\n"
        + f"User-Agent: {BROWSER}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 202"), head
    length = _content_length(head)
    if length:
        await reader.readexactly(length)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def start_rows(appliance: Appliance, whole: float) -> list[Row]:
    """From a role's process to its READY line, against a Python that does nothing."""
    nothing = min(
        seconds(lambda: subprocess.run([sys.executable, "-c", ""], check=True))
        for _ in range(ROUNDS)
    )
    against = "a Python that starts and ends"
    found = [Row("start of the whole appliance", whole, "s", whole / nothing, against)]
    for role in MODULES:
        born = appliance.role_process(role).create_time()
        line = next(
            number
            for number, text in enumerate(appliance.told.lines)
            if text.startswith(f"{role:<9} | serves")
        )
        took = appliance.told.times[line] - born
        found.append(Row(f"start of {role}", took, "s", took / nothing, against))
    return found


def memory_rows(appliance: Appliance, when: str) -> list[Row]:
    """Resident memory of each role with its workers."""
    bare_python = subprocess.run(
        [sys.executable, "-c", "import psutil; print(psutil.Process().memory_info().rss)"],
        capture_output=True,
        check=True,
        text=True,
    )
    nothing = int(bare_python.stdout)
    found = []
    for role in MODULES:
        process = appliance.role_process(role)
        family = [process, *process.children(recursive=True)]
        resident = sum(one.memory_info().rss for one in family)
        found.append(
            Row(
                f"memory of {role}, {when}",
                resident / 1e6,
                "MB",
                resident / nothing,
                "a Python that does nothing",
            )
        )
    supervisor = psutil.Process(appliance.supervisor.pid).memory_info().rss
    found.append(
        Row(
            f"memory of the supervisor, {when}",
            supervisor / 1e6,
            "MB",
            supervisor / nothing,
            "a Python that does nothing",
        )
    )
    return found
