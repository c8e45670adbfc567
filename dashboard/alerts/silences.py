"""Silences: alerts with these labels are shown, but told to nobody, until then."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dashboard.alerts.engine import Alert

SILENCES_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Silence:
    """Keeps alerts from being sent until `until_ms`."""

    id: str
    labels: Mapping[str, str]  # all must be equal; `alertname` and `severity` as well
    until_ms: int
    by: str
    comment: str

    def covers(self, labels: Mapping[str, str]) -> bool:
        """An alert with all these labels."""
        return self.labels.items() <= labels.items()


class Silences:
    """Those that are in force."""

    def __init__(self) -> None:
        self._all: dict[str, Silence] = {}

    def add(self, labels: Mapping[str, str], until_ms: int, by: str, comment: str) -> Silence:
        """Raises ValueError without labels (that would silence everything), or when many are."""
        if not labels:
            raise ValueError("a silence needs a label")
        if len(self._all) >= SILENCES_MAX:
            raise ValueError(f"there are {SILENCES_MAX} silences already")
        made = Silence(secrets.token_hex(4), dict(labels), until_ms, by, comment)
        self._all[made.id] = made
        return made

    def put(self, silence: Silence) -> None:
        """One that was kept over a restart."""
        self._all[silence.id] = silence

    def end(self, id: str) -> bool:
        return self._all.pop(id, None) is not None

    def current(self, now_ms: int) -> list[Silence]:
        """Those in force; what is over is forgotten."""
        self._all = {id: silence for id, silence in self._all.items() if silence.until_ms > now_ms}
        return sorted(self._all.values(), key=lambda silence: silence.until_ms)

    def of(self, alert: Alert, now_ms: int) -> Silence | None:
        """The silence that covers the alert and lasts longest."""
        labels = alert.all_labels
        covering = [
            one for one in self._all.values() if one.until_ms > now_ms and one.covers(labels)
        ]
        return max(covering, key=lambda silence: silence.until_ms, default=None)
