"""Alerts (/alerts): what fires, what waits to, silences, history, and every rule in words."""

from dashboard.alerts.engine import Alert
from dashboard.alerts.silences import Silence
from dashboard.pages.page import Page, Values, Visit

HISTORY_ROWS = 100


async def values(visit: Visit) -> Values:
    """Alerts of all clusters: whoever is on duty is on duty for all of them."""
    desk, now_ms = visit.state.alerts, visit.state.clock.now_ms()
    told: list[Alert] = []
    silenced: list[tuple[Alert, Silence]] = []
    for alert in desk.engine.firing():
        silence = desk.silences.of(alert, now_ms)
        if silence is None:
            told.append(alert)
        else:
            silenced.append((alert, silence))
    return {
        "firing": told,
        "silenced": silenced,
        "pending": desk.engine.pending(),
        "silences": desk.silences.current(now_ms),
        "history": list(desk.engine.history)[: -HISTORY_ROWS - 1 : -1],
        "rules": desk.engine.rules,
        "channels": desk.channels,
    }


PAGE = Page("Alerts", "/alerts", "alerts.html", values, nav="alerts")
