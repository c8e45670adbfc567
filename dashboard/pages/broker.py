"""One broker (/brokers/ID): what it holds, its log directories, its settings and their source."""

from dashboard.pages.cluster import broker_rows
from dashboard.pages.page import NotFound, Page, Values, Visit, table
from tracker.kafka.answers import ConfigValue


async def values(visit: Visit) -> Values:
    """Settings that somebody set; `?all=1` shows defaults as well, `?q=` looks through all."""
    snapshot, desk = visit.snapshot, visit.beside.brokers
    if snapshot is None:
        return {"row": None, "answer": None, "rack": "", "table": table(visit, [], SORTS, _text)}
    is_number = visit.name.isascii() and visit.name.isdigit() and len(visit.name) <= 10
    number = int(visit.name) if is_number else -1
    rows = {row.node.id: row for row in broker_rows(snapshot)}
    if number not in rows:
        raise NotFound(f"There is no broker {visit.name!r} in this cluster.")
    answer = await desk.settings(number).answer()
    racks = (await desk.racks.answer()).value or {}
    settings = list((answer.value or {}).values())
    own = [entry for entry in settings if not entry.is_default]
    whole = visit.query.get("all") == "1" or bool(visit.query.get("q")) or not own
    return {
        "row": rows[number],
        "answer": answer,
        "rack": racks.get(number, ""),
        "table": table(visit, settings if whole else own, SORTS, _text),
        "whole": whole,
        "defaults": len(settings) - len(own),
    }


SORTS = {
    "set": lambda entry: (entry.is_default, entry.name),
    "name": lambda entry: entry.name,
    "source": lambda entry: (entry.source, entry.name),
}


def _text(entry: ConfigValue) -> str:
    return entry.name


PAGE = Page("Broker", "/brokers/", "broker.html", values, nav="cluster")
