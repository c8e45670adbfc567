"""A Kafka Connect worker over its REST interface (KIP-26, KIP-745, KIP-875).

Every call blocks for a bounded time; call it from a thread. See dashboard.rest for what it raises.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dashboard.cluster.asked import Asked
from dashboard.connect.model import Worker, refusal, worker
from dashboard.rest import NotThere, Owner, Rest, RestAccess, part
from tracker.clock import Clock
from tracker.kafka_admin import ClusterUnavailable

OWNER: Final = Owner("connect_urls", "connect_username")


class ConnectClient:
    """One worker; any worker of a Connect cluster passes on what is another's."""

    def __init__(self, access: RestAccess) -> None:
        """Raises SettingsError for what is no address."""
        self._rest = Rest(access, OWNER, told=refusal)
        self._ask = self._rest.ask
        self.url = self._rest.url

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


def _path(name: str) -> str:
    return "/connectors/" + part(name)


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
    clients = tuple(ConnectClient(RestAccess(url, username, password)) for url in urls)
    return ConnectDesk(clients, tuple(Asked(client.look, clock) for client in clients))
