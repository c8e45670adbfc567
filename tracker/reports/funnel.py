"""Funnel: how many visitors of a segment took one step after the other, in this order.

A step is a page (`/pricing`, or `/docs/*` for all below) or the name of an event (`Signup`). Other
things may lie between two steps. A visitor id is worth one UTC day, so a funnel is of one day's
visit to the next step, never of two days.
"""

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Final, NamedTuple

STEPS_MAX: Final = 8
STEP_CHARS_MAX: Final = 300
BETWEEN: Final = ">"


class Stage(NamedTuple):
    """A step, and how many visitors came as far."""

    step: str
    visitors: int


def steps(text: str) -> tuple[str, ...]:
    """`/ > /pricing > Signup` as steps; none where there are fewer than two."""
    found = tuple(part.strip()[:STEP_CHARS_MAX] for part in text.split(BETWEEN) if part.strip())
    return found[:STEPS_MAX] if len(found) > 1 else ()


def funnel(database: Connection, wanted: Sequence[str]) -> list[Stage]:
    """Reads the table `picked` of tracker.reports.picked; one stage a step."""
    tables: list[str] = []
    values: list[str] = []
    for number, step in enumerate(wanted):
        condition, value = _condition(step)
        values.append(value)
        if number == 0:
            source = f"picked AS one WHERE {condition}"
        else:
            # one record may be two steps (a page view and its event have the same time)
            after = ">" if step == wanted[number - 1] else ">="
            source = (
                f"picked AS one JOIN stage{number - 1} AS before ON before.visitor = one.visitor"
                f" AND one.at_ms {after} before.at_ms WHERE {condition}"
            )
        tables.append(
            f"stage{number} AS MATERIALIZED (SELECT one.visitor, min(one.at_ms) AS at_ms"
            f" FROM {source} GROUP BY one.visitor)"
        )
    counts = ", ".join(f"(SELECT count(*) FROM stage{number})" for number in range(len(wanted)))
    found = database.execute(f"WITH {', '.join(tables)} SELECT {counts}", values).fetchone()
    return [Stage(step, visitors) for step, visitors in zip(wanted, found, strict=True)]


def _condition(step: str) -> tuple[str, str]:
    """SQL with one parameter, and its value."""
    if not step.startswith("/"):
        return "NOT one.views AND one.event = ?", step
    if step.endswith("*"):
        return "one.views AND instr(one.page, ?) = 1", step.removesuffix("*")
    return "one.views AND one.page = ?", step
