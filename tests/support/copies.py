"""Copies of records, slowed down or of before, for tests that look at them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dashboard.copies.model import Copy
from tracker.config import KafkaConfig
from tracker.kafka.copy import CLIENT_ID
from tracker.kafka.security import SecurityAdmin


@contextlib.contextmanager
def slow_copies(kafka: KafkaConfig) -> Iterator[None]:
    """After each batch the cluster keeps its copier waiting for longer than a test takes."""
    quotas = SecurityAdmin(kafka)
    quotas.set_quota({"client-id": CLIENT_ID}, {"producer_byte_rate": 1_000.0})
    try:
        yield
    finally:
        quotas.set_quota({"client-id": CLIENT_ID}, {"producer_byte_rate": None})
        quotas.close()


def made_copy(number: int, topic: str, from_topic: str, **more: object) -> Copy:
    """One of the cluster `local`, which is running unless `more` says otherwise."""
    told = {"number": number, "topic": topic, "from_topic": from_topic} | more
    fixed = {"cluster": "local", "from_cluster": "local", "who": "ann", "began_ms": 5}
    return msgspec.convert({"offsets": 10, "left": 4} | fixed | told, Copy)


def keep_copies(data_dir: Path, *copies: Copy) -> Path:
    """As a dashboard that ended has left them."""
    path = data_dir / "dashboard" / "copies.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(copies))
    return path
