"""The ingest role in the test's own event loop, and what it stored."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tracker import sites
from tracker.config import IngestConfig, KafkaConfig
from tracker.events import Event, decode
from tracker.ingest.role import Place, Running, listen, running
from tracker.kafka.client import Consumer, Record
from tracker.sites import Site
from tracker.topics import EVENTS, Topic, TopicPartition

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Safari/537.36",
    "Content-Type": "text/plain",
}


@dataclass(frozen=True, slots=True)
class RunningIngest:
    """An endpoint that answers in this process."""

    url: str
    started: Running
    http: aiohttp.ClientSession

    async def post(
        self, path: str, body: bytes | str, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """(status, headers, body) of a browser's post; `headers` with _ for -."""
        sent = {**BROWSER, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.http.post(self.url + path, data=body, headers=sent) as answer:
            return answer.status, dict(answer.headers), await answer.text()

    async def metrics(self) -> str:
        url = f"http://127.0.0.1:{self.started.metrics_port}/metrics"
        async with self.http.get(url) as answer:
            return await answer.text()


@contextlib.asynccontextmanager
async def running_ingest(
    bootstrap: str, data_dir: Path, *, wait: bool = True, **settings: Any
) -> AsyncIterator[RunningIngest]:
    """Ingest on a free port, ready unless `wait` is false; `settings`: fields of [ingest]."""
    kafka = KafkaConfig(bootstrap_servers=bootstrap)
    config = IngestConfig(**{"port": 0, "metrics_port": 0, **settings})
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with (
        running(kafka, config, Place(data_dir, 0), listener) as started,
        aiohttp.ClientSession() as http,
    ):
        if wait:
            await started.readiness.prepared.wait()
        yield RunningIngest(url, started, http)


def register(bootstrap: str, name: str, *allowed_hosts: str) -> None:
    """Count a site from now on."""
    sites.add(KafkaConfig(bootstrap_servers=bootstrap), Site(name, 0, allowed_hosts))


def records_of(bootstrap: str, topic: Topic) -> list[Record]:
    """All that a topic holds now."""
    consumer = Consumer(KafkaConfig(bootstrap_servers=bootstrap), client_id="test-reader")
    try:
        partitions = consumer.partitions(topic)
        ends = {where: consumer.watermarks(where).end for where in partitions}
        consumer.assign({where: 0 for where in partitions})
        left = {where for where, end in ends.items() if end}
        records = []
        while left:
            for record in consumer.poll(timeout_s=0.2):
                records.append(record)
                where = TopicPartition(record.topic, record.partition)
                if record.offset + 1 >= ends[where]:
                    left.discard(where)
        return records
    finally:
        consumer.close()


def events_of(bootstrap: str, site: str, topic: Topic = EVENTS) -> list[Event]:
    """The stored events of a site, in the order they happened."""
    found = (decode(record.value or b"") for record in records_of(bootstrap, topic))
    return sorted(
        (event for event in found if event.site_id == site),
        key=lambda event: (event.occurred_at, event.sequence or 0),
    )
