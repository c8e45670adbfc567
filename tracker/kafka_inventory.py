"""What librdkafka cannot be asked: sizes on disk, and groups that are not consumer groups.

kafka-python answers for these alone (docs/adr/0024). Every call blocks, at most about `timeout_s`
seconds; call it from one thread at a time. A cluster that does not answer, or refuses, raises
`ClusterUnavailable`; the next call connects anew. `close` may come from any thread.
"""

import importlib
import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from tracker.config import KafkaConfig
from tracker.kafka_admin import ClusterUnavailable, ListedGroup, TopicPartition

T = TypeVar("T")

OTHER_GROUPS: Final = frozenset(("share", "streams"))
"""Types of groups (KIP-932, KIP-1071) that librdkafka leaves out of its list."""


@dataclass(frozen=True, slots=True)
class LogDir:
    """One log directory of one broker."""

    broker_id: int
    path: str
    offline: bool  # it failed; its partitions are not told
    total_bytes: int  # of its file system; -1: not told (KIP-827)
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Disks:
    """What lies on the disks of a cluster."""

    sizes: Mapping[TopicPartition, Mapping[int, int]]  # bytes by broker id
    log_dirs: tuple[LogDir, ...]


def client_library() -> Any:
    """kafka-python, imported when it is first used: it reads a hundred schemas, with a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        library = importlib.import_module("kafka")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its exceptions say the same
    return library


def inventory_options(settings: KafkaConfig, timeout_s: float) -> dict[str, Any]:
    """kafka-python's names for what [kafka] says."""
    timeout_ms = max(1, round(timeout_s * 1000))
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "client_id": "footfall-dashboard-inventory",
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


class Inventory:
    """One cluster's disks and groups."""

    def __init__(self, settings: KafkaConfig) -> None:
        self._settings = settings
        self._client: Any = None
        self._closed = False

    def disks(self, timeout_s: float) -> Disks:
        """Log directories, and bytes of each partition; copies that move (KIP-113) left out."""
        return self.ask(_disks, timeout_s)

    def other_groups(self, timeout_s: float) -> tuple[ListedGroup, ...]:
        """Share and streams groups; none where brokers are older than such groups."""
        answer = self.ask(lambda client: client.list_groups(), timeout_s)
        found = {
            group["group_id"]: ListedGroup(
                group["group_id"],
                group["group_type"],
                group.get("group_state", "unknown").replace(" ", "_").lower(),
            )
            for group in answer
            if group.get("group_type") in OTHER_GROUPS
        }
        return tuple(found[group_id] for group_id in sorted(found))

    def close(self) -> None:
        """End the connections for good, also while another thread makes one."""
        self._closed = True
        self._hang_up()

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connect(self, timeout_s: float) -> Any:
        """A client that is connected. Its constructor leaves a thread behind when it fails."""
        library, made = client_library(), []

        def remembered(**options: Any) -> Any:
            made.append(library.KafkaAdminClient.DEFAULT_CONFIG["kafka_client"](**options))
            return made[0]

        options = inventory_options(self._settings, timeout_s)
        try:
            return library.KafkaAdminClient(**options, kafka_client=remembered)
        except library.errors.KafkaError:
            for network in made:
                network.close()
            raise

    def ask(self, question: Callable[[Any], T], timeout_s: float) -> T:
        """Whatever else is asked of kafka-python's client; its failures are ClusterUnavailable."""
        try:
            if self._client is None:
                self._client = self._connect(timeout_s)
            if self._closed:
                raise ClusterUnavailable("closed")
            return question(self._client)
        except Exception as error:  # whatever its answer lacks: this may always be missing
            self._hang_up()
            raise ClusterUnavailable(f"{type(error).__name__}: {error}") from error


def _disks(client: Any) -> Disks:
    sizes: dict[TopicPartition, dict[int, int]] = {}
    log_dirs: list[LogDir] = []
    for broker in client.describe_log_dirs():
        broker_id = broker["broker"]
        for directory in broker["log_dirs"]:
            total, free = directory.get("total_bytes", -1), directory.get("usable_bytes", -1)
            failed = directory["error_code"] != 0
            log_dirs.append(LogDir(broker_id, directory["log_dir"], failed, total, free))
            for topic in directory["topics"]:
                for part in topic["partitions"]:
                    if not part["is_future_key"]:
                        place = TopicPartition(topic["name"], part["partition_index"])
                        sizes.setdefault(place, {})[broker_id] = part["partition_size"]
    return Disks(dict(sizes), tuple(log_dirs))
