"""GET /api/v1/history: columns for charts, encoded once for all tabs that show the same."""

import json
from typing import Final

from aiohttp import web

from dashboard.api.thinning import POINTS_MAX, POINTS_MIN, thinned
from dashboard.cluster.poller import Poller
from dashboard.pages.page import poller_of
from dashboard.state import State

RANGES_MS: Final = {
    "5m": 300_000,
    "1h": 3_600_000,
    "6h": 21_600_000,
    "24h": 86_400_000,
    "7d": 604_800_000,
}
SERIES_MAX: Final = 20
KEPT_MS: Final = 5_000  # charts ask every five seconds; for five minutes every second
KEPT_SHORT_MS: Final = 1_000
ANSWERS_MAX: Final = 500

_Key = tuple[str, str, tuple[str, ...], int]
"""cluster, range, series, points"""


class HistoryApi:
    """Keeps each answer for as long as a chart waits anyhow."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._answers: dict[_Key, tuple[float, str]] = {}

    async def handle(self, request: web.Request) -> web.Response:
        """Aligned columns of the series named by `s`, each as `null` where nothing was seen."""
        asked = request.query.get("range", "1h")
        names = tuple(request.query.getall("s", []))
        if asked not in RANGES_MS or not names or len(names) > SERIES_MAX:
            known = ", ".join(RANGES_MS)
            raise web.HTTPBadRequest(
                text=f"give 1 to {SERIES_MAX} series as s= and a range= of {known}"
            )
        poller = poller_of(self._state, request.query)
        points = _points(request.query.get("points", ""))
        key = (poller.settings.name, asked, names, points)
        now_ms = self._state.clock.monotonic_ms()
        kept = self._answers.get(key)
        if kept is None or now_ms >= kept[0]:
            if len(self._answers) >= ANSWERS_MAX:
                self._answers.clear()
            good_for_ms = KEPT_SHORT_MS if asked == "5m" else KEPT_MS
            text = self._columns(poller, RANGES_MS[asked], names, points)
            kept = self._answers[key] = (now_ms + good_for_ms - 100, text)
        return web.Response(text=kept[1], content_type="application/json")

    def _columns(self, poller: Poller, range_ms: int, names: tuple[str, ...], points: int) -> str:
        now_ms = self._state.clock.now_ms()
        columns = [poller.history.range(name, range_ms, now_ms) for name in names]
        step_ms = max(column.step_ms for column in columns)
        slots = range(-(-(now_ms - range_ms) // step_ms), now_ms // step_ms + 1)
        values = []
        for column in columns:
            by_slot = dict(zip((t // step_ms for t in column.times_ms), column.values, strict=True))
            values.append([by_slot.get(slot) for slot in slots])
        every = max(1, -(-len(slots) // points))
        found = {
            "step_ms": step_ms * every,
            "t": [slot * step_ms // 1000 for slot in slots[::every]],
            "series": {
                name: _short(column if every == 1 else thinned(name, column, every))
                for name, column in zip(names, values, strict=True)
            },
        }
        return json.dumps(found, separators=(",", ":"))


def _points(text: str) -> int:
    """As `?points=` says; without it all of them."""
    if not text:
        return POINTS_MAX
    if not (text.isascii() and text.isdigit() and POINTS_MIN <= int(text[:9]) <= POINTS_MAX):
        raise web.HTTPBadRequest(text=f"points= is a number from {POINTS_MIN} to {POINTS_MAX}")
    return int(text)


def _short(column: list[float | None]) -> list[float | None]:
    """With the digits that are kept (float32 has seven), not those that it is printed with."""
    return [None if value is None else float(f"{value:.7g}") for value in column]
