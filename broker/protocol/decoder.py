"""Writes and compiles the Python function that decodes one version of one message.

The function is straight-line code with nested structs unrolled in place: neighbouring fields of
fixed size (and the length that follows them) are one `struct` call, lengths and counts are checked
against the bytes that remain before anything is allocated, and record bytes stay views.

An item of an array may be 2 bytes on the wire and 100 in memory, and millions of them stop the
event loop for seconds. So a message may have only so many in all: one for 8 of its bytes, which no
real one comes near, and `ITEMS_MAX`; numbers count a quarter.
"""

import dataclasses
import struct
from collections.abc import Callable
from typing import Any

from broker.protocol.primitives import (
    ProtocolError,
    read_uvarint,
    skip_tagged_fields,
    uvarint_rest,
)
from broker.protocol.schema import (
    BYTES,
    RECORDS,
    STRING,
    UUID,
    Array,
    Field,
    Primitive,
    WireType,
    fields_of,
    is_flexible,
    smallest_size_bytes,
)

ITEMS_MAX = 500_000  # strings and structs in the arrays of one message
ITEMS_FREE = 10_000  # that a small message may have whatever its size
BYTES_PER_ITEM = 8

Decoder = Callable[[memoryview, int, int], tuple[Any, int]]
"""(buffer, position, end) -> (message, position after it)"""


_BUDGET = (  # `items_max`, without the call
    "    o = p",
    f"    k = {ITEMS_FREE} + (n - p) // {BYTES_PER_ITEM}",
    f"    if k > {ITEMS_MAX}:",
    f"        k = {ITEMS_MAX}",
)


def truncated(name: str, wanted: int, remaining: int) -> ProtocolError:
    """The refusal of a length or count that the rest of the buffer cannot hold."""
    return ProtocolError(f"{name} needs {wanted} bytes, {remaining} remain")


