"""The letter about a week: what is written of each site, as plain text, a mail and a chat. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.message import EmailMessage
from typing import Final
from urllib.parse import urlencode

from dashboard import text
from dashboard.activity.desk import Report
from tracker.reports.breakdown import Row
from tracker.rollups import DAY_MS

SITES_MAX: Final = 20
ROWS_MAX: Final = 5
NAME_CHARS_MAX: Final = 60
THURSDAY: Final = 3  # 1 January 1970, from Monday on
TABLES: Final = (("page", "Pages"), ("source", "Sources"), ("event", "Events"))


@dataclass(frozen=True, slots=True)
class Week:
    """Monday to Sunday, UTC."""

    first_day: int  # since 1970

    @property
    def start_ms(self) -> int:
        return self.first_day * DAY_MS

    @property
    def end_ms(self) -> int:
        return self.start_ms + 7 * DAY_MS

    @property
    def monday(self) -> date:
        return datetime.fromtimestamp(self.start_ms / 1000, UTC).date()

    @property
    def sunday(self) -> date:
        return datetime.fromtimestamp((self.end_ms - 1) / 1000, UTC).date()


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent."""

    subject: str
    body: str


def last_week(now_ms: int) -> Week:
    """The last week that is over."""
    today = now_ms // DAY_MS
    return Week(today - (today + THURSDAY) % 7 - 7)


def letter(week: Week, reports: Sequence[tuple[str, Report]], base_url: str) -> Letter | None:
    """About the sites that had visitors in that week or in the one before; None: no site had."""
    told = [(site, one) for site, one in reports if one.overview.page_views or one.before]
    if not told:
        return None
    parts = [f"{week.monday:%A, %d %B} to {week.sunday:%A, %d %B %Y} (UTC)\n"]
    parts += [_of_site(week, site, one, base_url) for site, one in told[:SITES_MAX]]
    if len(told) > SITES_MAX:
        parts.append(f"{len(told) - SITES_MAX} more sites: {base_url}/activity\n")
    which = told[0][0] if len(told) == 1 else f"{len(told)} sites"
    return Letter(f"{which}: week of {week.monday:%d %B %Y}", "\n".join(parts))


def mail(what: Letter, sender: str, to: Sequence[str]) -> EmailMessage:
    """Plain text; the name of a site cannot add a header."""
    message = EmailMessage()
    message["Subject"] = _line(what.subject)
    message["From"] = sender
    message["To"] = ", ".join(to)
    message.set_content(what.body.encode("utf-8", "replace").decode())
    return message


def chat(what: Letter) -> bytes:
    """Slack's incoming webhook, and what takes the same; figures stand below each other."""
    plain = f"{what.subject}\n{what.body}".replace("```", "'''")
    safe = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps({"text": f"```{safe}```"}).encode()


def _of_site(week: Week, site: str, report: Report, base_url: str) -> str:
    now, then = report.overview, report.before
    lines = [site]
    for name, value, before in (
        ("Visitors", now.visitors, then.visitors if then else 0),
        ("Page views", now.page_views, then.page_views if then else 0),
        ("Visits", now.sessions, then.sessions if then else 0),
    ):
        lines.append(f"  {name:<12}{text.count(value):>10}{_change(value, before)}")
    lines.append(f"  {'Bounce rate':<12}{text.percent(now.bounce_ratio):>10}")
    lines += [
        f"  {title:<12}{_most(report.breakdowns[dimension], dimension)}"
        for dimension, title in TABLES
        if report.breakdowns.get(dimension)
    ]
    lines += [
        f"  {'Revenue':<12}{text.money(one.amount)} {one.currency} ({_line(one.event)})"
        for one in report.revenue[:ROWS_MAX]
    ]
    query = urlencode({"site": site, "from": week.monday, "to": week.sunday})
    return "\n".join([*lines, f"  {base_url}/activity?{query}", ""])


def _most(rows: Iterable[Row], dimension: str) -> str:
    shown = [
        f"{_line(text.readable(row.value)) or 'not known'} {text.count(row.visitors)}"
        for row in list(rows)[:ROWS_MAX]
    ]
    return " · ".join(shown) + (" (visitors)" if dimension == "page" else "")


def _change(now: int, then: int) -> str:
    return f"  {(now / then - 1) * 100:+.0f} %" if then else ""


def _line(words: str) -> str:
    """Printable and short: names are what visitors sent."""
    plain = "".join(letter if letter.isprintable() else " " for letter in words)
    cut = " ".join(plain.split())
    return cut if len(cut) <= NAME_CHARS_MAX else cut[: NAME_CHARS_MAX - 1] + "…"
