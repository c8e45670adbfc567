"""Builds the broker from the ground up, runs it, and takes it down from the top.

Start: lock the log directories, take the port, read the metadata log, open the partitions, start
the coordinators, accept clients. Stop: the other way round; the mark of a clean stop comes last, so
it is there only when everything else is on the disk.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from broker.clock import Clock
from broker.config import BrokerConfig
from broker.controller_handlers import CONTROLLER_HANDLERS
from broker.coordinator.cluster import Cluster
from broker.coordinator.group.coordinator import GroupCoordinator
from broker.coordinator.share.coordinator import ShareCoordinator
from broker.coordinator.transaction.coordinator import TransactionCoordinator
from broker.errors import KafkaError, StorageError
from broker.handlers import HANDLERS
from broker.handlers.handler import ListenerAddress, Services
from broker.metadata.broker_configs import live_config
from broker.metadata.controller import dynamic_broker_config, effective_topic_config
from broker.metadata.group_bounds import check_broker_bounds
from broker.metadata.image import ClusterImage
from broker.metadata.records import METADATA_TOPIC, METADATA_TOPIC_ID, OFFSETS_TOPIC
from broker.metrics import BrokerMetrics
from broker.partition.disk_worker import DiskWorker, in_disk_thread
from broker.partition.fetch_sessions import FetchSessions
from broker.partition.log_configs import log_config, metadata_log_config
from broker.partition.log_moves import LogMoves, MovesSetup
from broker.partition.partition import Hosting, Partition, PartitionId
from broker.partition.partitions import Partitions, PartitionsSetup
from broker.partition.upkeep import Upkeep
from broker.partition.waiting import Waiting
from broker.protocol.primitives import uuid_bytes, uuid_text
from broker.security.security import Security, build_security
from broker.server.dispatcher import Dispatcher
from broker.server.listeners import Listeners, PortTaken
from broker.server.metrics_http import MetricsServer, Told
from broker.server.standstill import Standstill
from broker.storage.files import Files, OsFiles
from broker.storage.log import LogConfig
from broker.storage.log_manager import LogManager
from broker.telemetry.metrics import ClientTelemetryMetrics
from broker.telemetry.telemetry import Telemetry
from footfall.settings import SettingsError

log = logging.getLogger(__name__)

DISK_SILENT_S = 5.0  # longer than a disk that is merely slow takes for a write or a sync


class CannotStart(Exception):
    """The broker cannot start here; the message tells why and the way out."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A broker that answers clients."""

    address: ListenerAddress
    """Of the first listener."""
    addresses: tuple[ListenerAddress, ...]
    metrics_port: int | None
    services: Services


def new_id() -> bytes:
    """A random id; never one whose text begins with `-`, which tools would take for an option."""
    while True:
        made = uuid.uuid4().bytes
        if not uuid_text(made).startswith("-"):
            return made


