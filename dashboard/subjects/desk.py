"""What pages ask a schema registry when somebody looks, kept for some seconds."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from dashboard.asked import KEPT_MS, Asked
from dashboard.rest import NotThere, RestAccess
from dashboard.subjects.client import RegistryClient
from dashboard.subjects.model import Listing, Own, Subject, Version
from tracker.clock import Clock
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.changes import Refused

KEPT_MAX: Final = 1_000  # questions that are remembered, of each kind
LATEST_S: Final = 1.5  # for a page of rows


class RegistryDesk:
    """One registry; without an address nobody asks."""

    def __init__(self, client: RegistryClient | None, clock: Clock) -> None:
        self.client = client
        self._clock = clock
        self._listing: Asked[Listing] | None = Asked(client.look, clock) if client else None
        self._subjects: dict[str, Asked[Subject]] = {}
        self._versions: dict[tuple[str, int], Asked[Version]] = {}
        self._contexts: dict[str, Asked[Own]] = {}
        self._latest: dict[str, tuple[float, Version | None]] = {}
        self._lock = asyncio.Lock()

    @property
    def is_there(self) -> bool:
        """Whether the settings name one."""
        return self.client is not None

    @property
    def url(self) -> str:
        """As people are told it."""
        return self.client.url if self.client is not None else ""

    @property
    def listing(self) -> Asked[Listing]:
        assert self._listing is not None
        return self._listing

    def subject(self, name: str) -> Asked[Subject]:
        assert self.client is not None
        return self._kept(self._subjects, name, partial(self.client.subject, name))

    def version(self, name: str, number: int) -> Asked[Version]:
        assert self.client is not None
        place = (name, number)
        return self._kept(self._versions, place, partial(self.client.version, name, number))

    def own(self, context: str) -> Asked[Own]:
        """Level and mode of a context."""
        assert self.client is not None
        return self._kept(self._contexts, context, partial(self.client.own, context))

    async def latest(self, names: Sequence[str]) -> dict[str, Version]:
        """The newest version of each; those that are not known in time are left out."""
        async with self._lock:
            await asyncio.to_thread(self._ask_latest, names)
        found = {name: self._latest.get(name, (0.0, None))[1] for name in names}
        return {name: version for name, version in found.items() if version is not None}

    def forget(self) -> None:
        """After a change."""
        if self._listing is not None:
            self._listing.forget()
        self._subjects, self._versions, self._contexts, self._latest = {}, {}, {}, {}

    def _ask_latest(self, names: Sequence[str]) -> None:
        """One after the other, so that a slow registry holds up one thread and not all."""
        assert self.client is not None
        if len(self._latest) > KEPT_MAX:
            self._latest = {}
        until, now_ms, kept = time.monotonic() + LATEST_S, self._clock.monotonic_ms(), self._latest
        for name in names:
            if name in kept and now_ms - kept[name][0] < KEPT_MS:
                continue
            if time.monotonic() > until:
                return
            try:
                kept[name] = (now_ms, self.client.latest(name))
            except (NotThere, Refused):
                kept[name] = (now_ms, None)
            except ClusterUnavailable:
                return

    def _kept(self, asked: dict[Any, Asked[Any]], key: Any, ask: Callable[[], Any]) -> Asked[Any]:
        if key not in asked:
            if len(asked) >= KEPT_MAX:
                asked.clear()
            asked[key] = Asked(ask, self._clock)
        return asked[key]


def registry_desk(url: str, username: str, password: str, clock: Clock) -> RegistryDesk:
    """Raises SettingsError."""
    client = RegistryClient(RestAccess(url, username, password)) if url else None
    return RegistryDesk(client, clock)
