"""All listeners of a broker, each with what protects it."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from broker.clock import Clock
from broker.config import INT32_MAX, BrokerConfig
from broker.errors import KafkaError
from broker.handlers.handler import ListenerAddress
from broker.metadata.listener_configs import listener_bounds
from broker.metrics import BrokerMetrics
from broker.partition.disk_worker import in_disk_thread
from broker.security.mechanisms import SaslSources, build_mechanisms, load_sources
from broker.security.security import Security
from broker.server.certificates import CHECK_S
from broker.server.connections import Limits
from broker.server.crowd import Crowd
from broker.server.dispatcher import Dispatcher
from broker.server.endpoints import Endpoint, SecurityProtocol, endpoints_of
from broker.server.guard import Logins
from broker.server.listener import Listener, Protection, limits_of
from broker.server.listener_settings import own_settings
from broker.server.listener_tls import ListenerTls
from footfall.settings import SettingsError

if TYPE_CHECKING:
    from broker.server.key_fetching import KeyFetching

log = logging.getLogger(__name__)

INTER_BROKER = "PLAINTEXT"
"""The listener that security.inter.broker.protocol names when nobody sets it."""


class PortTaken(Exception):
    """An address of the settings that cannot be listened on; the message tells the way out."""


@dataclass(slots=True)
class _Door:
    """One listener on its way from settings to serving."""

    endpoint: Endpoint
    config: BrokerConfig
    """With what was set for this listener alone."""
    listener: Listener
    tls: ListenerTls | None
    sources: SaslSources | None
    """Of listeners with log-in."""
    address: ListenerAddress | None = None


class Listeners:
    """Made from the settings; then `bind`, `serve` inside a task group, `stop`."""

    def __init__(self, config: BrokerConfig, metrics: BrokerMetrics) -> None:
        """Read certificates and users; SettingsError when something is missing or unsafe."""
        self._config = config
        self._metrics = metrics
        endpoints = endpoints_of(config)
        self._background: list[asyncio.Task[None]] = []
        self._fetching: list[KeyFetching] = []
        self._crowd = Crowd()
        self._dynamic: dict[str, str] = {}
        own = own_settings(config, [endpoint.name for endpoint in endpoints])
        try:
            limits = limits_of(config)
        except KafkaError as error:
            raise SettingsError(f"[broker] max_connections_per_ip_overrides: {error}") from error
        self._doors = [
            _Door(
                endpoint,
                own[endpoint.name].config,
                Listener(endpoint.name, _protected(limits, endpoint, len(endpoints)), metrics),
                ListenerTls(endpoint, own[endpoint.name].config, metrics)
                if endpoint.protocol.has_tls
                else None,
                load_sources(own[endpoint.name].config, own[endpoint.name].mechanisms)
                if endpoint.protocol.has_sasl
                else None,
            )
            for endpoint in endpoints
        ]
        for door in self._doors:
            _warn(door.endpoint, door.config)

    @property
    def addresses(self) -> tuple[ListenerAddress, ...]:
        """What clients are told, in the order of the settings; empty before `bind`."""
        return self._addresses(of_controllers=False)

    @property
    def controllers(self) -> tuple[ListenerAddress, ...]:
        """The same, of listeners that answer as a controller."""
        return self._addresses(of_controllers=True)

    def _addresses(self, *, of_controllers: bool) -> tuple[ListenerAddress, ...]:
        return tuple(
            door.address
            for door in self._doors
            if door.address is not None and door.endpoint.is_controller == of_controllers
        )

    async def prepare(self) -> None:
        """Fetch what log-ins need from elsewhere; SettingsError when it cannot be had."""
        for door in self._doors:
            if door.sources is not None and door.sources.ring is not None:
                # 12 MB that only this needs
                from broker.server.key_fetching import KeyFetching

                fetching = KeyFetching(door.config, door.sources.ring)
                await fetching.start()
                self._fetching.append(fetching)
                name = door.endpoint.name
                self._metrics.token_key_failures[name] = fetching.failures_in_a_row

    def bind(self) -> None:
        """Take all ports, or none: PortTaken names the one that cannot be had."""
        try:
            self._bind_all()
        except PortTaken:
            self.unbind()
            raise

    def unbind(self) -> None:
        """Give back the ports of listeners that do not serve."""
        for door in self._doors:
            door.listener.unbind()
            door.address = None

    def _bind_all(self) -> None:
        for door in self._doors:
            endpoint = door.endpoint
            try:
                port = door.listener.bind(endpoint.host, endpoint.port)
            except OSError as error:
                raise PortTaken(
                    f"port {endpoint.host}:{endpoint.port} is taken or cannot be used"
                    f" ({error.strerror}): stop the other program, or set"
                    f" [broker] {'listeners' if self._config.listeners else 'port'}"
                ) from error
            door.address = ListenerAddress(
                endpoint.name, endpoint.advertised_host, endpoint.advertised_port or port
            )

    async def serve(
        self,
        dispatcher: Dispatcher,
        tasks: asyncio.TaskGroup,
        security: Security,
        clock: Clock,
        *,
        controller: Dispatcher,
    ) -> None:
        """Answer clients of all listeners, by `controller` on its own ones; returns at once."""
        for door in self._doors:
            assert door.address is not None
            asked = controller if door.endpoint.is_controller else dispatcher
            tls = door.tls.settings if door.tls is not None else None
            protection = Protection(tls, _logins(door, security, clock), self._crowd)
            await door.listener.serve(asked, door.address, tasks, protection)
        if any(door.tls is not None for door in self._doors):
            watching = tasks.create_task(self._watch_certificates(), name="certificates")
            self._background.append(watching)
        for fetching in self._fetching:
            self._background.append(tasks.create_task(fetching.run(), name="token keys"))

    async def renew_certificates(self) -> None:
        """Use certificates whose files were replaced."""
        for door in self._doors:
            if door.tls is not None:
                await in_disk_thread(door.tls.settings.certificates.renew)

    async def _watch_certificates(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            await self.renew_certificates()

    async def check(self, changes: Mapping[str, str | None]) -> None:
        """Raise INVALID_REQUEST when a listener could not be served after these changes.

        `changes` of settings of single listeners, by Kafka's names; None: it is taken away.
        """
        after = {**self._dynamic, **changes}
        dynamic = {name: value for name, value in after.items() if value is not None}
        for door in self._doors:
            if door.tls is not None:
                await in_disk_thread(partial(door.tls.check, dynamic))

    async def follow(self, config: BrokerConfig, dynamic: Mapping[str, str]) -> None:
        """Take the limits, and the TLS, of settings that were changed while the broker runs.

        `dynamic`: all that were, for those of single listeners.
        """
        self._dynamic = dict(dynamic)
        limits = limits_of(config)
        for door in self._doors:
            if door.tls is not None:
                await in_disk_thread(partial(door.tls.follow, self._dynamic))
            own = listener_bounds(dynamic, door.endpoint.name)
            door.listener.limit(
                replace(
                    _protected(limits, door.endpoint, len(self._doors)),
                    listener_connections_max=own.get("max.connections", INT32_MAX),
                    listener_rate_max=own.get("max.connection.creation.rate", INT32_MAX),
                )
            )

    async def stop(self) -> None:
        """Stop all of them; they end the requests in work side by side."""
        for task in self._background:
            task.cancel()
        async with asyncio.TaskGroup() as stopping:
            for door in self._doors:
                stopping.create_task(door.listener.stop())


def _logins(door: _Door, security: Security, clock: Clock) -> Logins | None:
    config = door.config
    if door.sources is None:
        return None
    return Logins(
        build_mechanisms(config, door.sources, security, clock),
        frame_bytes_max=min(config.sasl_server_max_receive_size, config.socket_request_max_bytes),
        timeout_s=config.authentication_timeout_ms / 1000,
        failure_delay_s=config.connection_failed_authentication_delay_ms / 1000,
    )


def _protected(limits: Limits, endpoint: Endpoint, listeners: int) -> Limits:
    """As in Kafka, who comes by the listener between brokers is let in, if there are others."""
    return replace(limits, is_protected=endpoint.name == INTER_BROKER and listeners > 1)


def _warn(endpoint: Endpoint, config: BrokerConfig) -> None:
    """Say what a listener that others can reach leaves open."""
    if endpoint.is_loopback:
        return
    place = f"{endpoint.name}://{endpoint.host}:{endpoint.port}"
    known = endpoint.protocol.has_sasl or (
        endpoint.protocol.has_tls and config.ssl_client_auth == "required"
    )
    if not known:
        log.warning("anybody who reaches %s can use it: clients need not show who they are", place)
    if endpoint.protocol is SecurityProtocol.SASL_PLAINTEXT:
        log.warning("%s is not encrypted: records, and passwords of PLAIN, can be read", place)