def items_max(message_bytes: int) -> int:
    """How many items the arrays of a message of this size may have in all."""
    return min(ITEMS_MAX, ITEMS_FREE + message_bytes // BYTES_PER_ITEM)


def too_many(name: str, count: int, message_bytes: int) -> ProtocolError:
    """The refusal of an array with which a message has more items than its size explains."""
    bound = items_max(message_bytes)
    return ProtocolError(
        f"{name} has {count} items: more than {bound} in a message of {message_bytes} bytes"
    )


def null_refused(name: str) -> ProtocolError:
    """The refusal of null where this version allows none."""
    return ProtocolError(f"{name} must not be null")


def compile_decoder(message_type: Any, version: int) -> Decoder:
    """The decoder of `version` of `message_type`."""
    return _DecoderSource(message_type, version).compile()


class _DecoderSource:
    """Collects the lines of one decoder. In them: b buffer, p position, n end of the buffer,
    o where the message begins, k items that its arrays may still have."""

    def __init__(self, message_type: Any, version: int) -> None:
        self._message_type = message_type
        self._version = version
        self._flexible = is_flexible(message_type, version)
        self._lines: list[str] = []
        self._depth = 1
        self._names = 0
        self._has_arrays = False
        self._run: list[tuple[str, str]] = []  # (variable, struct code) waiting for one unpack
        self._scope: dict[str, Any] = {
            "ProtocolError": ProtocolError,
            "null_refused": null_refused,
            "read_uvarint": read_uvarint,
            "skip_tagged_fields": skip_tagged_fields,
            "too_many": too_many,
            "truncated": truncated,
            "unpack_from": struct.unpack_from,
            "uvarint_rest": uvarint_rest,
        }

    def compile(self) -> Decoder:
        message = self._struct(self._message_type)
        self._flush()
        self._line(f"return {message}, p")
        name = f"decode_{self._message_type.__name__}_v{self._version}"
        budget = _BUDGET if self._has_arrays else ()
        source = "\n".join([f"def {name}(b, p, n):", *budget, *self._lines])
        exec(compile(source, f"<{name}>", "exec"), self._scope)  # noqa: S102 - our own text, from declarations
        decoder: Decoder = self._scope[name]
        return decoder

    def _line(self, text: str) -> None:
        self._lines.append("    " * self._depth + text)

    def _name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def _constant(self, prefix: str, value: Any) -> str:
        name = self._name(prefix)
        self._scope[name] = value
        return name

    def _fixed(self, code: str) -> str:
        """A variable that the next unpack fills."""
        variable = self._name("v")
        self._run.append((variable, code))
        return variable

    def _flush(self) -> None:
        if not self._run:
            return
        layout = struct.Struct(">" + "".join(code for _, code in self._run))
        unpack = self._constant("unpack", layout.unpack_from)
        targets = ", ".join(variable for variable, _ in self._run)
        self._line(f"{targets}, = {unpack}(b, p)")
        self._line(f"p += {layout.size}")
        self._run.clear()

    def _length(self, code: str) -> str:
        """A variable with a length or count, below zero for null; all before it is read too."""
        if not self._flexible:
            length = self._fixed(code)
            self._flush()
            return length
        self._flush()
        length = self._name("l")
        self._line(f"{length} = b[p] - 1")
        self._line("p += 1")
        self._line(f"if {length} > 126:")
        self._line(f"    {length}, p = uvarint_rest(b, p, {length} + 1)")
        self._line(f"    {length} -= 1")
        return length

    def _struct(self, struct_type: type) -> str:
        """Reads one struct; returns the expression that builds it, valid until the next read."""
        arguments: list[str] = []
        tagged: list[tuple[Field, str]] = []
        for field in fields_of(struct_type):
            if not field.wire.present(self._version):
                arguments.append(self._default(field))
            elif field.wire.is_tagged(self._version):
                variable = self._name("v")
                arguments.append(variable)
                tagged.append((field, variable))
            else:
                nullable = field.wire.is_nullable(self._version)
                place = f"{struct_type.__name__}.{field.name}"
                arguments.append(self._value(field.wire.type, place, nullable))
        if self._flexible:
            self._flush()
            self._tagged_fields(struct_type, tagged)
        constructor = self._constant(struct_type.__name__ + "_", struct_type)
        return f"{constructor}({', '.join(arguments)})"

    def _default(self, field: Field) -> str:
        if field.default is dataclasses.MISSING:
            return self._constant("make", field.default_factory) + "()"
        return self._constant("default", field.default)

    def _tagged_fields(self, struct_type: type, tagged: list[tuple[Field, str]]) -> None:
        if not tagged:
            self._line("if b[p]:")
            self._line("    p = skip_tagged_fields(b, p, n)")
            self._line("else:")
            self._line("    p += 1")
            return
        for field, variable in tagged:
            self._line(f"{variable} = {self._default(field)}")
        count, tag, size, end = (self._name(prefix) for prefix in ("c", "t", "s", "e"))
        self._line(f"{count}, p = read_uvarint(b, p)")
        self._line(f"for _ in range({count}):")
        self._depth += 1
        self._line(f"{tag}, p = read_uvarint(b, p)")
        self._line(f"{size}, p = read_uvarint(b, p)")
        self._line(f"{end} = p + {size}")
        self._line(f"if {end} > n:")
        self._line(f"    raise truncated('tagged field', {size}, n - p)")
        word = "if"
        for field, variable in tagged:
            place = f"{struct_type.__name__}.{field.name}"
            self._line(f"{word} {tag} == {field.wire.tag}:")
            self._depth += 1
            nullable = field.wire.is_nullable(self._version)
            value = self._value(field.wire.type, place, nullable, present=1)
            self._flush()
            self._line(f"{variable} = {value}")
            self._line(f"if p != {end}:")
            self._line(f"    raise ProtocolError('{place} does not fill its tagged field')")
            self._depth -= 1
            word = "elif"
        self._line("else:")
        self._line(f"    p = {end}")
        self._depth -= 1

    def _value(self, wire_type: WireType, place: str, nullable: bool, present: int = 0) -> str:
        """Reads one value; returns the expression that holds it.

        `present`: the least byte before a struct that may be null and is not: in a tagged field it
        is a varint, and 0 is null.
        """
        if isinstance(wire_type, Array):
            return self._array(wire_type.element, place, nullable)
        if isinstance(wire_type, Primitive):
            return (
                self._fixed(wire_type.code)
                if wire_type.code
                else self._sized(wire_type, place, nullable)
            )
        if not nullable:
            return self._struct(wire_type)
        marker, value = self._fixed("b"), self._name("v")
        self._flush()
        self._line(f"if {marker} < {present}:")
        self._line(f"    {value} = None")
        self._line("else:")
        self._depth += 1
        built = self._struct(wire_type)
        self._flush()
        self._line(f"{value} = {built}")
        self._depth -= 1
        return value

    def _null_or(self, length: str, value: str, place: str, nullable: bool) -> None:
        """The branch for null; what follows, one level deeper, is the branch for a value."""
        self._line(f"if {length} < 0:")
        refusal = f"raise null_refused({place!r})"
        self._line(f"    {value} = None" if nullable else f"    {refusal}")

    def _sized(self, wire_type: Primitive, place: str, nullable: bool) -> str:
        """A string, bytes or records."""
        length = self._length("h" if wire_type is STRING else "i")
        value, end = self._name("v"), self._name("e")
        self._null_or(length, value, place, nullable)
        self._line("else:")
        self._depth += 1
        self._line(f"{end} = p + {length}")
        self._line(f"if {end} > n:")
        self._line(f"    raise truncated({place!r}, {length}, n - p)")
        made = {STRING: "str(b[p:{0}], 'utf-8')", BYTES: "bytes(b[p:{0}])", RECORDS: "b[p:{0}]"}
        self._line(f"{value} = {made[wire_type].format(end)}")
        self._line(f"p = {end}")
        self._depth -= 1
        return value

    def _array(self, element: Primitive | type, place: str, nullable: bool) -> str:
        count, value = self._length("i"), self._name("v")
        self._null_or(count, value, place, nullable)
        least = smallest_size_bytes(element, self._version, self._flexible)
        self._line(f"elif {count} * {least} > n - p:")
        self._line(f"    raise truncated({place!r}, {count} * {least}, n - p)")
        self._line("else:")
        self._depth += 1
        self._has_arrays = True
        is_number = isinstance(element, Primitive) and bool(element.code)
        self._line(f"k -= {count} >> 2" if is_number else f"k -= {count}")
        self._line("if k < 0:")
        self._line(f"    raise too_many({place!r}, {count}, n - o)")
        if element is UUID:
            self._line(f"{value} = [bytes(b[q:q + 16]) for q in range(p, p + {count} * 16, 16)]")
            self._line(f"p += {count} * 16")
        elif isinstance(element, Primitive) and element.code:
            self._line(f"{value} = list(unpack_from(f'>{{{count}}}{element.code}', b, p))")
            self._line(f"p += {count} * {element.size_bytes}")
        else:
            self._line(f"{value} = []")
            self._line(f"for _ in range({count}):")
            self._depth += 1
            item = self._value(element, place, nullable=False)
            self._flush()
            self._line(f"{value}.append({item})")
            self._depth -= 1
        self._depth -= 1
        return value
