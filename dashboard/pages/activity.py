"""Activity (/activity): visitors of one site, where they come from, what they look at and do."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from dashboard.activity import interval, vitals
from dashboard.activity.countries import country
from dashboard.activity.desk import READING, ROWS, Question, Report, Unreadable
from dashboard.activity.figures import FIGURES, chart
from dashboard.activity.filters import ADDING, OPERATORS, added, filters, operator_of, written
from dashboard.activity.period import PERIODS, Known, Period, choose, own_days
from dashboard.pages.page import Page, Table, Values, Visit, table
from dashboard.text import readable
from tracker.packs.visits import DIMENSIONS
from tracker.reports import funnel
from tracker.reports.picked import PROPERTY
from tracker.rollups import OTHER
from tracker.sites import NAME

CARDS: Final = (
    (
        "pages",
        (("page", "Pages"), ("entry_page", "Entry"), ("exit_page", "Exit"), (READING, "Time")),
    ),
    (
        "sources",
        (
            ("source", "Sources"),
            ("channel", "Channels"),
            ("referrer", "Referrers"),
            ("campaign", "Campaigns"),
            ("utm_source", "UTM source"),
            ("utm_medium", "UTM medium"),
            ("utm_term", "UTM term"),
            ("utm_content", "UTM content"),
        ),
    ),
    (
        "places",
        (
            ("country", "Countries"),
            ("region", "Regions"),
            ("city", "Cities"),
            ("language", "Languages"),
        ),
    ),
    ("events", (("event", "Events"),)),
    ("software", (("browser", "Browsers"), ("os", "Systems"))),
    ("devices", (("device", "Devices"), ("screen", "Screens"))),
)
"""Card -> its tabs; the card's name is the key of the query that chooses one."""

PATH: Final = "/activity"
TABS_IN_SIGHT: Final = 4  # a card with more has the rest, from the last of these on, in a menu
TITLES: Final = {dimension: title for _, tabs in CARDS for dimension, title in tabs}
NAMES: Final = {
    "page": "Page",
    "entry_page": "Entry page",
    "exit_page": "Exit page",
    "source": "Source",
    "channel": "Channel",
    "referrer": "Referrer",
    "campaign": "Campaign",
    "country": "Country",
    "region": "Region",
    "city": "City",
    "language": "Language",
    "event": "Event",
    "browser": "Browser",
    "os": "System",
    "device": "Device",
    "screen": "Screen",
}
"""One value of a dimension, where its title is of many."""
FUNNEL_CHARS_MAX: Final = 2_000


def title(dimension: str) -> str:
    """What a filter is called: `Country`, or the property's name."""
    return NAMES.get(dimension) or TITLES.get(dimension) or dimension.removeprefix(PROPERTY)


def tabs(query: Mapping[str, str]) -> dict[str, str]:
    """Card -> the dimension that it shows."""
    return {
        card: query[card] if query.get(card) in dict(known) else known[0][0]
        for card, known in CARDS
    }


def figure(query: Mapping[str, str]) -> str:
    """The figure that the chart is of; "": visitors and page views."""
    asked = query.get("figure", "")
    return asked if asked in FIGURES else ""


def own_comparison(query: Mapping[str, str]) -> tuple[int, int] | None:
    """The range to compare with, where the address has days for it."""
    return own_days(query.get("compare_from", "")[:10], query.get("compare_to", "")[:10])


def comparison(query: Mapping[str, str]) -> str:
    """What the period is compared with: `own` days, a `year` before, nothing (`off`), or "":
    the time before."""
    if own_comparison(query) is not None:
        return "own"
    asked = query.get("compare", "")
    return asked if asked in ("year", "off") else ""


def _compared(period: Period, query: Mapping[str, str], now_ms: int) -> tuple[int, int] | None:
    kind = comparison(query)
    if kind == "own":
        return own_comparison(query)
    return None if kind == "off" else period.before(now_ms, year=kind == "year")


