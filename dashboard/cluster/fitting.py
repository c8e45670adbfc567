"""Which records somebody wishes for; expressions are tested elsewhere, see `dashboard.filters`."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from dashboard.cluster.decoded import whole
from dashboard.filters.wire import Sample
from tracker.kafka.answers import Record

INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
"""Which element of a list, from 0."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to see of a topic."""

    partition: int | None = None  # None: all
    offset: int | None = None  # read from here on
    since_ms: int | None = None  # or from this time on; neither: the newest
    text: str = ""  # in key, value or a header, any case
    field: str = ""  # a field of a JSON value, dotted: `props.plan`, `items.0.sku`
    equals: str = ""  # what that field holds
    filter: str = ""  # an expression in CEL
    rows: int = 50

    @property
    def seeks(self) -> bool:
        """Reads forward from a place; else it shows the newest."""
        return self.offset is not None or self.since_ms is not None

    @property
    def filters(self) -> bool:
        """Not every record fits."""
        return bool(self.text or self.field or self.filter)


def fits(record: Record, wish: Wish) -> bool:
    """Whether a record is one of those wished for."""
    if wish.text:
        wanted = wish.text.lower()
        parts = [record.key, record.value]
        parts += [value for _, value in record.headers]
        parts += [name.encode() for name, _ in record.headers]
        texts = (part.decode("utf-8", "replace").lower() for part in parts if part)
        if not any(wanted in text for text in texts):
            return False
    return not wish.field or _field_is(record.value, wish.field, wish.equals)


def _field_is(value: bytes | None, path: str, wanted: str) -> bool:
    """Whether a dotted field of a JSON value is there and, if `wanted` is given, equal to it."""
    try:
        found: Any = json.loads(value or b"")
    except (ValueError, RecursionError):
        return False
    for name in path.split("."):
        if isinstance(found, list) and INDEX.fullmatch(name) and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            return False
    text = found if isinstance(found, str) else json.dumps(found)
    return not wanted or text == wanted


def sample(record: Record) -> Sample:
    """The record as an expression sees it: what pages show as JSON is JSON."""
    key, value = whole(record)
    headers = [
        (name, None if part is None else part.decode("utf-8", "replace"))
        for name, part in record.headers
    ]
    place = (record.partition, record.offset, record.timestamp_ms)
    sizes = record.sizes
    if sizes is None:
        return Sample(key, value, headers, *place)
    return Sample(key, value, headers, *place, sizes.key, sizes.value, sizes.headers)
