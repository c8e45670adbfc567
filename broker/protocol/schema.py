"""The words that messages are declared in: a type on the wire, and the versions that carry it.

    @dataclass(slots=True)
    class Topic:
        name: str = wire(STRING, until=12)          # versions up to 12, inclusive
        topic_id: bytes = wire(UUID, since=13)
        partitions: list[int] = wire(ARRAY(INT32), nullable=2)   # may be null from version 2

A nested struct is written as its dataclass: `wire(Cursor, nullable=0)`, `wire(ARRAY(Topic))`.
"""

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any

from broker.protocol.primitives import ZERO_UUID


@dataclass(frozen=True, slots=True)
class Primitive:
    """A type of the protocol guide; `code` is its `struct` code, "" when its length varies."""

    name: str
    code: str
    size_bytes: int
    default: Any


BOOLEAN = Primitive("boolean", "?", 1, False)
INT8 = Primitive("int8", "b", 1, 0)
INT16 = Primitive("int16", "h", 2, 0)
UINT16 = Primitive("uint16", "H", 2, 0)
INT32 = Primitive("int32", "i", 4, 0)
INT64 = Primitive("int64", "q", 8, 0)
FLOAT64 = Primitive("float64", "d", 8, 0.0)
UUID = Primitive("uuid", "16s", 16, ZERO_UUID)
STRING = Primitive("string", "", 0, "")
BYTES = Primitive("bytes", "", 0, b"")
RECORDS = Primitive("records", "", 0, None)
"""Record batches: decoded to a view of the request, encoded as a chunk of its own, uncopied."""


@dataclass(frozen=True, slots=True)
class Array:
    """A counted row of one type, null allowed where the field says so."""

    element: "Primitive | type"


def ARRAY(element: Primitive | type) -> Array:
    """The type of a list of `element`."""
    return Array(element)


WireType = Primitive | Array | type


@dataclass(frozen=True, slots=True)
class Wire:
    """How a field travels: `until` is the last version with it, `nullable` the first with null."""

    type: WireType
    since: int
    until: int | None
    nullable: int | None
    tag: int | None
    tag_since: int | None

    def present(self, version: int) -> bool:
        return self.since <= version and (self.until is None or version <= self.until)

    def is_nullable(self, version: int) -> bool:
        return self.nullable is not None and version >= self.nullable

    def is_tagged(self, version: int) -> bool:
        return self.tag is not None and version >= (self.tag_since or 0)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: name and default from its dataclass, the rest from `wire`."""

    name: str
    default: Any  # MISSING when `default_factory` makes it
    default_factory: Any
    wire: Wire


_UNSET: Any = object()


def wire(
    wire_type: WireType,
    since: int = 0,
    until: int | None = None,
    *,
    nullable: int | None = None,
    tag: int | None = None,
    tag_since: int | None = None,
    default: Any = _UNSET,
) -> Any:
    """A field of a message dataclass; without `default` Kafka's own for its type.

    A tagged struct defaults to None, which is not written: to clients that is the same as a struct
    of defaults, and it saves building one per partition.
    """
    metadata = {"wire": Wire(wire_type, since, until, nullable, tag, tag_since)}
    if default is not _UNSET:
        return dataclasses.field(default=default, metadata=metadata)
    if isinstance(wire_type, Primitive):
        return dataclasses.field(default=wire_type.default, metadata=metadata)
    if isinstance(wire_type, Array):
        return dataclasses.field(default_factory=list, metadata=metadata)
    if nullable is not None or tag is not None:
        return dataclasses.field(default=None, metadata=metadata)
    return dataclasses.field(default_factory=wire_type, metadata=metadata)


@cache
def fields_of(struct_type: type) -> tuple[Field, ...]:
    """The declared fields of a message or nested struct, in wire order."""
    return tuple(
        Field(field.name, field.default, field.default_factory, field.metadata["wire"])
        for field in dataclasses.fields(struct_type)
    )


def is_flexible(message_type: Any, version: int) -> bool:
    """Whether `version` uses compact lengths and tagged fields (KIP-482)."""
    since: int | None = message_type.FLEXIBLE_SINCE
    return since is not None and version >= since


def smallest_size_bytes(wire_type: WireType, version: int, flexible: bool) -> int:
    """The least number of bytes that one value takes: bounds how many can follow in a frame."""
    if isinstance(wire_type, Primitive):
        if wire_type.code:
            return wire_type.size_bytes
        return 1 if flexible else 2 if wire_type is STRING else 4
    if isinstance(wire_type, Array):
        return 1 if flexible else 4
    total = 1 if flexible else 0  # the count of tagged fields
    for field in fields_of(wire_type):
        if not field.wire.present(version) or field.wire.is_tagged(version):
            continue
        if isinstance(field.wire.type, type) and field.wire.is_nullable(version):
            total += 1
        else:
            total += smallest_size_bytes(field.wire.type, version, flexible)
    return max(1, total)
