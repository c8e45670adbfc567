"""The schema registry (/schemas) and one subject (/schemas/X): versions, text, what differs."""

import asyncio
from dataclasses import dataclass

from dashboard.asked import Answer
from dashboard.pages.page import NotFound, Page, Values, Visit, table
from dashboard.subjects.desk import RegistryDesk
from dashboard.subjects.model import (
    KINDS,
    LEVELS,
    MODES,
    Listing,
    Subject,
    Version,
    context_of,
    context_subject,
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
    context: str  # DEFAULT_CONTEXT, or what stands before it: `:.staging:`


def desk_of(visit: Visit) -> RegistryDesk:
    return visit.beside.registry


async def list_values(visit: Visit) -> Values:
    """Subjects; `?q=` and `?context=` narrow them, `?deleted=1` has those that were deleted softly
    as well."""
    desk = desk_of(visit)
    if not desk.is_there:
        return {
            "there": False,
            "registry": "",
            "answer": Answer(),
            "table": table(visit, [], _SORTS, _name),
            "context": "",
        }
    answer = await desk.listing.answer()
    found = table(visit, rows(visit, answer.value), _SORTS, _name)
    context, own = context_wanted(visit, answer.value), None
    if context_subject(context) and not visit.whole:
        own = (await desk.own(context).answer()).value
    shown = [row.name for row in found.rows if not row.deleted] if not visit.whole else []
    return {
        "there": True,
        "registry": desk.url,
        "answer": answer,
        "table": found,
        "latest": await desk.latest(shown) if not answer.trouble else {},
        "levels": LEVELS,
        "modes": MODES,
        "kinds": KINDS,
        "context": context,
        "context_name": context_subject(context),
        "own": own,
    }


def context_wanted(visit: Visit, listing: Listing | None) -> str:
    """The one that `?context=` names, if it is there; empty: all of them."""
    wanted = visit.query.get("context", "")
    return wanted if listing is not None and wanted in listing.contexts else ""


def rows(visit: Visit, listing: Listing | None) -> list[Row]:
    """Every subject that may be seen."""
    if listing is None:
        return []
    with_deleted = visit.query.get("deleted") == "1"
    names = [*listing.subjects, *(listing.deleted if with_deleted else ())]
    found = [_row(visit, name, name in listing.deleted) for name in names]
    context = context_wanted(visit, listing)
    return [row for row in found if context in ("", row.context)]


def _row(visit: Visit, name: str, deleted: bool) -> Row:
    context, plain = context_of(name)
    topic, part = topic_of(plain) or ("", "")
    there = visit.snapshot is not None and topic in visit.snapshot.topics
    return Row(name, deleted, topic if there else "", part, context)


def _name(row: Row) -> str:
    return row.name


_SORTS = {
    "name": _name,
    "context": lambda row: (row.context, row.name),
    "topic": lambda row: (row.topic == "", row.topic, row.name),
}


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
        "mode": listing.value.mode if listing.value is not None else None,
        "modes": MODES,
        "deleted": visit.query.get("deleted") == "1",
        "row": _row(visit, visit.name, False),
        "levels": LEVELS,
        "kinds": KINDS,
        **(_NO_VERSION),
    }
    return found if answer.value is None else found | await _version_values(visit, answer.value)


_NO_VERSION: Values = {
    "versions": (),
    "version": None,
    "text": "",
    "against": 0,
    "lines": None,
    "trouble": "",
}


async def _version_values(visit: Visit, subject: Subject) -> Values:
    desk = desk_of(visit)
    with_deleted = visit.query.get("deleted") == "1" or not subject.versions
    versions = (*subject.versions, *(subject.deleted if with_deleted else ()))
    newest = max(subject.versions, default=max(versions, default=0))
    number = visit.number("version", newest, 2**31 - 1)
    if number not in versions:
        raise NotFound(f"Subject {visit.name!r} has no version {number}.")
    shown = await desk.version(visit.name, number).answer()
    if shown.value is None:
        return {"trouble": shown.trouble}
    against = visit.number("against", 0, 2**31 - 1)
    found: Values = {
        "version": shown.value,
        "text": pretty(shown.value),
        "versions": tuple(sorted(versions, reverse=True)),
    }
    if against not in versions or against == number:
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
