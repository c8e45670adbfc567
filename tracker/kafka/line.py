"""A connection by kafka-python, for what librdkafka cannot be asked or answers at too high a price.

docs/adr/0024 and 0033. Every call blocks, at most about `timeout_s` seconds, and may come from any
thread. A cluster that does not answer, or refuses, raises `ClusterUnavailable`; the next call
connects anew.
"""

import functools
import importlib
import logging
import socket
import warnings
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Final, TypeVar

from tracker.config import KafkaConfig
from tracker.kafka.admin import ClusterUnavailable

T = TypeVar("T")

PORT: Final = 9092  # where none is named
DIRECT: Final = "direct"


@functools.cache
def client_library() -> Any:
    """kafka-python, imported when it is first used: it reads a hundred schemas, with a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        library = importlib.import_module("kafka")
        _register_closing(importlib.import_module("kafka.net").KafkaNetSocket)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its exceptions say the same
    return library


def _register_closing(sockets: Any) -> None:
    """kafka-python's maker of connections, but that it closes a socket that was refused.

    Its own leaves one for the garbage collector with each attempt. It is chosen by the scheme of
    `proxy_url`, under which the library keeps every subclass.
    """

    class Closing(sockets):  # type: ignore[misc]  # the library has no types
        SCHEMES = (DIRECT,)

        async def sock_connect(self, net: Any, sock: Any, *where: Any, **until: Any) -> Any:
            try:
                return await super().sock_connect(net, sock, *where, **until)
            except BaseException:
                sock.close()
                raise


def words(of: str) -> Any:
    """kafka-python's messages of one kind, such as "metadata"; after it was imported."""
    return importlib.import_module(f"kafka.protocol.{of}")


def line_options(settings: KafkaConfig, timeout_s: float) -> dict[str, Any]:
    """kafka-python's names for what [kafka] says."""
    timeout_ms = max(1, round(timeout_s * 1000))
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "client_id": "footfall-dashboard-line",
        "proxy_url": f"{DIRECT}://",
        "security_protocol": settings.security_protocol,
        "request_timeout_ms": timeout_ms,
        "bootstrap_timeout_ms": timeout_ms,
        "ssl_cafile": settings.ssl_ca_location or None,
        "ssl_certfile": settings.ssl_certificate_location or None,
        "ssl_keyfile": settings.ssl_key_location or None,
    }
    if settings.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.sasl_password
    return options


class Line:
    """One cluster's; all that share it share its connections."""

    def __init__(self, settings: KafkaConfig) -> None:
        self._settings = settings
        self._client: Any = None
        self._closed = False
        self._making = Lock()

    def close(self) -> None:
        """End the connections for good, also while another thread makes one."""
        self._closed = True
        self._hang_up()

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connect(self, timeout_s: float) -> Any:
        """A client that is connected. Its constructor tries for as long as it may where nobody
        listens, and leaves a thread behind when it fails."""
        library, made = client_library(), []

        def remembered(**options: Any) -> Any:
            made.append(library.KafkaAdminClient.DEFAULT_CONFIG["kafka_client"](**options))
            return made[0]

        options = line_options(self._settings, timeout_s)
        _knock(options["bootstrap_servers"], timeout_s)
        try:
            return library.KafkaAdminClient(**options, kafka_client=remembered)
        except library.errors.KafkaError:
            for network in made:
                network.close()
            raise

    def ask(self, question: Callable[[Any], T], timeout_s: float) -> T:
        """`question` to a client that is connected; whatever it raises is `ClusterUnavailable`."""
        try:
            with self._making:
                if self._client is None:
                    self._client = self._connect(timeout_s)
                client = self._client
            if self._closed:
                raise ClusterUnavailable("closed")
            return question(client)
        except Exception as error:  # whatever its answer lacks: who asks has another way
            self._hang_up()
            raise ClusterUnavailable(f"{type(error).__name__}: {error}") from error


def _knock(servers: Sequence[str], timeout_s: float) -> None:
    """Raises OSError when no server takes a connection."""
    trouble: OSError | None = None
    for server in servers:
        host, _, port = server.strip().rpartition(":")
        where = (host.strip("[]"), int(port)) if port.isdigit() else (server.strip(), PORT)
        try:
            socket.create_connection(where, timeout_s).close()
        except OSError as error:
            trouble = error
        else:
            return
    if trouble is not None:
        raise trouble