class Broker:
    """One broker: `run` it."""

    def __init__(
        self, config: BrokerConfig, data_dir: Path, clock: Clock, files: Files | None = None
    ) -> None:
        """`files`: the disk, if it is not the operating system's.

        SettingsError: clients could not use a listener, or it lacks its certificate or users, or
        settings of groups do not fit together.
        """
        check_broker_bounds(config)
        self._config = config
        self._clock = clock
        self._log_dirs = config.log_dirs or (str(data_dir / "broker"),)
        self._files = files or OsFiles()
        self._metrics = BrokerMetrics(CollectorRegistry())
        self._listeners = Listeners(config, self._metrics)
        self._workers: dict[str, DiskWorker] = {}

    async def run(self, on_serving: Callable[[Serving], None], stopping: asyncio.Event) -> None:
        """Serve until `stopping` is set. CannotStart: the port or the log directory is taken, or
        the keys of tokens cannot be fetched.
        """
        try:
            await self._listeners.prepare()
        except SettingsError as error:
            raise CannotStart(str(error)) from error
        logs = LogManager(self._files, self._log_dirs)
        try:
            cluster_id = await in_disk_thread(
                lambda: logs.start(
                    self._config.node_id, uuid_text(new_id()), lambda: uuid_text(new_id())
                )
            )
        except StorageError as error:
            raise CannotStart(str(error)) from error
        try:
            self._listeners.bind()
            self._workers = {
                path: self._disk_worker(number, path)
                for number, path in enumerate(logs.directories)
            }
            await self._run(logs, cluster_id, on_serving, stopping)
        except CannotStart:
            logs.release()
            raise
        except PortTaken as error:
            logs.release()
            raise CannotStart(str(error)) from error
        finally:
            self._listeners.unbind()
            for worker in self._workers.values():
                await worker.close()
        await in_disk_thread(logs.clean_shutdown)
        log.info("broker stopped")

    async def _run(
        self,
        logs: LogManager,
        cluster_id: str,
        on_serving: Callable[[Serving], None],
        stopping: asyncio.Event,
    ) -> None:
        """Everything between taking the port and closing the logs."""
        waiting = Waiting(asyncio.get_running_loop())
        partitions = self._partitions(logs, waiting)
        self._metrics.logs.disk_bytes = logs.disk_bytes
        self._metrics.logs.disk_waits_s = self._disk_waits_s
        cluster = await self._cluster(partitions, logs, cluster_id)
        async with asyncio.TaskGroup() as tasks:
            services = await self._services(logs, partitions, cluster, tasks)
            upkeep = Upkeep(self._config, self._clock, (self._files, logs), partitions)
            await self._follow_settings(cluster, upkeep)
            background = self._background(services, upkeep, tasks)
            dispatcher = Dispatcher(HANDLERS, services, self._metrics)
            controller = Dispatcher(CONTROLLER_HANDLERS, services, self._metrics)
            await self._listeners.serve(
                dispatcher, tasks, services.security, self._clock, controller=controller
            )
            metrics_server, metrics_port = await self._serve_metrics(partitions, services.share)
            listening = metrics_server.listening if metrics_server is not None else ()
            watch = tasks.create_task(Standstill().run(listening), name="standstill")
            on_serving(self._serving(metrics_port, services))
            try:
                await stopping.wait()
            finally:
                watch.cancel()
                if metrics_server is not None:
                    await metrics_server.stop()
                services.share.stop()
                await self._listeners.stop()
                waiting.close()
                await services.groups.stop()
                for task in background:
                    task.cancel()
        for partition in partitions.all():
            partition.forget()

    async def _services(
        self, logs: LogManager, partitions: Partitions, cluster: Cluster, tasks: asyncio.TaskGroup
    ) -> Services:
        """What the handlers stand on; groups are loaded from here on."""
        groups = GroupCoordinator(
            cluster, partitions, self._config, self._clock, tasks, metrics=self._metrics.groups
        )
        share = ShareCoordinator(cluster, partitions, self._config, self._clock, tasks)
        transactions = self._transactions(cluster, partitions, groups)
        cluster.followed_by(groups.follow)
        await groups.start()
        return Services(
            config=self._config,
            clock=self._clock,
            cluster=cluster,
            partitions=partitions,
            log_moves=self._log_moves(logs, partitions, cluster),
            groups=groups,
            share=share,
            transactions=transactions,
            metrics=self._metrics,
            fetch_sessions=_fetch_sessions(self._config),
            security=self._security(cluster),
            telemetry=self._telemetry(cluster),
            controllers=self._listeners.controllers,
        )

    def _background(
        self, services: Services, upkeep: Upkeep, tasks: asyncio.TaskGroup
    ) -> list[asyncio.Task[None]]:
        """What runs beside the requests, until it is cancelled."""
        return [
            tasks.create_task(work(), name=name)
            for name, work in (
                ("cluster", services.cluster.run),
                ("upkeep", upkeep.run),
                ("log moves", services.log_moves.run),
                ("share locks", services.share.run),
                ("transactions", services.transactions.upkeep.run),
                ("delegation tokens", partial(self._expire_tokens, services)),
            )
        ]

    def _telemetry(self, cluster: Cluster) -> Telemetry:
        metrics = ClientTelemetryMetrics(self._metrics.registry)
        return Telemetry(self._config, lambda: cluster.image, self._clock, metrics)

    def _serving(self, metrics_port: int | None, services: Services) -> Serving:
        addresses = self._listeners.addresses
        for one in (*addresses, *self._listeners.controllers):
            log.info("broker serves listener=%s host=%s port=%d", one.name, one.host, one.port)
        return Serving(addresses[0], addresses, metrics_port, services)

    def _security(self, cluster: Cluster) -> Security:
        security = build_security(self._config, lambda: cluster.image, self._clock)
        self._metrics.throttled = security.quotas.counts
        return security

    async def _follow_settings(self, cluster: Cluster, upkeep: Upkeep) -> None:
        """Tell whoever works by settings that can be changed while the broker runs."""

        seen: dict[str, str] = {}

        async def follow(image: ClusterImage) -> None:
            dynamic = dynamic_broker_config(image, self._config)
            if dynamic != seen:
                seen.clear()
                seen.update(dynamic)
                upkeep.config = live_config(self._config, dynamic)
                await self._listeners.follow(upkeep.config, dynamic)

        cluster.followed_by(follow)
        cluster.listeners_asked(self._listeners.check)
        await follow(cluster.image)

    def _disk_worker(self, number: int, path: str) -> DiskWorker:
        def failed(error: Exception) -> None:
            self._on_directory_failed(self._workers[path], error)

        return DiskWorker(
            str(number),
            sync=self._config.log_flush == "sync",
            is_only=len(self._log_dirs) == 1,
            on_sync_seconds=self._metrics.logs.sync_durations.observe,
            on_directory_failed=failed,
        )

    def _partitions(self, logs: LogManager, waiting: Waiting) -> Partitions:
        config, counters_of = self._config, self._metrics.logs.topic

        def config_of(image: ClusterImage, topic: str) -> LogConfig:
            return log_config(effective_topic_config(image, config, topic), config)

        partitions = Partitions(
            PartitionsSetup(
                logs=logs,
                workers=self._workers,
                hosting=lambda worker: Hosting(config.node_id, worker, waiting, counters_of),
                config_of=config_of,
                waiting=waiting,
                now_ms=self._clock.now_ms,
            )
        )
        self._on_directory_failed = partitions.directory_failed
        return partitions

    def _log_moves(self, logs: LogManager, partitions: Partitions, cluster: Cluster) -> LogMoves:
        """Who moves partitions between log directories, with what was not finished before."""

        def bytes_per_s_max() -> float:
            dynamic = dynamic_broker_config(cluster.image, self._config)
            return float(dynamic.get("replica.alter.log.dirs.io.max.bytes.per.second", 0))

        moves = LogMoves(
            MovesSetup(self._files, logs, self._workers, self._clock.now_ms, bytes_per_s_max)
        )
        for (topic, index), path in logs.unfinished_moves.items():
            partition = partitions.find(topic, index)
            if partition is not None:
                moves.request(partition, path)
        return moves

    async def _cluster(self, partitions: Partitions, logs: LogManager, cluster_id: str) -> Cluster:
        """Read the cluster's own log and open what it says."""
        identity = PartitionId(METADATA_TOPIC, METADATA_TOPIC_ID, 0, 0)
        try:
            logs.require((METADATA_TOPIC, 0))
            partition = await partitions.open(identity, metadata_log_config(self._config))
            directory = logs.directory_for((METADATA_TOPIC, 0))
            cluster = Cluster(
                self._config,
                self._clock,
                partition,
                cluster_id=cluster_id,
                directory_id=uuid_bytes(logs.directory_id(directory)),
                new_id=new_id,
            )
            cluster.followed_by(partitions.follow)
            cluster.followed_by(self._forget_deleted)
            await cluster.start()
            known = frozenset(cluster.image.names_by_id)
            await in_disk_thread(lambda: logs.put_strays_aside(known.__contains__))
        except (StorageError, KafkaError) as error:
            raise CannotStart(f"the metadata log cannot be used: {error}") from error
        return cluster

    def _transactions(
        self, cluster: Cluster, partitions: Partitions, groups: GroupCoordinator
    ) -> TransactionCoordinator:
        def on_marker(partition: Partition, producer_id: int, committed: bool) -> None:
            if partition.topic == OFFSETS_TOPIC:
                groups.end_transaction(partition.index, producer_id, committed)

        return TransactionCoordinator(cluster, partitions, self._config, self._clock, on_marker)

    async def _serve_metrics(
        self, partitions: Partitions, share: ShareCoordinator
    ) -> tuple[MetricsServer | None, int | None]:
        config = self._config
        if config.metrics_port < 0:
            return None, None
        ProcessCollector(registry=self._metrics.registry)
        PlatformCollector(registry=self._metrics.registry)
        told = Told(partitions.appended_between, share.offsets.deliveries)
        exposition = self._metrics.exposition_pieces
        server = MetricsServer(exposition, lambda: self._unhealthy(partitions), told)
        try:
            return server, await server.start(config.metrics_host, config.metrics_port)
        except OSError as error:
            raise CannotStart(
                f"port {config.metrics_host}:{config.metrics_port} is taken or cannot be used"
                f" ({error.strerror}): stop the other program, or set [broker] metrics_port"
            ) from error

    def _disk_waits_s(self) -> dict[str, float]:
        return {path: worker.waiting_s for path, worker in self._workers.items()}

    def _unhealthy(self, partitions: Partitions) -> str:
        """What is wrong with the broker; empty when nothing is."""
        silent = [
            f"the disk of {path} has not answered for {waits_s:.0f} s"
            for path, waits_s in self._disk_waits_s().items()
            if waits_s > DISK_SILENT_S
        ]
        return "; ".join(silent + _unhealthy_partitions(partitions))

    async def _expire_tokens(self, services: Services) -> None:
        """Remove delegation tokens that have ended, now and then, until cancelled."""
        tokens, cluster = services.security.tokens, services.cluster
        while True:
            await asyncio.sleep(self._config.delegation_token_expiry_check_interval_ms / 1000)
            now_ms = self._clock.now_ms()
            if tokens.expired(cluster.image, now_ms):
                await cluster.write_records(lambda image: (tokens.expired(image, now_ms), None))  # noqa: B023 - it is awaited

    async def _forget_deleted(self, image: ClusterImage) -> None:
        self._metrics.logs.keep_only(image.topics.keys() | {METADATA_TOPIC})


def _fetch_sessions(config: BrokerConfig) -> FetchSessions:
    return FetchSessions(config.max_incremental_fetch_session_cache_slots)


def _unhealthy_partitions(partitions: Partitions) -> list[str]:
    offline = [str(partition) for partition in partitions.all() if not partition.is_online]
    offline += [f"{topic}-{index}" for topic, index in partitions.missing]
    damaged = [str(partition) for partition in partitions.all() if partition.damage]
    wrong = {"offline": offline, "damaged": damaged}
    return [
        f"partitions {what}: {', '.join(sorted(names)[:10])}"
        for what, names in wrong.items()
        if names
    ]
