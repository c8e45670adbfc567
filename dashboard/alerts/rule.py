"""A rule as data, and what it finds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dashboard.alerts.facts import Facts


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule finds wrong; `labels` say which, and make it the same next time."""

    labels: Mapping[str, str]
    value: float
    summary: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Same name, severity and time as in prometheus/rules (a test compares them)."""

    name: str
    severity: str  # critical, warning
    for_s: int  # how long it must be so before it is told
    says: str  # the condition in words
    find: Callable[[Facts], Iterable[Finding]]
    under: str = ""  # quiet while the alert of this name with the same labels fires

    @property
    def runbook(self) -> str:
        return f"docs/runbooks/{self.name}.md"
