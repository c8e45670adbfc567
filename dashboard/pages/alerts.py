"""Alerts (/alerts): what fires, what waits to, silences, history, and every rule in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.alerts.engine import Alert
from dashboard.alerts.silences import Silence
from dashboard.pages.page import FILTER_MAX, Page, Values, Visit, sheet
from dashboard.state import State


@dataclass(frozen=True, slots=True)
class Board:
    """Every list, whole, of alerts and silences with a text in name, sentence, labels or author."""

    firing: Sequence[Alert]
    pending: Sequence[Alert]
    history: Sequence[Alert]  # the newest first
    silences: Sequence[Silence]


def board(state: State, text: str) -> Board:
    """Of all clusters: whoever is on duty is on duty for all of them."""
    desk, text = state.alerts, text.lower()

    def fits(*words: str) -> bool:
        return not text or text in " ".join(words).lower()

    def chosen(alerts: Sequence[Alert]) -> list[Alert]:
        return [one for one in alerts if fits(one.name, one.summary, *one.all_labels.values())]

    return Board(
        chosen(desk.engine.firing()),
        chosen(desk.engine.pending()),
        chosen(list(desk.engine.history)[::-1]),
        [
            one
            for one in desk.silences.current(state.clock.now_ms())
            if fits(one.id, one.by, one.comment, *one.labels.values())
        ],
    )


async def values(visit: Visit) -> Values:
    """Each list is cut to a page of its own."""
    desk, now_ms = visit.state.alerts, visit.state.clock.now_ms()
    wanted = visit.query.get("q", "")[:FILTER_MAX]
    found = board(visit.state, wanted)
    told: list[Alert] = []
    silenced: list[tuple[Alert, Silence]] = []
    for alert in found.firing:
        silence = desk.silences.of(alert, now_ms)
        if silence is None:
            told.append(alert)
        else:
            silenced.append((alert, silence))
    return {
        "filter": wanted,
        "firing": sheet(visit, told, "firing"),
        "silenced": sheet(visit, silenced, "silenced"),
        "pending": sheet(visit, found.pending, "pending"),
        "silences": sheet(visit, found.silences, "silences"),
        "history": sheet(visit, found.history, "over"),
        "rules": desk.engine.rules,
        "channels": desk.channels,
    }


PAGE = Page("Alerts", "/alerts", "alerts.html", values, nav="alerts")
