"""Filters of the activity page, and how an address says them: `is.country=DE|FR`. Pure.

A key is one of OPERATORS, a dot and a dimension; its value is one value or several, one of which is
enough, with `|` between them. A `|` or a backslash that is meant has a backslash before it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from dashboard.activity.countries import codes
from tracker.packs.visits import DIMENSIONS
from tracker.reports.picked import PROPERTY, Filter


class Operator(NamedTuple):
    """What a filter does; see Filter."""

    words: str
    meaning: str
    without: bool = False
    contains: bool = False


OPERATORS: Final = {
    "is": Operator("is", "visitors who have it"),
    "not": Operator("is not", "visitors who never have it", without=True),
    "contains": Operator("contains", "visitors who have it in a value", contains=True),
    "lacks": Operator(
        "does not contain", "visitors who never have it in a value", without=True, contains=True
    ),
}
"""Key of the query before the dot -> what it does."""

COUNTRY: Final = "country"
NOT_KNOWN: Final = "(none)"  # the empty value in an address
ADDING: Final = ("by", "how", "what")
"""Keys of the form that adds a filter: dimension, operator, values."""
FILTERS_MAX: Final = 8
VALUES_MAX: Final = 20
VALUE_CHARS_MAX: Final = 2_000
NAME_CHARS_MAX: Final = 300  # of a property
_PARTS: Final = re.compile(r"(\\[\\|]|\|)")


class BadFilter(Exception):
    """A filter that cannot be used; the message says which one, and what is allowed."""


def filters(query: Mapping[str, str]) -> tuple[Filter, ...]:
    """All that an address asks for; those without a value ask for nothing. Raises BadFilter."""
    found = []
    for key, text in query.items():
        operator, dot, dimension = key.partition(".")
        if operator in OPERATORS and dot and text:
            does = OPERATORS[operator]
            values = _values(f"{operator}.{_dimension(dimension)}", text)
            if not does.contains:
                values = tuple("" if one == NOT_KNOWN else one for one in values)
            found.append(Filter(dimension, values, does.without, does.contains))
    if len(found) > FILTERS_MAX:
        raise BadFilter(f"these are {len(found)} filters; at most {FILTERS_MAX} are answered")
    return tuple(found)


def operator_of(one: Filter) -> str:
    """Key of OPERATORS."""
    asked = (one.without, one.contains)
    return next(key for key, of in OPERATORS.items() if (of.without, of.contains) == asked)


def written(values: Iterable[str]) -> str:
    """Values as an address has them."""
    return "|".join(re.sub(r"[\\|]", r"\\\g<0>", one) or NOT_KNOWN for one in values)


def added(query: Mapping[str, str]) -> dict[str, str] | None:
    """The address with what the form of the page adds to it (ADDING); None where it adds nothing.

    Raises BadFilter.
    """
    dimension, operator, text = (query.get(key, "").strip() for key in ADDING)
    if not dimension or operator not in OPERATORS:
        return None
    kept = {key: value for key, value in query.items() if key not in ADDING and value}
    found = [one for part in _split(text) if (one := part.strip())]
    if found and dimension == COUNTRY:  # shown by its name
        is_part = OPERATORS[operator].contains
        operator = {"contains": "is", "lacks": "not"}.get(operator, operator)
        found = [code for one in found for code in codes(one, part=is_part)]
    if found:
        key = f"{operator}.{_dimension(dimension)}"
        kept[key] = "|".join((*([kept[key]] if key in kept else []), written(found)))
        filters(kept)  # or it is refused here
    return kept


def _dimension(name: str) -> str:
    if name in DIMENSIONS:
        return name
    if not name.startswith(PROPERTY) or name == PROPERTY:
        known = ", ".join((*DIMENSIONS, f"{PROPERTY}NAME"))
        raise BadFilter(f"{name[:NAME_CHARS_MAX]!r} cannot be filtered by; there are {known}")
    if len(name) - len(PROPERTY) > NAME_CHARS_MAX:
        raise BadFilter(
            f"the property {name[len(PROPERTY) :][:20]!r}... has {len(name) - len(PROPERTY)}"
            f" characters; at most {NAME_CHARS_MAX} are answered"
        )
    return name


def _values(key: str, text: str) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(one for one in _split(text) if one))
    if not values:
        raise BadFilter(f"{key} has no value, only separators")
    if len(values) > VALUES_MAX:
        raise BadFilter(f"{key} has {len(values)} values; at most {VALUES_MAX} are answered")
    longest = max(map(len, values))
    if longest > VALUE_CHARS_MAX:
        raise BadFilter(
            f"{key} has a value of {longest} characters; at most {VALUE_CHARS_MAX} are answered"
        )
    return values


def _split(text: str) -> list[str]:
    found = [""]
    for part in _PARTS.split(text):
        if part == "|":
            found.append("")
        else:
            found[-1] += part[-1] if _PARTS.fullmatch(part) else part
    return found
