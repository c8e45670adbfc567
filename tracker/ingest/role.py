"""The ingest role: builds the parts of one serving process and runs them until told to stop."""

import asyncio
import contextlib
import logging
import platform
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from footfall.settings import SettingsError
from tracker import metrics as tracker_metrics
from tracker.clock import Clock, SystemClock
from tracker.config import IngestConfig, KafkaConfig
from tracker.ingest.app import Ingest, Services
from tracker.ingest.collector import Collector
from tracker.ingest.dead_letters import DeadLetters
from tracker.ingest.pipeline import Parts, Pipeline
from tracker.ingest.places import Places
from tracker.ingest.rates import Rates
from tracker.ingest.readiness import Readiness
from tracker.ingest.request import Visitors
from tracker.ingest.salts import Salts
from tracker.ingest.steps.addresses import Addresses, Networks
from tracker.ingest.store_probe import StoreProbe
from tracker.kafka.producer import Producer
from tracker.malformed_http import count_malformed_requests
from tracker.metrics import IngestMetrics
from tracker.sites import SiteReader

log = logging.getLogger(__name__)

FIRST_CONTACT_S: Final = 10.0  # then we serve without the broker: 503 says so
SALT_CHECK_S: Final = 60.0  # a site without visitors forgets yesterday's salt too
SHUTDOWN_S: Final = 10.0
BACKLOG: Final = 1024
KEEP_ALIVE_S: Final = 75.0
"""A client has so long for the head of a request, the first included; longer than reverse proxies
keep a connection that nobody uses (60 s)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one process serves. `worker` None: the only one, it has its own metrics port."""

    data_dir: Path
    port: int
    worker: int | None = None


class PortTaken(OSError):
    """Another program listens there; the message is for the person who started us."""


