"""What to do about an alert (/runbooks/NAME): docs/runbooks as a page, read once at start."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dashboard.pages.page import NotFound, Page, Values, Visit

FOLDER: Final = Path(__file__).parents[2] / "docs" / "runbooks"


def _read(folder: Path) -> Mapping[str, tuple[str, ...]]:
    """Paragraphs by the alert's name; empty where the docs are not installed."""
    return {
        path.stem: tuple(part for part in path.read_text().split("\n\n")[1:] if part.strip())
        for path in sorted(folder.glob("*.md"))
    }


RUNBOOKS: Final = _read(FOLDER)


async def values(visit: Visit) -> Values:
    """Plain paragraphs: they are written to be read as they are."""
    if visit.name not in RUNBOOKS:
        raise NotFound(f"There is no runbook {visit.name!r}.")
    return {"paragraphs": RUNBOOKS[visit.name]}


PAGE = Page("Runbook", "/runbooks/", "runbook.html", values, every_s=60.0, nav="alerts")
