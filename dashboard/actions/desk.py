"""Where every change goes through: switches, role, confirmation, the change, the audit record."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from dashboard.actions.audit import Audit, Entry
from dashboard.actions.catalogue import Action
from dashboard.actions.perform import Cluster, Outcome, Scene, Times
from dashboard.actions.wishes import Wish
from dashboard.cluster.poller import Poller
from dashboard.cluster.transactions import TransactionQuestions
from dashboard.connect.client import ConnectClient
from dashboard.connect.model import refusal, shown
from dashboard.copies.desk import CopyDesk
from dashboard.copies.room import CopyRoom
from dashboard.identity import Identity, NotAllowed
from dashboard.security.desk import RightsChanges
from dashboard.subjects.client import RegistryClient
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.changes import Refused

AT_ONCE: Final = 2  # a change that hangs must not keep others waiting for ever
DETAILS_LETTERS: Final = 2_000
HIDDEN: Final = frozenset(
    ("value", "key", "headers", "confirm", "password", "schema")
)  # not for the audit: it may be long, or a secret


@dataclass(frozen=True, slots=True)
class Hand:
    """How one cluster is changed."""

    cluster: Cluster
    times: Times
    security: RightsChanges
    connect: Sequence[ConnectClient]
    forget: Callable[[], object]  # what pages remember of it, after a change
    registry: RegistryClient | None = None
    readonly: bool = False  # this cluster alone
    transactions: TransactionQuestions | None = None


READ_ONLY: Final = "This dashboard is read-only (readonly in [dashboard])."


@dataclass(frozen=True, slots=True)
class Switches:
    readonly: bool
    messages: bool


class ActionDesk:
    """Performs actions on the clusters of the settings."""

    def __init__(
        self, hands: Mapping[str, Hand], switches: Switches, audit: Audit, copies: CopyRoom
    ) -> None:
        self._hands = hands
        self._switches = switches
        self._copies = copies
        self.audit = audit
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="action")

    @property
    def copies(self) -> CopyDesk:
        return self._copies.desk

    def close(self) -> None:
        self._copies.desk.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def is_readonly(self, cluster: str) -> bool:
        """Nothing can be changed there."""
        hand = self._hands.get(cluster)
        return self._switches.readonly or (hand is not None and hand.readonly)

    def closed(self) -> str:
        """Why nothing can be changed through this dashboard at all; empty when it can be."""
        return READ_ONLY if self._switches.readonly else ""

    def may(self, action: Action, who: Identity, cluster: str) -> str:
        """Why `who` may not do it there; empty when nothing is in the way."""
        if closed := self.closed():
            return closed
        if self.is_readonly(cluster):
            return f"This cluster is read-only (readonly in [clusters.{cluster}])."
        if action.shows_messages and not self._switches.messages:
            return "Messages are switched off (messages in [dashboard])."
        if who.role < action.role:
            return f"This needs the role {action.role.word}; {who.name} is {who.role.word}."
        return ""

    async def perform(self, action: Action, wish: Wish, who: Identity, poller: Poller) -> Outcome:
        """Raises NotAllowed, Refused, ClusterUnavailable; each is in the audit as well."""
        name = str(getattr(wish, action.subject))
        entry = _Entry(self.audit, who, action, poller.settings.name, name, _details(wish))
        if reason := self.may(action, who, poller.settings.name):
            entry.note(f"refused: {reason}")
            raise NotAllowed(reason)
        dry = action.is_dry(wish)
        if action.confirmed and not dry and getattr(wish, "confirm", None) != name:
            entry.note("refused: not confirmed")
            raise Refused(f"confirm must repeat the name of the {action.subject}: {name}")
        if poller.snapshot is None:
            raise ClusterUnavailable("it has not answered yet")
        hand, loop = self._hands[poller.settings.name], asyncio.get_running_loop()
        scene = Scene(
            *(hand.cluster, hand.times, poller.snapshot, hand.security, hand.connect),
            hand.registry,
            copies=self._copies,
            transactions=hand.transactions,
            who=who.name,
            later=partial(_later, loop, poller, entry),
        )
        try:
            outcome = await loop.run_in_executor(self._threads, action.run, scene, wish)
        except (Refused, ClusterUnavailable) as error:
            entry.note(f"failed: {refusal(str(error))}")
            raise
        entry.note("dry run" if dry else "done")
        if outcome.changed:
            hand.forget()
            poller.look_soon()
        return outcome


@dataclass(frozen=True, slots=True)
class _Entry:
    """The audit record of one wish, but for how it went."""

    audit: Audit
    who: Identity
    action: Action
    cluster: str
    subject: str
    details: Mapping[str, object]

    def note(self, outcome: str) -> None:
        self.audit.note(
            Entry(
                self.who, self.action.name, self.cluster, self.subject, outcome, dict(self.details)
            )
        )


def _later(loop: asyncio.AbstractEventLoop, poller: Poller, entry: _Entry, outcome: str) -> None:
    """From any thread: how what was begun has ended."""

    def told() -> None:
        entry.note(refusal(outcome))
        poller.look_soon()

    with contextlib.suppress(RuntimeError):  # the dashboard has ended; its log was closed with it
        loop.call_soon_threadsafe(told)


def _details(wish: Wish) -> dict[str, object]:
    """The wish without what people wrote into messages; long texts cut."""
    fields = msgspec.to_builtins(wish)
    kept = {name: value for name, value in fields.items() if name not in HIDDEN}
    if isinstance(kept.get("config"), dict):  # a connector's settings may be secrets
        kept["config"] = sorted(kept["config"])
    if isinstance(kept.get("configs"), dict):
        kept["configs"] = {
            key: value if value is None else shown(key, value)
            for key, value in kept["configs"].items()
        }
    return kept if len(str(kept)) <= DETAILS_LETTERS else {"cut": str(kept)[:DETAILS_LETTERS]}
