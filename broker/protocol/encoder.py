"""Writes and compiles the Python function that encodes one version of one message.

The function fills a bytearray, neighbouring fields of fixed size by one `struct` call. Record bytes
are not copied: the bytearray so far and the records become chunks of their own.
"""

import struct
from collections.abc import Callable
from typing import Any

from broker.protocol.primitives import write_uvarint
from broker.protocol.schema import (
    RECORDS,
    STRING,
    UUID,
    Array,
    Field,
    Primitive,
    WireType,
    fields_of,
    is_flexible,
)

Encoder = Callable[[Any, bytearray, list[Any]], bytearray]
"""(message, first bytearray, chunks before it) -> last bytearray; it is not yet in the chunks"""


def compile_encoder(message_type: Any, version: int) -> Encoder:
    """The encoder of `version` of `message_type`."""
    return _EncoderSource(message_type, version).compile()


class _EncoderSource:
    """Collects the lines of one encoder. In them: w bytearray being filled, chunks done before."""

    def __init__(self, message_type: Any, version: int) -> None:
        self._message_type = message_type
        self._version = version
        self._flexible = is_flexible(message_type, version)
        self._lines: list[str] = []
        self._depth = 1
        self._names = 0
        self._run: list[tuple[str, str]] = []  # (expression, struct code) waiting for one pack
        self._scope: dict[str, Any] = {"pack": struct.pack, "write_uvarint": write_uvarint}

    def compile(self) -> Encoder:
        self._struct(self._message_type, "o")
        self._flush()
        self._line("return w")
        name = f"encode_{self._message_type.__name__}_v{self._version}"
        source = "\n".join([f"def {name}(o, w, chunks):", *self._lines])
        exec(compile(source, f"<{name}>", "exec"), self._scope)  # noqa: S102 - our own text, from declarations
        encoder: Encoder = self._scope[name]
        return encoder

    def _line(self, text: str) -> None:
        self._lines.append("    " * self._depth + text)

    def _name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def _constant(self, prefix: str, value: Any) -> str:
        name = self._name(prefix)
        self._scope[name] = value
        return name

    def _flush(self) -> None:
        if not self._run:
            return
        layout = struct.Struct(">" + "".join(code for _, code in self._run))
        pack = self._constant("pack", layout.pack)
        self._line(f"w += {pack}({', '.join(expression for expression, _ in self._run)})")
        self._run.clear()

    def _length(self, length: str, code: str) -> None:
        """Write a length or count (-1 for null) and all that waits before it."""
        if not self._flexible:
            self._run.append((length, code))
            self._flush()
            return
        self._flush()
        self._line(f"if {length} < 127:")
        self._line(f"    w.append({length} + 1)")
        self._line("else:")
        self._line(f"    write_uvarint(w, {length} + 1)")

    def _struct(self, struct_type: type, source: str) -> None:
        tagged: list[Field] = []
        for field in fields_of(struct_type):
            if not field.wire.present(self._version):
                continue
            if field.wire.is_tagged(self._version):
                tagged.append(field)
                continue
            nullable = field.wire.is_nullable(self._version)
            self._value(field.wire.type, f"{source}.{field.name}", nullable)
        if self._flexible:
            self._flush()
            self._tagged_fields(source, tagged)

    def _tagged_fields(self, source: str, tagged: list[Field]) -> None:
        if not tagged:
            self._line("w.append(0)")
            return
        tests: list[str] = []
        variables: list[str] = []
        for field in tagged:
            variable = self._name("t")
            variables.append(variable)
            self._line(f"{variable} = {source}.{field.name}")
            tests.append(self._differs(field, variable))
        self._line(f"if not ({' or '.join(tests)}):")
        self._line("    w.append(0)")
        self._line("else:")
        self._depth += 1
        self._line(f"w.append({' + '.join(f'bool({test})' for test in tests)})")
        outer = self._name("w")
        for field, variable, test in sorted(
            zip(tagged, variables, tests, strict=True), key=lambda entry: entry[0].wire.tag or 0
        ):
            self._line(f"if {test}:")
            self._depth += 1
            self._line(f"{outer} = w")
            self._line("w = bytearray()")
            self._tagged_value(field, variable)
            self._flush()
            self._line(f"write_uvarint({outer}, {field.wire.tag})")
            self._line(f"write_uvarint({outer}, len(w))")
            self._line(f"{outer} += w")
            self._line(f"w = {outer}")
            self._depth -= 1
        self._depth -= 1

    def _differs(self, field: Field, variable: str) -> str:
        """The test whether a tagged field must be written: it holds more than its default."""
        if isinstance(field.wire.type, Array):
            return variable
        if isinstance(field.wire.type, Primitive):
            if field.default is None:
                return f"({variable} is not None)"
            return f"({variable} != {self._constant('default', field.default)})"
        blank = self._constant("default", field.wire.type())
        if field.wire.is_nullable(self._version):  # Kafka's default is a blank struct, not null
            return f"({variable} is None or {variable} != {blank})"
        return f"({variable} is not None and {variable} != {blank})"

    def _tagged_value(self, field: Field, variable: str) -> None:
        nullable = field.wire.is_nullable(self._version)
        if isinstance(field.wire.type, Array | Primitive):
            self._value(field.wire.type, variable, nullable)
        else:
            self._nested(field.wire.type, variable, nullable, null_byte=0)

    def _value(self, wire_type: WireType, source: str, nullable: bool) -> None:
        if isinstance(wire_type, Array):
            self._array(wire_type.element, source, nullable)
        elif isinstance(wire_type, Primitive):
            if wire_type.code:
                self._run.append((source, wire_type.code))
            elif wire_type is RECORDS:
                self._records(source, nullable)
            else:
                self._sized(wire_type, source, nullable)
        else:
            self._nested(wire_type, source, nullable)

    def _nested(self, struct_type: type, source: str, nullable: bool, null_byte: int = 255) -> None:
        """`null_byte`: int8 -1, but in a tagged field, where it is a varint."""
        variable = self._name("o")
        self._line(f"{variable} = {source}")
        if not nullable:
            self._struct(struct_type, variable)
            return
        self._flush()
        self._line(f"if {variable} is None:")
        self._line(f"    w.append({null_byte})")
        self._line("else:")
        self._depth += 1
        self._line("w.append(1)")
        self._struct(struct_type, variable)
        self._flush()
        self._depth -= 1

    def _sized(self, wire_type: Primitive, source: str, nullable: bool) -> None:
        """A string or bytes."""
        value, length = self._name("s"), self._name("l")
        encoded = f"{value}.encode()" if wire_type is STRING else value
        self._line(f"{value} = {source}")
        if nullable:
            self._line(f"if {value} is None:")
            self._line(f"    {value}, {length} = b'', -1")
            self._line("else:")
            self._depth += 1
        if wire_type is STRING:
            self._line(f"{value} = {encoded}")
        self._line(f"{length} = len({value})")
        if nullable:
            self._depth -= 1
        self._length(length, "h" if wire_type is STRING else "i")
        self._line(f"w += {value}")

    def _records(self, source: str, nullable: bool) -> None:
        value, length = self._name("r"), self._name("l")
        self._line(f"{value} = {source}")
        if nullable:
            self._line(f"if {value} is None:")
            self._line(f"    {value}, {length} = (), -1")
            self._line(f"elif type({value}) is list:")
        else:
            self._line(f"if type({value}) is list:")
        self._line(f"    {length} = sum(map(len, {value}))")
        self._line("else:")
        self._line(f"    {length} = len({value})")
        self._line(f"    {value} = ({value},)")
        self._length(length, "i")
        self._line(f"if {length} > 0:")
        self._line("    chunks.append(w)")
        self._line(f"    chunks.extend({value})")
        self._line("    w = bytearray()")

    def _array(self, element: Primitive | type, source: str, nullable: bool) -> None:
        value, count = self._name("a"), self._name("l")
        self._line(f"{value} = {source}")
        if nullable:
            self._line(f"if {value} is None:")
            self._line(f"    {value}, {count} = (), -1")
            self._line("else:")
            self._line(f"    {count} = len({value})")
        else:
            self._line(f"{count} = len({value})")
        self._length(count, "i")
        if element is UUID:
            self._line(f"w += b''.join({value})")
        elif isinstance(element, Primitive) and element.code:
            self._line(f"if {count} > 0:")
            self._line(f"    w += pack(f'>{{{count}}}{element.code}', *{value})")
        else:
            item = self._name("o")
            self._line(f"for {item} in {value}:")
            self._depth += 1
            if isinstance(element, Primitive):
                self._value(element, item, nullable=False)
            else:
                self._struct(element, item)
            self._flush()
            self._depth -= 1
