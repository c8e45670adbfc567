"""From what rules find to alerts: pending, firing, over. Pure; time comes with the facts."""

import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dashboard.alerts.facts import Facts, remember
from dashboard.alerts.rule import Finding, Rule

HISTORY_MAX: Final = 500
ACTIVE_MAX: Final = 2_000  # a cluster gone mad must not become our memory

Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule on one thing, from when it was first so."""

    name: str
    severity: str
    labels: Mapping[str, str]  # without alertname and severity
    summary: str
    runbook: str
    value: float
    since_ms: int
    fired_at_ms: int | None = None  # None: pending
    ended_at_ms: int | None = None

    @property
    def key(self) -> Key:
        return self.name, tuple(sorted(self.labels.items()))

    @property
    def firing(self) -> bool:
        return self.fired_at_ms is not None and self.ended_at_ms is None

    @property
    def all_labels(self) -> dict[str, str]:
        """As Alertmanager has them."""
        return {"alertname": self.name, "severity": self.severity, **self.labels}

    @property
    def fingerprint(self) -> str:
        """The same for the same alert, at any time."""
        return hashlib.sha256(repr(self.key).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Engine:
    """The alerts of one dashboard."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._under = {rule.name: rule.under for rule in rules}
        self.active: dict[Key, Alert] = {}
        self.history: deque[Alert] = deque(maxlen=HISTORY_MAX)  # over, the newest last
        self._carried: set[Key] = set()
        self._carried_until_ms = 0

    def carry(self, alerts: Sequence[Alert], until_ms: int) -> None:
        """Go on with what was active before a restart.

        Rules look back some minutes that a new process has not seen: until then what fired is taken
        to go on, else every restart would say that all is over, and say it all again.
        """
        self.active = {alert.key: alert for alert in alerts}
        self._carried = {alert.key for alert in alerts if alert.firing}
        self._carried_until_ms = until_ms

    def evaluate(self, facts: Facts) -> list[Alert]:
        """Alerts that began to fire or are over since the last time."""
        remember(facts)
        found: dict[Key, Alert] = {}
        findings = ((rule, finding) for rule in self.rules for finding in rule.find(facts))
        for rule, finding in findings:
            alert = self._alert(rule, finding, facts.now_ms)
            found[alert.key] = alert
            if len(found) >= ACTIVE_MAX:
                break
        begun = [one for one in found.values() if one.firing and one.fired_at_ms == facts.now_ms]
        self._carried -= found.keys()
        carried = self._carried if facts.now_ms < self._carried_until_ms else set()
        gone = [one for key, one in self.active.items() if one.firing and key not in found]
        over = [replace(one, ended_at_ms=facts.now_ms) for one in gone if one.key not in carried]
        self.history += over
        self.active = found | {one.key: one for one in gone if one.key in carried}
        return begun + over

    def _alert(self, rule: Rule, finding: Finding, now_ms: int) -> Alert:
        alert = Alert(
            rule.name,
            rule.severity,
            finding.labels,
            finding.summary,
            rule.runbook,
            finding.value,
            now_ms,
        )
        before = self.active.get(alert.key)
        if before is not None:
            alert = replace(alert, since_ms=before.since_ms, fired_at_ms=before.fired_at_ms)
        if alert.fired_at_ms is None and now_ms - alert.since_ms >= rule.for_s * 1000:
            alert = replace(alert, fired_at_ms=now_ms)
        return alert

    def firing(self) -> list[Alert]:
        """Those that are told, worst first, then the newest."""
        alerts = [one for one in self.active.values() if one.firing and not self.is_quiet(one)]
        return sorted(alerts, key=lambda a: (a.severity != "critical", -(a.fired_at_ms or 0)))

    def is_quiet(self, alert: Alert) -> bool:
        """Whether a worse one about the same fires, which says it already."""
        worse = self.active.get((self._under.get(alert.name, ""), alert.key[1]))
        return worse is not None and worse.firing

    def pending(self) -> list[Alert]:
        return [alert for alert in self.active.values() if not alert.firing]