def question(visit: Visit, site: str, known: Known) -> tuple[Question, Period]:
    """What the address asks about `site`."""
    query = visit.query
    days = (query.get("from", "")[:10], query.get("to", "")[:10])
    now_ms = visit.state.clock.now_ms()
    period = choose(query.get("period", ""), days, known, now_ms)
    asked = Question(
        site,
        period.start_ms,
        period.end_ms,
        interval.chosen(query.get("interval", ""), period.length_ms),
        tuple(tabs(query).values()),
        filters(query),
        _compared(period, query, now_ms),
        vitals.chosen(query.get("vital", "")),
        funnel.steps(query.get("funnel", "")[:FUNNEL_CHARS_MAX]),
        figure(query) in FIGURES and FIGURES[figure(query)].of_visits,
    )
    return asked, period


async def page(visit: Visit) -> Values:
    """As `values`; leads to the address with the filter that the form adds."""
    more = added(visit.query)
    if more is not None:
        raise web.HTTPSeeOther(f"{PATH}?{urlencode(more)}")
    return await values(visit)


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
        "cards": CARDS,
        "tabs_in_sight": TABS_IN_SIGHT,
        "silent": "",
        "registered": False,
        "tabs": tabs(visit.query),
        "titles": TITLES,
        **_filtering(visit.query),
        "vital_titles": vitals.TITLES,
        "ratings": vitals.RATINGS,
        "vital_amount": vitals.amount,
        "vital_bound": vitals.bound,
        "other": OTHER,
        "compare": comparison(visit.query),
        "figure": figure(visit.query),
        "figures": FIGURES,
        "reading": READING,
        "sign_in": visit.state.guard.door.sign_in,
        "links": [],
        "every": None,
        "rows_max": ROWS,
        "letters": visit.state.weekly.ways if visit.state.weekly is not None else (),
    }
    try:
        rows = await visit.state.desk.sites()
        registered = await visit.state.desk.silent_sites()
        found["sites"] = [*(row.site for row in rows), *registered]
        asked = visit.query.get("site", "").lower()
        row = next((row for row in rows if row.site == asked), None)
        if not rows and not asked and registered:
            asked = registered[0]
        if row is None and NAME.fullmatch(asked):  # not another one's figures in its place
            others = [] if asked in registered else [asked]
            silent = {"site": asked, "silent": asked, "registered": not others}
            return found | silent | {"sites": [*found["sites"], *others]}
        if not rows:
            return found
        row = row or rows[0]
        ask, period = question(visit, row.site, Known(row.first_day_ms, row.last_day_ms))
        report = await visit.state.desk.report(ask)
    except Unreadable as error:
        found["trouble"] = str(error)
        return found
    return found | {
        "site": row.site,
        "every": await _every(visit, ask),
        "links": [one for one in visit.state.household.accounts.links() if one.site == row.site],
        "period": period,
        "report": report,
        "properties": _properties(report, ask),
        "question": ask,
        "chart": chart(report, figure(visit.query), ask.end_ms, visit.state.clock.now_ms()),
        "step": ask.interval.value,
        "intervals": interval.allowed(period.length_ms),
        "compared": ask.before and Period("", *ask.before),
    }


def _filtering(query: Mapping[str, str]) -> Values:
    """What the chips and the form of filters need."""
    return {
        "filters": filters(query),
        "filterable": DIMENSIONS,
        "operators": OPERATORS,
        "operator_of": operator_of,
        "written": written,
        "adding": ADDING,
        "title_of": title,
        "properties": (),
        "property": PROPERTY,
    }


def _properties(report: Report, asked: Question) -> list[str]:
    """Dimensions that are properties: of the event that is shown, and of filters."""
    named = [PROPERTY + name for name, _ in report.properties]
    named += [one.dimension for one in asked.filters if one.dimension.startswith(PROPERTY)]
    return list(dict.fromkeys(named))


async def _every(visit: Visit, asked: Question) -> tuple[str, Table] | None:
    """The one table that `?all=` wants whole, with its dimension; None: all tables, cut short."""
    dimension = visit.query.get("all", "")
    if dimension not in TITLES or dimension == READING:
        return None
    sorts = {
        "most": lambda row: 0,  # as it comes: the most visitors first
        "value": lambda row: row.value,
        "visitors": lambda row: row.visitors,
        "views": lambda row: row.page_views,
    }
    rows = await visit.state.desk.rows(asked, dimension)
    shown = country if dimension == "country" else readable
    return dimension, table(visit, rows, sorts, lambda row: shown(row.value))


PAGE = Page("Activity", PATH, "activity.html", page, every_s=1.0, nav="activity")
