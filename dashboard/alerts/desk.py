"""Alerts of a running dashboard: asks the rules every few seconds, tells channels, keeps a record.

What fires, silences and history survive a restart in <data dir>/dashboard/alerts.json.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Final

import msgspec

from dashboard.alerts import appliance_rules, cluster_rules
from dashboard.alerts.courier import Channel
from dashboard.alerts.engine import Alert, Engine
from dashboard.alerts.facts import Facts
from dashboard.alerts.silences import Silence, Silences
from tracker.clock import Clock
from tracker.json_file import VERSION, refuse_newer
from tracker.secret_file import replace_file

log = logging.getLogger(__name__)

RULES: Final = (*cluster_rules.RULES, *appliance_rules.RULES)
EVERY_S: Final = 5.0
SETTLE_MS: Final = 20_000  # after a start nothing is told: roles and clusters come up first
SEVERITIES: Final = ("critical", "warning")
STATES: Final = ("pending", "firing", "silenced")
CARRIED_MS: Final = 11 * 60_000  # rules look back ten minutes
HISTORY_KEPT: Final = 200
STORE: Final = 1  # version of the record


@dataclass(frozen=True, slots=True)
class Telling:
    """Whom, and how often again while something still fires."""

    channels: Sequence[Channel]
    repeat_ms: int


class Kept(msgspec.Struct):
    """What the record holds."""

    active: list[Alert]
    history: list[Alert]
    silences: list[Silence]
    told: dict[str, int]


class AlertDesk:
    """`run` evaluates; pages and the API read `engine` and `silences`."""

    def __init__(
        self, look: Callable[[], Facts], clock: Clock, telling: Telling, path: Path | None = None
    ) -> None:
        """Raises StoreTooNew where a newer Footfall kept the record at `path`."""
        self.engine = Engine(RULES)
        self.silences = Silences()
        self.channels = telling.channels
        self._look = look
        self._clock = clock
        self._repeat_ms = telling.repeat_ms
        self._path = path
        self._told_at_ms: dict[str, int] = {}  # by fingerprint, those that fire
        self._began_ms = clock.now_ms()
        self._kept = ""
        self._saving = asyncio.Lock()
        if path is not None and path.exists():
            self._restore(path)

    async def run(self) -> None:
        """Evaluate until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for channel in self.channels:
                tasks.create_task(channel.run(), name=f"alerts to {channel.name}")
            while True:
                try:
                    facts = self._look()  # in the loop: what it reads changes there
                    await asyncio.to_thread(self.engine.evaluate, facts)
                    self.tell()
                    await self.save()
                except OSError as error:
                    log.warning("alerts not kept path=%s reason=%s", self._path, error)
                await asyncio.sleep(EVERY_S)

    def evaluate(self) -> None:
        """Ask the rules once."""
        self.engine.evaluate(self._look())

    def loud(self) -> list[Alert]:
        """What fires and is not silenced: what a page has to show."""
        now_ms = self._clock.now_ms()
        return [one for one in self.engine.firing() if self.silences.of(one, now_ms) is None]

    def counts(self) -> dict[tuple[str, str], int]:
        """How many by severity and state (pending, firing, silenced), without those that are quiet
        under a worse one; none is 0."""
        now_ms = self._clock.now_ms()
        found = dict.fromkeys(product(SEVERITIES, STATES), 0)
        for alert in list(self.engine.active.values()):
            word = "pending"
            if alert.firing and self.engine.is_quiet(alert):
                continue
            if alert.firing:
                word = "firing" if self.silences.of(alert, now_ms) is None else "silenced"
            found[alert.severity, word] = found.get((alert.severity, word), 0) + 1
        return found

    def tell(self) -> list[Alert]:
        """Post what is new, over, or due again; what is silenced waits until it no longer is."""
        now_ms = self._clock.now_ms()
        if now_ms - self._began_ms < SETTLE_MS:
            return []
        news = [*self._due(now_ms), *self._over(now_ms)]
        if news:
            for channel in self.channels:
                channel.post(news)
        return news

    def _due(self, now_ms: int) -> list[Alert]:
        """What fires and was never told, or so long ago that it is told again."""
        due: list[Alert] = []
        firing = self.engine.firing()
        for alert in firing:
            told_ms = self._told_at_ms.get(alert.fingerprint)
            is_due = told_ms is None or now_ms - told_ms >= self._repeat_ms
            if is_due and self.silences.of(alert, now_ms) is None:
                self._told_at_ms[alert.fingerprint] = now_ms
                due.append(alert)
        for fingerprint in self._still() - {alert.fingerprint for alert in firing}:
            if fingerprint in self._told_at_ms:  # quiet under a worse one: due as soon as that ends
                self._told_at_ms[fingerprint] = 0
        return due

    def _over(self, now_ms: int) -> list[Alert]:
        """What was told and has ended."""
        over: list[Alert] = []
        ended = {alert.fingerprint: alert for alert in self.engine.history}
        still = self._still()
        for fingerprint in [one for one in self._told_at_ms if one not in still]:
            del self._told_at_ms[fingerprint]
            if fingerprint in ended and self.silences.of(ended[fingerprint], now_ms) is None:
                over.append(ended[fingerprint])
        return over

    def _still(self) -> set[str]:
        """What fires, that which is quiet under a worse one included."""
        return {alert.fingerprint for alert in self.engine.active.values() if alert.firing}

    async def test(self, by: str) -> list[tuple[str, str]]:
        """Send a test message to every channel at once; each with its trouble, or empty."""
        now_ms = self._clock.now_ms()
        summary = f"A test, asked for by {by}. Nothing is wrong."
        alert = Alert("FootfallTest", "none", {}, summary, "", 0.0, now_ms, now_ms)
        async with asyncio.TaskGroup() as tasks:
            tries = [tasks.create_task(channel.attempt((alert,))) for channel in self.channels]
        return [
            (channel.name, "" if done.result() else channel.trouble)
            for channel, done in zip(self.channels, tries, strict=True)
        ]

    async def save(self) -> None:
        """Write the record when it changed."""
        if self._path is None:
            return
        async with self._saving:  # an older record is never written over a newer one
            await self._save(self._path)

    async def _save(self, path: Path) -> None:
        active = list(self.engine.active.values())
        # sentences and values move with every look: they go along, and are no reason to write
        steady = self._record([replace(alert, value=0.0, summary="") for alert in active])
        if steady != self._kept:
            await asyncio.to_thread(replace_file, path, self._record(active).encode())
            self._kept = steady

    def _record(self, active: Sequence[Alert]) -> str:
        body = {
            VERSION: STORE,
            "active": [asdict(alert) for alert in active],
            "history": [asdict(alert) for alert in list(self.engine.history)[-HISTORY_KEPT:]],
            "silences": [asdict(one) for one in self.silences.current(self._clock.now_ms())],
            "told": self._told_at_ms,
        }
        return json.dumps(body)

    def _restore(self, path: Path) -> None:
        """A record that cannot be read is left out, loudly: alerts must run. Raises StoreTooNew."""
        try:
            body = json.loads(path.read_text())
            refuse_newer(body, path, STORE)
            kept = msgspec.convert(body, Kept)
        except (OSError, ValueError, msgspec.ValidationError) as error:
            log.warning(
                "record of alerts is damaged: silences are over, what fires is told again"
                " path=%s reason=%s",
                path,
                error,
            )
            return
        self.engine.carry(kept.active, self._began_ms + CARRIED_MS)
        self.engine.history.extend(kept.history)
        for one in kept.silences:
            self.silences.put(one)
        self._told_at_ms = kept.told
