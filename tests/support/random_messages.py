"""Messages with random content, and the list of all that the broker declares."""

import importlib
import pkgutil
import random
import string
from dataclasses import MISSING
from typing import Any

import broker.protocol.messages as declarations
from broker.errors import ErrorCode
from broker.protocol import schema
from broker.protocol.schema import Array, Primitive, fields_of

Declared = tuple[type[Any], int]
"""A message type and one of its versions."""

_ALPHABET = string.ascii_letters + string.digits + "-._/ äß→漢𝄞"


def declared_messages() -> list[Declared]:
    """Every message of every API in every version that is declared."""
    found: list[Declared] = []
    for module_info in pkgutil.iter_modules(declarations.__path__):
        module = importlib.import_module(f"{declarations.__name__}.{module_info.name}")
        for candidate in vars(module).values():
            if getattr(candidate, "__module__", "") != module.__name__:
                continue
            if hasattr(candidate, "VERSIONS"):
                low, high = candidate.VERSIONS
                found += [(candidate, version) for version in range(low, high + 1)]
    return found


def declared_name(declared: Declared) -> str:
    """How a test names the message in its output."""
    return f"{declared[0].__name__}-v{declared[1]}"


def random_message(message_type: Any, version: int, dice: random.Random) -> Any:
    """An instance whose fields of `version` are random and whose other fields hold their default.

    Values stay inside what independent implementations can hold: their clocks end before ours.
    """
    values: dict[str, Any] = {}
    for field in fields_of(message_type):
        wire = field.wire
        if not wire.present(version):
            continue
        if wire.is_tagged(version) and dice.random() < 0.4:
            continue
        if wire.is_nullable(version) and dice.random() < 0.25:
            values[field.name] = None
        else:
            values[field.name] = _random_value(wire.type, field.name, version, dice)
        if wire.is_tagged(version) and isinstance(wire.type, type):
            values[field.name] = _unless_default(wire.type, values[field.name])
    return message_type(**values)


def _unless_default(struct_type: type, value: Any) -> Any:
    """None for a tagged struct of defaults: the wire does not carry it, so it reads as absent."""
    return None if value == struct_type() else value


def _random_value(wire_type: Any, name: str, version: int, dice: random.Random) -> Any:
    if isinstance(wire_type, Array):
        count = dice.choice((0, 1, 1, 2, 3, 130 if isinstance(wire_type.element, Primitive) else 2))
        return [_random_value(wire_type.element, name, version, dice) for _ in range(count)]
    if not isinstance(wire_type, Primitive):
        return random_message(wire_type, version, dice)
    if wire_type is schema.STRING:
        return "".join(dice.choices(_ALPHABET, k=dice.choice((0, 1, 5, 20, 200))))
    if wire_type in (schema.BYTES, schema.RECORDS):
        return dice.randbytes(dice.choice((0, 1, 100, 300)))
    if wire_type is schema.UUID:
        return dice.choice((bytes(16), dice.randbytes(16)))
    if wire_type is schema.BOOLEAN:
        return dice.random() < 0.5
    if wire_type is schema.FLOAT64:
        return dice.uniform(-1e9, 1e9)
    if name.endswith("error_code"):
        return int(dice.choice(list(ErrorCode)))
    if name.endswith(("_ms", "timestamp")):
        return dice.choice((0, 1, dice.randrange(1 << 31), dice.randrange(1 << 31)))
    bits = wire_type.size_bytes * 8
    low = 0 if wire_type.name.startswith("u") else -(1 << (bits - 1))
    high = (1 << bits) - 1 if low == 0 else (1 << (bits - 1)) - 1
    return dice.choice((0, 1, low, high, dice.randint(low, high)))


def has_required_fields(message_type: Any) -> bool:
    """Whether some field has no default; a response could then not be built by keyword."""
    return any(
        f.default is MISSING and f.default_factory is MISSING for f in fields_of(message_type)
    )
