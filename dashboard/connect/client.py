"""A Kafka Connect worker over its REST interface (KIP-26, KIP-745, KIP-875, KIP-976).

Every call blocks for a bounded time; call it from a thread. See dashboard.rest for what it raises.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from dashboard.asked import Asked
from dashboard.connect.details import (
    Details,
    Offsets,
    Place,
    errors,
    loggers,
    offsets,
    plugin_list,
    said,
)
from dashboard.connect.model import Worker, refusal, worker
from dashboard.connect.watch import ConnectWatch
from dashboard.rest import NotThere, Owner, Rest, RestAccess, part
from tracker.clock import Clock
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.changes import Refused

REBALANCE_S: Final = 8.0
AGAIN_S: Final = 0.4
OFFSETS_KEPT: Final = 1_000  # connectors whose offsets are remembered
OWNER: Final = Owner("connect_urls", "connect_username")


class ConnectClient:
    """One worker; any worker of a Connect cluster passes on what is another's."""

    def __init__(self, access: RestAccess) -> None:
        """Raises SettingsError for what is no address."""
        self._rest = Rest(access, OWNER, told=refusal)
        self.url = self._rest.url

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """Asks again, for some seconds, where the workers share out their connectors just now: they
        refuse every change then (409), as they do after each connector that is made."""
        until_s = time.monotonic() + REBALANCE_S
        while True:
            try:
                return self._rest.ask(method, path, body)
            except Refused as refusal:
                if "rebalance" not in str(refusal) or time.monotonic() > until_s:
                    raise
            time.sleep(AGAIN_S)

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

    def offsets(self, name: str) -> Offsets:
        """Where it stands; of a sink connector that is what its group committed."""
        return offsets(self._ask("GET", f"{_path(name)}/offsets"))

    def alter_offsets(self, name: str, places: Sequence[Place]) -> str:
        """The worker's words. Refused unless the connector is stopped."""
        listed = [
            {
                "partition": dict(one.partition),
                "offset": None if one.offset is None else dict(one.offset),
            }
            for one in places
        ]
        return said(self._ask("PATCH", f"{_path(name)}/offsets", {"offsets": listed}))

    def reset_offsets(self, name: str) -> str:
        """Forgets all of them; the worker's words. Refused unless the connector is stopped."""
        return said(self._ask("DELETE", f"{_path(name)}/offsets"))

    def details(self) -> Details:
        """Plugins and loggers; a worker may keep its loggers on another address."""
        plugins = plugin_list(self._ask("GET", "/connector-plugins?connectorsOnly=false"))
        try:
            levels = loggers(self._ask("GET", "/admin/loggers"))
        except Refused:
            levels = ()
        return Details(plugins, levels)

    def set_logger(self, name: str, level: str) -> None:
        """Of the whole Connect cluster, until its workers restart."""
        self._ask("PUT", f"/admin/loggers/{part(name)}?scope=cluster", {"level": level})

    def validate(self, config: Mapping[str, str]) -> dict[str, str]:
        """What is wrong with settings, by their names; without the plugin nobody can tell."""
        kind = part(config["connector.class"].rpartition(".")[2])
        return errors(self._ask("PUT", f"/connector-plugins/{kind}/config/validate", dict(config)))

    def delete(self, name: str) -> None:
        self._ask("DELETE", _path(name))


def _path(name: str) -> str:
    return "/connectors/" + part(name)


@dataclass(frozen=True, slots=True)
class ConnectDesk:
    """The workers of one cluster's settings, in their order."""

    clock: Clock
    clients: tuple[ConnectClient, ...]
    looks: tuple[Asked[Worker], ...]
    details: tuple[Asked[Details], ...]
    watch: ConnectWatch
    _offsets: dict[tuple[int, str], Asked[Offsets]] = field(default_factory=dict)

    def offsets(self, worker: int, name: str) -> Asked[Offsets]:
        """Of a connector; what is remembered is bounded."""
        if (worker, name) not in self._offsets:
            if len(self._offsets) >= OFFSETS_KEPT:
                self._offsets.clear()
            ask = partial(self.clients[worker].offsets, name)
            self._offsets[worker, name] = Asked(ask, self.clock)
        return self._offsets[worker, name]

    def forget(self) -> None:
        """After a change."""
        for look in self.looks:
            look.forget()
        for details in self.details:
            details.forget()
        for asked in self._offsets.values():
            asked.forget()


def connect_desk(urls: tuple[str, ...], username: str, password: str, clock: Clock) -> ConnectDesk:
    """Raises SettingsError."""
    clients = tuple(ConnectClient(RestAccess(url, username, password)) for url in urls)
    looks = tuple(Asked(client.look, clock) for client in clients)
    watched = [(client.url, look) for client, look in zip(clients, looks, strict=True)]
    return ConnectDesk(
        clock,
        clients,
        looks,
        tuple(Asked(client.details, clock) for client in clients),
        ConnectWatch(watched, clock),
    )
