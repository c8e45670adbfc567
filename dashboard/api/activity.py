"""GET /api/v1/activity.csv: one breakdown, or the time series, of what the activity page shows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from dashboard.activity.desk import READING
from dashboard.activity.interval import allowed
from dashboard.activity.period import Known, Period
from dashboard.api.csv_answer import csv_answer
from dashboard.pages.activity import question
from dashboard.pages.page import NotFound, Visit
from dashboard.state import State
from tracker.packs.visits import DIMENSIONS
from tracker.reports.reading import Reading
from tracker.rollups import HOUR_MS

TIME: Final = "time"


def refuse_mismatched(query: Mapping[str, str]) -> None:
    """Days that are none together; raises 400. Each alone was looked at before."""
    for first, last in (("from", "to"), ("compare_from", "compare_to")):
        if query.get(last) and not query.get(first):
            raise web.HTTPBadRequest(text=f"{last} needs {first}")
        if query.get(last, "9") < query.get(first, ""):
            raise web.HTTPBadRequest(
                text=f"{last} must not be before {first}: {query[last]} is before {query[first]}"
            )


def refuse_interval(query: Mapping[str, str], period: Period) -> None:
    """One that the chart of this period cannot have; raises 400."""
    asked, known = query.get("interval", ""), allowed(period.length_ms)
    if asked and asked not in known:
        hours = round(period.length_ms / HOUR_MS, 1)
        raise web.HTTPBadRequest(
            text=f"interval must be one of {', '.join(known)} for a period of {hours:g} hours,"
            f" not {asked!r}"
        )


class ActivityExport:
    """Answers with up to 10,000 rows; the query is the page's, and `dimension`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def handle(self, request: web.Request) -> web.Response:
        dimension = request.query.get("dimension", TIME)
        if dimension not in (*DIMENSIONS, READING, TIME):
            known = ", ".join((TIME, READING, *DIMENSIONS))
            raise web.HTTPBadRequest(text=f"dimension is none of {known}")
        refuse_mismatched(request.query)
        visit = Visit(self._state, self._state.poller(None), request.query)
        return csv_answer(await self._rows(visit, dimension), f"{dimension}.csv")

    async def _rows(self, visit: Visit, dimension: str) -> list[tuple[str | int, ...]]:
        desk = self._state.desk
        found = await desk.sites()
        asked = visit.query.get("site", "")
        site = next((row for row in found if row.site == asked), found[0] if found else None)
        if site is None or (asked and site.site != asked):
            raise NotFound(f"There is no site {asked!r}." if asked else "No site has been seen.")
        ask, period = question(visit, site.site, Known(site.first_day_ms, site.last_day_ms))
        if dimension == TIME:
            refuse_interval(visit.query, period)
            points = (await desk.report(ask)).points
            rows = [(_utc(point.bucket_ms), point.visitors, point.page_views) for point in points]
            return [("time_utc", "visitors", "page_views"), *rows]
        if dimension == READING:
            return [
                ("page", "visitors", "page_views", "seconds_in_view", "scroll_percent"),
                *map(_read, await desk.reading(ask)),
            ]
        hits = "events" if dimension == "event" else "page_views"
        return [
            (dimension, "visitors", hits),
            *((row.value, row.visitors, row.page_views) for row in await desk.rows(ask, dimension)),
        ]


def _read(one: Reading) -> tuple[str | int, ...]:
    depth = "" if one.scroll_depth is None else f"{one.scroll_depth:.0f}"
    return (one.page, one.visitors, one.views, f"{one.average_ms / 1000:.1f}", depth)


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
