"""Apache Kafka's own producer and consumer performance tools, as loads."""

import re
import subprocess
from dataclasses import dataclass

from tests.benchmarks.peers import Peer
from tests.support.tools import java_kafka

BYTES_A_RUN = 60_000_000
RECORDS_A_RUN_MAX = 300_000
RUN_SECONDS_MAX = 60.0
RATE_LINE = re.compile(r"records sent, ([\d.]+) records/sec \(([\d.]+) MB/sec\)")


@dataclass(frozen=True, slots=True)
class Load:
    """What a producer sends."""

    record_bytes: int
    partitions: int
    acks: str
    compression: str
    most: int = RECORDS_A_RUN_MAX
    """Records of one run, at most."""

    @property
    def name(self) -> str:
        size = (
            f"{self.record_bytes} B"
            if self.record_bytes < 1000
            else f"{self.record_bytes // 1000} KB"
        )
        return f"{size}, {self.partitions} partitions, acks={self.acks}, {self.compression}"

    @property
    def records(self) -> int:
        return min(self.most, BYTES_A_RUN // self.record_bytes)

    def topic(self, round_number: int) -> str:
        """The topic of one run; no two runs share one."""
        kind = f"{self.record_bytes}-{self.partitions}-{self.acks}-{self.compression}"
        return f"load-{kind}-{round_number}"


def produce_rate(peer: Peer, topic: str, load: Load) -> float:
    """Records per second that producer-perf-test reports."""
    output = _run(
        "org.apache.kafka.tools.ProducerPerformance",
        *("--topic", topic, "--num-records", str(load.records), "--throughput", "-1"),
        *("--record-size", str(load.record_bytes), "--producer-props"),
        f"bootstrap.servers={peer.bootstrap}",
        f"acks={load.acks}",
        f"compression.type={load.compression}",
    )
    return float(RATE_LINE.findall(output)[-1][0])


def fetch_rate(peer: Peer, topic: str, load: Load) -> float:
    """MB per second while fetching, as consumer-perf-test reports it."""
    output = _run(
        "org.apache.kafka.tools.ConsumerPerformance",
        *("--bootstrap-server", peer.bootstrap, "--topic", topic),
        *("--messages", str(load.records), "--timeout", "20000"),
    )
    header, values = [line.split(", ") for line in output.strip().splitlines()[-2:]]
    figures = dict(zip((name.strip() for name in header), values, strict=False))
    return float(figures["fetch.MB.sec"])


def _run(*arguments: str) -> str:
    """What the tool says; TimeoutExpired when it hangs."""
    command = [*java_kafka(), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=RUN_SECONDS_MAX
    )
    return done.stdout
