"""What to do about an alert (/runbooks/NAME): docs/runbooks as a page, read once at start.

Paths in it are links, with the group or topic that it is about in them: that of `?group=` and
`?topic=`, or the only one that the alert of this name is about now.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode

from markdown_it import MarkdownIt
from markupsafe import Markup

from dashboard.alerts.engine import Alert
from dashboard.pages.page import NotFound, Page, Values, Visit, link

FOLDER: Final = Path(__file__).parents[2] / "docs" / "runbooks"
SHOWN_MAX: Final = 20
_PATH: Final = re.compile(
    r"<code>/(groups|topics|cluster|pipeline|alerts|connect)(?:/(GROUP|TOPIC))?(?:\?([a-z=]+))?</code>"
)
_LABELS: Final = {"GROUP": "consumergroup", "TOPIC": "topic"}


def _read(folder: Path) -> Mapping[str, Markup]:
    """Pages by the alert's name, without their headline; empty where the docs are not installed."""
    markdown = MarkdownIt("commonmark", {"html": False})
    return {
        path.stem: Markup(markdown.render(path.read_text().partition("\n\n")[2]))
        for path in sorted(folder.glob("*.md"))
    }


RUNBOOKS: Final = _read(FOLDER)


async def values(visit: Visit) -> Values:
    """The runbook as HTML, and what it is about now."""
    if visit.name not in RUNBOOKS:
        raise NotFound(f"There is no runbook {visit.name!r}.")
    engine = visit.state.alerts.engine
    alerts = [alert for alert in engine.firing() if alert.name == visit.name]
    waiting = [alert for alert in engine.pending() if alert.name == visit.name]
    about = {word: _meant(visit, word, [*alerts, *waiting]) for word in _LABELS}
    return {
        "text": linked(RUNBOOKS[visit.name], about, _cluster(visit)),
        "alerts": alerts[:SHOWN_MAX],
        "more": len(alerts) - SHOWN_MAX,
        "waiting": len(waiting),
    }


def _cluster(visit: Visit) -> str:
    return "" if visit.state.is_first(visit.poller) else visit.poller.settings.name


def _meant(visit: Visit, word: str, alerts: Sequence[Alert]) -> str:
    """The group or topic; empty where it is not plain which. Nobody writes other names into it."""
    cluster, snapshot = visit.poller.settings.name, visit.snapshot
    if snapshot is None:
        return ""
    there = snapshot.groups if word == "GROUP" else snapshot.topics
    named = {
        alert.labels.get(_LABELS[word], "")
        for alert in alerts
        if alert.labels.get("kafka_cluster", "") == cluster
    }
    asked = visit.query.get(word.lower()) or (named.pop() if len(named) == 1 else "")
    return asked if asked in there else ""


def linked(text: Markup, about: Mapping[str, str], cluster: str) -> Markup:
    """`text` with its paths as links; a placeholder without a name leads to the list."""

    def link_of(found: re.Match[str]) -> str:
        kind, word, query = found[1], found[2], dict(parse_qsl(found[3] or ""))
        name = about.get(word or "", "")
        if name:
            address = link(kind, name, cluster, **query)
            shown = str(Markup("<code>{}</code>").format(name))
        else:
            address = f"/{kind}" + (f"?{urlencode({'cluster': cluster})}" if cluster else "")
            shown = found[0]
        return str(Markup('<a href="{}">').format(address)) + shown + "</a>"

    return Markup(_PATH.sub(link_of, str(text)))


PAGE = Page("Runbook", "/runbooks/", "runbook.html", values, every_s=15.0, nav="alerts")
