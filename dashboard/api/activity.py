"""GET /api/v1/activity.csv: one breakdown, or the time series, of what the activity page shows."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from dashboard.activity.desk import READING, Question
from dashboard.activity.interval import allowed
from dashboard.activity.period import Known, Period
from dashboard.api.csv_answer import csv_answer
from dashboard.pages.activity import question
from dashboard.pages.page import NotFound, Visit
from dashboard.state import State
from tracker.packs.visits import DIMENSIONS
from tracker.reports.breakdown import Row
from tracker.reports.reading import Reading
from tracker.rollups import HOUR_MS

TIME: Final = "time"

Table = list[tuple[str | int, ...]]
"""Rows of one list; the first are titles."""


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


async def asked(state: State, query: Mapping[str, str]) -> tuple[Question, Period]:
    """What is asked about which site; raises 400, NotFound."""
    refuse_mismatched(query)
    visit = Visit(state, state.poller(None), query)
    found = await state.desk.sites()
    wanted = query.get("site", "")
    site = next((row for row in found if row.site == wanted), found[0] if found else None)
    if site is None or (wanted and site.site != wanted):
        raise NotFound(f"There is no site {wanted!r}." if wanted else "No site has been seen.")
    return question(visit, site.site, Known(site.first_day_ms, site.last_day_ms))


class ActivityExport:
    """Answers with up to 10,000 rows; the query is the page's, and `dimension`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def handle(self, request: web.Request) -> web.Response:
        dimension = request.query.get("dimension", TIME)
        if dimension not in (*DIMENSIONS, READING, TIME):
            known = ", ".join((TIME, READING, *DIMENSIONS))
            raise web.HTTPBadRequest(text=f"dimension is none of {known}")
        ask, period = await asked(self._state, request.query)
        if dimension == TIME:
            refuse_interval(request.query, period)
            points = (await self._state.desk.report(ask)).points
            rows = [(utc(point.bucket_ms), point.visitors, point.page_views) for point in points]
            return csv_answer([("time_utc", "visitors", "page_views"), *rows], "time.csv")
        desk = self._state.desk
        if dimension == READING:
            table = pages_read(await desk.reading(ask))
        else:
            table = values_of(dimension, await desk.rows(ask, dimension))
        return csv_answer(table, f"{dimension}.csv")


def pages_read(found: Iterable[Reading]) -> Table:
    """How long pages are in view, and how far down; the first row are titles."""
    titles = ("page", "visitors", "page_views", "seconds_in_view", "scroll_percent")
    return [titles, *map(_read, found)]


def values_of(dimension: str, found: Iterable[Row]) -> Table:
    """One list of the page; the first row are titles."""
    hits = "events" if dimension == "event" else "page_views"
    rows = ((row.value, row.visitors, row.page_views) for row in found)
    return [(dimension, "visitors", hits), *rows]


def _read(one: Reading) -> tuple[str | int, ...]:
    depth = "" if one.scroll_depth is None else f"{one.scroll_depth:.0f}"
    return (one.page, one.visitors, one.views, f"{one.average_ms / 1000:.1f}", depth)


def utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
