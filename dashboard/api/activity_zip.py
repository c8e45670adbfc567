"""GET /api/v1/activity.zip: every list of the activity page as CSV, in one file.

The lists are made one after the other over one opening of the warehouse, so that only one of them
is held beside the packed file, and pages get their turns between.
"""

import asyncio
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from aiohttp import web

from dashboard.activity.desk import EXPORT_ROWS, READING, Question, Report, Unreadable
from dashboard.activity.filters import OPERATORS, operator_of, written
from dashboard.activity.period import Period
from dashboard.api.activity import Table, asked, pages_read, refuse_interval, utc, values_of
from dashboard.api.csv_answer import attachment, lines
from dashboard.state import State
from tracker.packs.visits import DIMENSIONS
from tracker.reports.picked import Filter
from tracker.reports.visits import VisitPoint

EMPTY: Final = 1  # a table without a row has its titles


class ActivityArchive:
    """Answers for the same query as the page; one at a time, the others wait."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = asyncio.Lock()

    async def handle(self, request: web.Request) -> web.Response:
        ask, period = await asked(self._state, request.query)
        refuse_interval(request.query, period)
        ask = replace(ask, dimensions=(), before=None, of_visits=True)
        try:
            async with self._lock:
                body = await self._packed(ask, period)
        except Unreadable as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        name = f"{ask.site}_{period.first_day}_{period.last_day}.zip"
        return web.Response(body=body, content_type="application/zip", headers=attachment(name))

    async def _packed(self, ask: Question, period: Period) -> bytes:
        now_ms, file = self._state.clock.now_ms(), io.BytesIO()
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:

            def put(name: str, table: Table) -> None:
                at = datetime.fromtimestamp(now_ms / 1000, UTC).timetuple()[:6]
                info = ZipInfo(f"{name}.csv", at)
                info.compress_type = ZIP_DEFLATED
                archive.writestr(info, lines(table))

            report = await self._state.desk.report(ask)
            put("about", _about(ask, period, now_ms, report))
            put("time", _time(report))
            for name, table in _further(report).items():
                if len(table) > EMPTY:
                    put(name, table)
            async with self._state.desk.lists(ask) as lists:
                for dimension in DIMENSIONS:
                    table = values_of(dimension, await lists.rows(dimension))
                    await asyncio.to_thread(put, dimension, table)
                await asyncio.to_thread(put, READING, pages_read(await lists.reading()))
        return file.getvalue()


def _about(ask: Question, period: Period, now_ms: int, report: Report) -> Table:
    """What a spreadsheet without its page would not know."""
    kept: Table = [
        ("what", "value"),
        ("site", ask.site),
        ("first_day_utc", period.first_day),
        ("last_day_utc", period.last_day),
        ("from_utc", utc(ask.start_ms)),
        ("before_utc", utc(ask.end_ms)),
        ("interval", ask.interval.value),
        ("made_utc", utc(now_ms)),
        ("rows_of_a_list_at_most", EXPORT_ROWS),
        ("oldest_events_left_out", "yes" if report.cut else "no"),
    ]
    return [*kept, *(("only_visitors_with", _filter(one)) for one in ask.filters)]


def _time(report: Report) -> Table:
    visits = {one.bucket_ms: one for one in report.visits}
    titles = ("time_utc", "visitors", "page_views", "visits", "bounces", "seconds_of_a_visit")
    rows = []
    for point in report.points:
        began = visits.get(point.bucket_ms, VisitPoint(point.bucket_ms, 0, 0, 0))
        seconds = "" if began.average_visit_ms is None else f"{began.average_visit_ms / 1000:.0f}"
        counts = (point.visitors, point.page_views, began.visits, began.bounces, seconds)
        rows.append((utc(point.bucket_ms), *counts))
    return [titles, *rows]


def _further(report: Report) -> dict[str, Table]:
    """Lists that are no breakdowns."""
    measures = report.measures
    return {
        "revenue": [
            ("event", "currency", "events", "amount"),
            *((one.event, one.currency, one.events, f"{one.amount:.2f}") for one in report.revenue),
        ],
        "properties": [
            ("property", "value", "visitors", "events"),
            *((key, row.value, row.visitors, row.page_views) for key, row in report.properties),
        ],
        "funnel": [("step", "visitors"), *((one.step, one.visitors) for one in report.funnel)],
        "measures": [
            ("measure", "values", "median", "p75"),
            *(
                (one.name, one.spread.values, f"{one.spread.median:g}", f"{one.spread.p75:g}")
                for one in (*measures.vitals, *measures.own)
            ),
        ],
        "bots": [
            ("recognised_by", "page_views", "events"),
            *((one.reason, one.page_views, one.events) for one in report.bots.reasons),
        ],
    }


def _filter(one: Filter) -> str:
    return f"{one.dimension} {OPERATORS[operator_of(one)].words} {written(one.values)}"
