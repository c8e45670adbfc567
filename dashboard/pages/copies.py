"""Copies (/copies): records that are being copied into another topic, and those of before."""

from dashboard.pages.page import Page, Values, Visit, sheet


async def values(visit: Visit) -> Values:
    """Of every cluster: a copy may go from one to another."""
    return {"sheet": sheet(visit, visit.state.copies, "page")}


PAGE = Page("Copies", "/copies", "copies.html", values, every_s=1.0, nav="topics")
