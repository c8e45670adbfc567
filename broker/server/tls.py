"""TLS between a socket and a connection: bytes of the socket in, bytes of the protocol out.

The connection is admitted, and counts for the limits, before the handshake begins; one that does
not finish it in time is cut off. To the connection the channel looks like its transport.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from broker.config import BrokerConfig
from broker.metrics import AuthenticationCounters
from broker.security.principals import Rule, principal_of, rules_of
from broker.server.certificates import Certificates
from broker.server.tls_writer import TlsWriter
from broker.server.writer import SocketWriter
from broker.sparing_log import SparingLog
from footfall.settings import SettingsError

log = logging.getLogger(__name__)

RECEIVE_BYTES = 262_144


@dataclass(slots=True)
class TlsSettings:
    """How a listener speaks TLS; certificates and rules can change, for new connections."""

    certificates: Certificates
    rules: Sequence[Rule]
    counters: AuthenticationCounters
    timeout_s: float
    failure_delay_s: float
    space: memoryview
    """Where bytes of all sockets are received; a channel takes them away at once."""
    refusals: SparingLog = field(default_factory=lambda: SparingLog(log, "TLS refused"))


class Inner(Protocol):
    """The connection behind a channel."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...

    def get_buffer(self, sizehint: int) -> memoryview: ...

    def buffer_updated(self, nbytes: int) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...

    def is_known_as(self, principal: str) -> None: ...


def mapping_rules(config: BrokerConfig) -> tuple[Rule, ...]:
    """The rules of the settings; SettingsError when there is one that is none."""
    try:
        return rules_of(config.ssl_principal_mapping_rules)
    except ValueError as error:
        raise SettingsError(f"ssl_principal_mapping_rules in [broker]: {error}") from error


class TlsChannel(asyncio.BufferedProtocol):
    """One client's TLS."""

    def __init__(self, settings: TlsSettings, inner: Inner) -> None:
        self._settings = settings
        self._inner = inner
        self._loop = asyncio.get_running_loop()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = settings.certificates.context
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_shaken = False
        self._is_paused = False
        self._has_failed = False
        self._host = "unknown"
        self._transport: asyncio.Transport | None = None
        self._socket: SocketWriter | None = None
        self._writer: TlsWriter | None = None
        self._timer: asyncio.TimerHandle | None = None

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._host = str((transport.get_extra_info("peername") or ("unknown",))[0])
        self._inner.connection_made(cast(asyncio.BaseTransport, self))
        if not transport.is_closing():
            self._timer = self._loop.call_later(self._settings.timeout_s, self._too_late)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._settings.space

    def buffer_updated(self, nbytes: int) -> None:
        if self._has_failed:
            return
        self._incoming.write(self._settings.space[:nbytes])
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._inner.connection_lost(exc)
        if self._socket is not None:
            self._socket.close()

    # What the connection calls, as if this were its transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        assert self._transport is not None
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def pause_reading(self) -> None:
        assert self._transport is not None
        self._is_paused = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        assert self._transport is not None
        self._is_paused = False
        self._transport.resume_reading()
        self._loop.call_soon(self._go_on)  # what was received but not yet opened

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def open_writer(
        self, drained: Callable[[], None], failed: Callable[[Exception], None]
    ) -> TlsWriter:
        """The outgoing half of the connection."""
        assert self._transport is not None
        descriptor = self._transport.get_extra_info("socket").fileno()
        self._socket = SocketWriter(self._loop, descriptor, self._socket_drained, failed)
        self._writer = TlsWriter((self._tls, self._outgoing), self._socket, drained, failed)
        return self._writer

    def _socket_drained(self) -> None:
        if self._writer is not None:
            self._writer.drained()

    # Between the two

    def _go_on(self) -> None:
        try:
            if not self._is_shaken:
                self._shake_hands()
            self._open_records()
        except ssl.SSLWantReadError:
            self._send()
        except ssl.SSLError as error:
            self._refuse(error.reason or "not TLS")
        except ValueError as error:
            self._refuse(str(error))

    def _shake_hands(self) -> None:
        self._tls.do_handshake()
        certificate = self._tls.getpeercert(binary_form=True)
        principal = principal_of(certificate, self._settings.rules)
        self._is_shaken = True
        if self._timer is not None:
            self._timer.cancel()
        self._inner.is_known_as(principal)
        self._send()

    def _open_records(self) -> None:
        """Hand on what the client has sent, until there is no whole TLS record left."""
        while not (self._is_paused or self.is_closing()):
            space = self._inner.get_buffer(-1)
            count = cast(int, self._tls.read(len(space), cast(bytearray, space)))
            if not count:
                self.abort()  # the client has said good-bye
                return
            self._inner.buffer_updated(count)

    def _send(self) -> None:
        """Send what TLS itself has to say."""
        data = self._outgoing.read()
        if data and self._socket is not None:
            self._socket.write([data])

    def _refuse(self, reason: str) -> None:
        """The client speaks no TLS, or none that we trust: it is told, and closed a bit later."""
        if self._has_failed:
            return
        self._has_failed = True
        self._settings.counters.failed += 1
        self._tell(reason)
        self._send()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._settings.failure_delay_s, self.abort)

    def _too_late(self) -> None:
        self._settings.counters.failed += 1
        self._tell(f"no handshake within {self._settings.timeout_s:.0f} s")
        self.abort()

    def _tell(self, reason: str) -> None:
        message = "TLS refused peer=/%s reason=%s"
        self._settings.refusals.tell(logging.INFO, self._loop.time(), message, self._host, reason)
