"""A Kafka Connect worker over its REST interface (KIP-26, KIP-745, KIP-875).

Every call blocks, at most about `TIMEOUT_S`; call it from a thread. What the worker refuses raises
Refused with its own words; no answer raises ClusterUnavailable, and then nobody knows whether a
change was made.
"""

import base64
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

from dashboard.cluster.asked import Asked
from dashboard.connect.model import Worker, refusal, worker
from footfall.settings import SettingsError
from tracker.clock import Clock
from tracker.kafka_admin import ClusterUnavailable
from tracker.kafka_changes import Refused

TIMEOUT_S: Final = 8.0
BYTES_MAX: Final = 16_777_216


@dataclass(frozen=True, slots=True)
class ConnectAccess:
    """Where a worker is, and who asks."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)


class ConnectClient:
    """One worker; any worker of a Connect cluster passes on what is another's."""

    def __init__(self, access: ConnectAccess) -> None:
        """Raises SettingsError for what is no address."""
        parts = urlsplit(access.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"connect_urls has {access.url!r}, which is no http address")
        if parts.username or parts.password:
            raise SettingsError(
                "a log-in of Connect stands in connect_username, not in its address"
            )
        self._access = access
        self.url = access.url.rstrip("/")

    def look(self) -> Worker:
        """The worker and every connector."""
        root = self._ask("GET", "/")
        listing = self._ask("GET", "/connectors?expand=status&expand=info")
        return worker(root, listing)

    def config(self, name: str) -> dict[str, str]:
        """With its secrets: for changing it, not for showing. Empty when there is no such one."""
        try:
            body = self._ask("GET", f"{_path(name)}/config")
        except NotThere:
            return {}
        if not isinstance(body, dict):
            raise ClusterUnavailable("it answered something else than settings")
        return {str(key): str(value) for key, value in body.items()}

    def put_config(self, name: str, config: Mapping[str, str]) -> None:
        """Makes the connector, or gives it these settings and no others."""
        self._ask("PUT", f"{_path(name)}/config", dict(config))

    def steer(self, name: str, verb: str) -> None:
        """`pause`, `resume` or `stop`."""
        self._ask("PUT", f"{_path(name)}/{verb}")

    def restart(self, name: str, only_failed: bool) -> None:
        """The connector and its tasks."""
        flags = f"includeTasks=true&onlyFailed={'true' if only_failed else 'false'}"
        self._ask("POST", f"{_path(name)}/restart?{flags}")

    def restart_task(self, name: str, task: int) -> None:
        self._ask("POST", f"{_path(name)}/tasks/{task}/restart")

    def delete(self, name: str) -> None:
        self._ask("DELETE", _path(name))

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON, or None where it has no body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Accept", "application/json")
        request.add_header("Content-Type", "application/json")
        if self._access.username:
            pair = f"{self._access.username}:{self._access.password}".encode()
            told = f"Basic {base64.b64encode(pair).decode()}"
            request.add_unredirected_header("Authorization", told)  # for this worker only
        try:
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                    raw = _body(answer, BYTES_MAX + 1)
            except urllib.error.HTTPError as refusal:
                raise _refusal(refusal) from refusal
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise ClusterUnavailable(f"{type(error).__name__}: {reason}") from error
        if len(raw) > BYTES_MAX:
            raise ClusterUnavailable(f"it answered more than {BYTES_MAX} bytes")
        try:
            return json.loads(raw) if raw.strip() else None
        except (ValueError, RecursionError) as error:
            raise ClusterUnavailable("it answered something else than JSON") from error


class NotThere(Refused):
    """404: there is no such connector or task."""


def _body(answer: Any, bytes_max: int) -> bytes:
    """What comes within TIMEOUT_S, however slowly it trickles; TimeoutError for more."""
    until, body = time.monotonic() + TIMEOUT_S, bytearray()
    while len(body) < bytes_max and (piece := answer.read1(65_536)):
        body += piece
        if time.monotonic() > until:
            raise TimeoutError("its answer does not end")
    return bytes(body)


def _refusal(error: urllib.error.HTTPError) -> Exception:
    with error:
        raw = _body(error, 65_536)
    try:
        said = str(json.loads(raw)["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        said = f"it answered {error.code}"
    said = refusal(" ".join(said.split())[:2_000])
    if error.code == 404:
        return NotThere(said)
    if error.code >= 500 and not raw.strip():
        return ClusterUnavailable(said)
    return Refused(said)


def _path(name: str) -> str:
    """Connectors may be called anything, `..` and `a/b` as well."""
    return "/connectors/" + quote(name, safe="").replace(".", "%2E")


@dataclass(frozen=True, slots=True)
class ConnectDesk:
    """The workers of one cluster's settings, in their order."""

    clients: tuple[ConnectClient, ...]
    looks: tuple[Asked[Worker], ...]

    def forget(self) -> None:
        """After a change."""
        for look in self.looks:
            look.forget()


def connect_desk(urls: tuple[str, ...], username: str, password: str, clock: Clock) -> ConnectDesk:
    """Raises SettingsError."""
    clients = tuple(ConnectClient(ConnectAccess(url, username, password)) for url in urls)
    return ConnectDesk(clients, tuple(Asked(client.look, clock) for client in clients))
