"""How answers of the JSON API come about from the dashboard's own types.

What `dashboard.api.plain` makes of a dataclass, a struct or a named tuple is an object
with each of their fields and nothing else; `told` says the same of their types.
"""

import dataclasses
import types
from functools import cache, reduce
from operator import or_
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType


@cache
def told(kind: Any) -> Any:
    """The type of what is told of a `kind`. Every field is there, but one that may be UNSET."""
    if not _is_object(kind):
        return _inside(kind)
    fields = [(name, told(hint)) for name, hint in get_type_hints(kind).items()]
    return msgspec.defstruct(
        kind.__name__,
        [
            (name, hint, UNSET) if UnsetType in get_args(hint) else (name, hint)
            for name, hint in fields
        ],
        namespace={"__doc__": kind.__doc__},
        kw_only=True,
        forbid_unknown_fields=True,
    )


def _is_object(kind: Any) -> bool:
    return isinstance(kind, type) and (
        dataclasses.is_dataclass(kind)
        or issubclass(kind, msgspec.Struct)
        or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
    )


def _inside(kind: Any) -> Any:
    """Of `tuple[X, ...]`, `X | None` and their like: the same of X."""
    origin, parts = get_origin(kind), tuple(told(part) for part in get_args(kind))
    if origin in (types.UnionType, Union):
        return reduce(or_, parts)
    return origin[parts] if origin is not None else kind
