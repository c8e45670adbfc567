"""The schema registry (/schemas) and one subject (/schemas/X): versions, text, what differs."""

import asyncio
from dataclasses import dataclass

from dashboard.cluster.asked import Answer
from dashboard.pages.page import NotFound, Page, Values, Visit, table
from dashboard.subjects.desk import RegistryDesk
from dashboard.subjects.model import (
    KINDS,
    LEVELS,
    Listing,
    Subject,
    Version,
    difference,
    pretty,
    topic_of,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One subject of the list."""

    name: str
    deleted: bool
    topic: str  # that it is of by its name; empty: none that is there
    part: str  # key, value, or nothing


def desk_of(visit: Visit) -> RegistryDesk:
    return visit.beside.registry


async def list_values(visit: Visit) -> Values:
    """Subjects; `?q=` narrows them, `?deleted=1` has those that were deleted softly as well."""
    desk = desk_of(visit)
    if not desk.is_there:
        return {
            "there": False,
            "registry": "",
            "answer": Answer(),
            "table": table(visit, [], _SORTS, _name),
        }
    answer = await desk.listing.answer()
    found = table(visit, rows(visit, answer.value), _SORTS, _name)
    shown = [row.name for row in found.rows if not row.deleted] if not visit.whole else []
    return {
        "there": True,
        "registry": desk.url,
        "answer": answer,
        "table": found,
        "latest": await desk.latest(shown) if not answer.trouble else {},
        "levels": LEVELS,
        "kinds": KINDS,
    }


def rows(visit: Visit, listing: Listing | None) -> list[Row]:
    """Every subject that may be seen."""
    if listing is None:
        return []
    with_deleted = visit.query.get("deleted") == "1"
    names = [*listing.subjects, *(listing.deleted if with_deleted else ())]
    return [_row(visit, name, name in listing.deleted) for name in names]


def _row(visit: Visit, name: str, deleted: bool) -> Row:
    topic, part = topic_of(name) or ("", "")
    there = visit.snapshot is not None and topic in visit.snapshot.topics
    return Row(name, deleted, topic if there else "", part)


def _name(row: Row) -> str:
    return row.name


_SORTS = {"name": _name, "topic": lambda row: (row.topic == "", row.topic, row.name)}


async def subject_values(visit: Visit) -> Values:
    """One version, `?version=` or the newest, and with `?against=` what differs from another."""
    desk = desk_of(visit)
    if not desk.is_there:
        raise NotFound("This cluster has no schema registry in the settings.")
    listing = await desk.listing.answer()
    answer = await desk.subject(visit.name).answer()
    if answer.value is None and answer.refused:
        raise NotFound(f"There is no subject {visit.name!r} in the registry.")
    found: Values = {
        "registry": desk.url,
        "answer": answer,
        "subject": answer.value,
        "level": listing.value.level if listing.value is not None else "not known",
        "row": _row(visit, visit.name, False),
        "levels": LEVELS,
        "kinds": KINDS,
        **(_NO_VERSION),
    }
    return found if answer.value is None else found | await _version_values(visit, answer.value)


_NO_VERSION: Values = {"version": None, "text": "", "against": 0, "lines": None, "trouble": ""}


async def _version_values(visit: Visit, subject: Subject) -> Values:
    desk, newest = desk_of(visit), max(subject.versions, default=0)
    number = visit.number("version", newest, 2**31 - 1)
    if number not in subject.versions:
        raise NotFound(f"Subject {visit.name!r} has no version {number}.")
    shown = await desk.version(visit.name, number).answer()
    if shown.value is None:
        return {"trouble": shown.trouble}
    against = visit.number("against", 0, 2**31 - 1)
    found: Values = {"version": shown.value, "text": pretty(shown.value)}
    if against not in subject.versions or against == number:
        return found
    other = await desk.version(visit.name, against).answer()
    if other.value is None:
        return found | {"trouble": other.trouble}
    lines = await asyncio.to_thread(_compared, other.value, shown.value)
    return found | {"against": against, "lines": lines}


def _compared(first: Version, second: Version) -> list[tuple[str, str]] | None:
    """What was changed on the way from the older to the newer."""
    before, after = sorted((first, second), key=lambda version: version.number)
    return difference(before, after)


LIST = Page("Schemas", "/schemas", "schemas.html", list_values, every_s=30.0, nav="cluster")
SUBJECT = Page("Schema", "/schemas/", "schema.html", subject_values, every_s=30.0, nav="cluster")
