"""Activity (/activity): visitors, page views, pages, sources and countries of one site."""

from sqlite3 import DatabaseError

from dashboard.activity.desk import Question, Report
from dashboard.activity.period import PERIODS, Known, Period, choose
from dashboard.pages.page import Page, Values, Visit
from tracker.rollups import WrongSchema


def question(visit: Visit, site: str, known: Known) -> tuple[Question, Period]:
    """What the address asks about `site`."""
    query = visit.query
    days = (query.get("from", "")[:10], query.get("to", "")[:10])
    now_ms = visit.state.clock.now_ms()
    period = choose(query.get("period", ""), days, known, now_ms)
    return Question(site, period.start_ms, period.end_ms, period.step), period


async def values(visit: Visit) -> Values:
    """The chosen site (the first when none is chosen) over the chosen period."""
    config = visit.state.config
    found: Values = {
        "sites": [],
        "site": "",
        "report": None,
        "period": None,
        "periods": PERIODS,
        "tracker_url": config.tracker_url.rstrip("/"),
        "trouble": "",
        "chart": None,
    }
    try:
        rows = await visit.state.desk.sites()
        found["sites"] = [row.site for row in rows]
        if not rows:
            return found
        asked = visit.query.get("site", "")
        row = next((row for row in rows if row.site == asked), rows[0])
        ask, period = question(visit, row.site, Known(row.first_day_ms, row.last_day_ms))
        report = await visit.state.desk.report(ask)
    except (WrongSchema, DatabaseError) as error:
        found["trouble"] = str(error)
        return found
    return found | {
        "site": row.site,
        "period": period,
        "report": report,
        "chart": chart(report),
        "step": ask.step.value,
    }


def chart(report: Report) -> dict[str, list[int]]:
    """Columns for the chart: seconds since 1970, visitors, page views."""
    return {
        "t": [point.bucket_ms // 1000 for point in report.points],
        "visitors": [point.visitors for point in report.points],
        "page_views": [point.page_views for point in report.points],
    }


PAGE = Page("Activity", "/activity", "activity.html", values, every_s=1.0, nav="activity")