async def serve(
    kafka: KafkaConfig, config: IngestConfig, place: Place, ready: Callable[[str], None]
) -> None:
    """Serve until SIGTERM, SIGINT or cancellation; raises PortTaken and SettingsError.

    `ready` hears the address once, when requests are answered.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    listener = listen(config.host, place.port, shared=place.worker is not None)
    async with running(kafka, config, place, listener) as started:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(started.readiness.prepared.wait(), FIRST_CONTACT_S)
        host, port = listener.getsockname()[:2]
        ready(f"http://{_in_url(host)}:{port}")
        await stop.wait()


@dataclass(frozen=True, slots=True)
class Running:
    """The role while it serves."""

    readiness: Readiness
    metrics_port: int | None  # None: the parent of the workers serves them


@dataclass(frozen=True, slots=True)
class _Shared:
    """Parts that the handlers and the background tasks share."""

    clock: Clock
    metrics: IngestMetrics
    producer: Producer
    readiness: Readiness


@contextlib.asynccontextmanager
async def running(
    kafka: KafkaConfig,
    config: IngestConfig,
    place: Place,
    listener: socket.socket,
    clock: Clock | None = None,
) -> AsyncIterator[Running]:
    """The whole role on an open socket; on leaving, what is in flight is finished first."""
    clock = clock or SystemClock()
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    producer = _producer(kafka, config)
    reader = SiteReader(kafka, client_id=f"footfall-ingest-sites-{place.worker or 0}")
    readiness = Readiness(kafka, reader, clock)
    salts = await asyncio.to_thread(_salts, place.data_dir, clock)
    shared = _Shared(clock, metrics, producer, readiness)
    services = await asyncio.to_thread(_services, config, shared, salts)
    application = await asyncio.to_thread(lambda: Ingest(services).application())
    count_malformed_requests()
    runner = _runner(application)
    await runner.setup()
    scrape = _metrics_server(registry, config) if place.worker is None else None
    try:
        async with asyncio.TaskGroup() as tasks:
            probe = StoreProbe(kafka, producer, readiness)
            background = [
                tasks.create_task(readiness.run(), name="readiness"),
                tasks.create_task(probe.run(), name="probe"),
                tasks.create_task(_keep_salts_young(salts, clock), name="salts"),
            ]
            if place.worker is None:
                _watch_state(shared, config)
            else:
                metrics.queue_capacity.set(config.max_in_flight_events)
                background.append(tasks.create_task(_publish_state(shared), name="state"))
            await web.SockSite(runner, listener, backlog=BACKLOG).start()
            try:
                yield Running(readiness, scrape.server_port if scrape else None)
            finally:
                await runner.cleanup()  # no new requests; those under way are answered
                await producer.close()
                for task in background:
                    task.cancel()
    finally:
        await asyncio.to_thread(_close, reader, scrape)


def _producer(kafka: KafkaConfig, config: IngestConfig) -> Producer:
    return Producer(
        kafka,
        client_id="footfall-ingest",
        acknowledge_timeout_ms=config.acknowledge_timeout_ms,
        linger_ms=config.linger_ms,
        max_in_flight=config.max_in_flight_events,
    )


def _runner(application: web.Application) -> web.AppRunner:
    return web.AppRunner(
        application,
        access_log=None,
        auto_decompress=False,
        shutdown_timeout=SHUTDOWN_S,
        keepalive_timeout=KEEP_ALIVE_S,
    )


def _salts(data_dir: Path, clock: Clock) -> Salts:
    salts = Salts(data_dir / "ingest")
    salts.prepare(clock.now_ms())
    return salts


def _close(reader: SiteReader, scrape: tracker_metrics.MetricsServer | None) -> None:
    reader.close()
    if scrape is not None:
        scrape.shutdown()
        scrape.server_close()


def _services(config: IngestConfig, shared: _Shared, salts: Salts) -> Services:
    try:
        blocked = Networks(config.blocked_addresses)
        visitors = Visitors(config.trusted_proxies, config.country_header)
        places = Places(config.geoip_database) if config.geoip_database else None
    except ValueError as error:
        raise SettingsError(f"[ingest]: {error}") from error
    addresses = Addresses(blocked, honour_gpc=config.honour_gpc)
    node = config.node or platform.node()
    clock, metrics, producer = shared.clock, shared.metrics, shared.producer
    pipeline = Pipeline(Parts(shared.readiness.known_sites, addresses, salts, node, places))
    collector = Collector(pipeline, producer, DeadLetters(producer, metrics, clock), metrics)
    rates = Rates(config.max_requests_per_second, clock)
    return Services(config, collector, visitors, rates, shared.readiness, metrics, clock)


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A bound socket; `shared`: other workers of ours may bind it too. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"port {host}:{port} cannot be used ({error.strerror}): stop the program that has it,"
            " or set another [ingest] port"
        ) from error
    listener.setblocking(False)
    return listener


def _metrics_server(
    registry: CollectorRegistry, config: IngestConfig
) -> tracker_metrics.MetricsServer:
    try:
        return tracker_metrics.serve(registry, config.metrics_host, config.metrics_port)
    except OSError as error:
        raise PortTaken(
            f"port {config.metrics_host}:{config.metrics_port} cannot be used ({error.strerror}):"
            " stop the program that has it, or set another [ingest] metrics_port"
        ) from error


async def _keep_salts_young(salts: Salts, clock: Clock) -> None:
    while True:
        await asyncio.sleep(SALT_CHECK_S)
        try:
            await asyncio.to_thread(salts.prepare, clock.now_ms())
        except OSError as error:  # a full disk has room later; until then new days are 503
            log.warning("salts cannot be kept: %s", error)


def _watch_state(shared: _Shared, config: IngestConfig) -> None:
    """What the gauges of a single process are read from."""
    producer, readiness = shared.producer, shared.readiness
    shared.metrics.watch(
        lambda: producer.in_flight,
        config.max_in_flight_events,
        lambda: readiness.problem() is None,
    )


async def _publish_state(shared: _Shared) -> None:
    """Workers write their state down: the scraped process cannot ask them."""
    while True:
        shared.metrics.queue_depth.set(shared.producer.in_flight)
        shared.metrics.ready.set(shared.readiness.problem() is None)
        await asyncio.sleep(1.0)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def say_ready(address: str) -> None:
    """The line that a supervisor waits for."""
    sys.stdout.write(f"READY ingest {address}\n")
    sys.stdout.flush()
