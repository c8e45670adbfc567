"""What to do about an alert (/runbooks/NAME): docs/runbooks as a page, read once at start."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markupsafe import Markup

from dashboard.pages.page import NotFound, Page, Values, Visit

FOLDER: Final = Path(__file__).parents[2] / "docs" / "runbooks"


def _read(folder: Path) -> Mapping[str, Markup]:
    """Pages by the alert's name, without their headline; empty where the docs are not installed."""
    markdown = MarkdownIt("commonmark", {"html": False})
    return {
        path.stem: Markup(markdown.render(path.read_text().partition("\n\n")[2]))
        for path in sorted(folder.glob("*.md"))
    }


RUNBOOKS: Final = _read(FOLDER)


async def values(visit: Visit) -> Values:
    """The runbook as HTML."""
    if visit.name not in RUNBOOKS:
        raise NotFound(f"There is no runbook {visit.name!r}.")
    return {"text": RUNBOOKS[visit.name]}


PAGE = Page("Runbook", "/runbooks/", "runbook.html", values, every_s=60.0, nav="alerts")
