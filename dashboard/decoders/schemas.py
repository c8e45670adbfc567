"""Values written with a schema registry, as JSON: Avro, Protobuf, JSON Schema.

Confluent's wire format:  0x00 | schema id (int32, big-endian) | payload; for Protobuf the payload
begins with the path to the message inside its file: a zigzag varint count and so many indexes, or a
single 0 for [0].

A value is somebody's bytes: it must not crash, fill or hold up the dashboard. fastavro reads in C,
so two kinds of Avro schema are read with care: items that take no bytes (an array of nulls may say
any length) are refused, recursive ones (depth is stack) are read only from small values.
"""

import io
import json
import struct
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import fastavro
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError

from dashboard.decoders.registry import NoSchema, Registry, Schema

MAGIC: Final = 0
HEADER_BYTES: Final = 5
RECURSIVE_BYTES_MAX: Final = 1_000  # of a value whose Avro schema names itself
VALUE_BYTES_MAX: Final = 1_048_576
READERS_MAX: Final = 500
WELL_KNOWN: Final = (  # in an order in which each comes after those it imports
    "any",
    "source_context",
    "type",
    "api",
    "duration",
    "empty",
    "field_mask",
    "struct",
    "timestamp",
    "wrappers",
)

Read = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A value as JSON, and what it was: `Avro, schema 7`."""

    text: str
    kind: str


class Schemas:
    """Decodes with the schemas of one registry. For one thread."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._readers: OrderedDict[int, Read] = OrderedDict()

    def decode(self, value: bytes) -> Decoded | None:
        """None: not in the wire format. Raises NoSchema with the reason why it cannot be read."""
        if len(value) < HEADER_BYTES or value[0] != MAGIC:
            return None
        if len(value) > VALUE_BYTES_MAX:
            raise NoSchema(f"the value is larger than {VALUE_BYTES_MAX} bytes")
        schema_id = struct.unpack_from(">i", value, 1)[0]
        if schema_id < 0:
            return None
        schema = self._registry.schema(schema_id)
        reader = self._readers.get(schema_id)
        if reader is None:
            reader = self._readers[schema_id] = reader_of(schema)
            if len(self._readers) > READERS_MAX:
                self._readers.popitem(last=False)
        word = {"AVRO": "Avro", "PROTOBUF": "Protobuf"}.get(schema.kind, "JSON Schema")
        try:
            found = reader(value[HEADER_BYTES:])
            text = json.dumps(found, ensure_ascii=False, default=_plain)
        except NoSchema:
            raise
        except Exception as error:  # libraries fail on damaged bytes in many ways
            ends_early = isinstance(error, EOFError | IndexError | struct.error)
            what = "it ends too early" if ends_early else f"{type(error).__name__}: {error}"[:120]
            raise NoSchema(f"not {word} of schema {schema_id} ({what})") from error
        return Decoded(text, f"{word}, schema {schema_id}")


def reader_of(schema: Schema) -> Read:
    """What reads payloads of this schema; raises NoSchema for one that cannot be used."""
    makers = {"AVRO": _avro, "PROTOBUF": _protobuf, "JSON": _json}
    if schema.kind not in makers:
        raise NoSchema(f"schema {schema.id} is of the kind {schema.kind}, which is not known")
    try:
        return makers[schema.kind](schema)
    except NoSchema:
        raise
    except Exception as error:  # a schema is text from elsewhere as well
        raise NoSchema(f"schema {schema.id} cannot be used: {error}"[:200]) from error


def _json(schema: Schema) -> Read:
    return json.loads


def _avro(schema: Schema) -> Read:
    named: dict[str, Any] = {}
    for _, text in schema.references:
        fastavro.parse_schema(json.loads(text), named_schemas=named)
    parsed = fastavro.parse_schema(json.loads(schema.text), named_schemas=named)
    shape = Shape(named)
    shape.measure(parsed)
    if shape.endless:
        raise NoSchema(f"schema {schema.id} has arrays of items that take no bytes")

    def read(payload: bytes) -> Any:
        if shape.recursive and len(payload) > RECURSIVE_BYTES_MAX:
            raise NoSchema(
                f"schema {schema.id} names itself: read from values up to {RECURSIVE_BYTES_MAX} B"
            )
        return fastavro.schemaless_reader(io.BytesIO(payload), parsed, None)

    return read


class Shape:
    """What is to be known of an Avro schema before bytes of strangers are read with it."""

    def __init__(self, named: dict[str, Any]) -> None:
        self.endless = self.recursive = False
        self._named = named
        self._open: set[str] = set()
        self._sizes: dict[str, int] = {}

    def measure(self, schema: Any) -> int:
        """Fewest bytes that a value of it takes; 0 while it is being measured already."""
        if isinstance(schema, list):
            return 1 + min((self.measure(arm) for arm in schema), default=0)
        if isinstance(schema, str):
            if schema in self._named:
                return self._measure_named(schema, self._named[schema])
            return {"null": 0, "float": 4, "double": 8}.get(schema, 1)
        kind = schema["type"]
        if kind in ("record", "error", "enum", "fixed"):
            return self._measure_named(schema["name"], schema)
        if kind in ("array", "map"):
            items = schema["items" if kind == "array" else "values"]
            if self.measure(items) == 0 and kind == "array":
                self.endless = True
            return 1
        return self.measure(kind)

    def _measure_named(self, name: str, schema: Any) -> int:
        if name in self._open:
            self.recursive = True
            return 1  # whatever it is, it ends with a union or an array, which take a byte
        if name not in self._sizes:
            self._open.add(name)
            if schema["type"] == "enum":
                size = 1
            elif schema["type"] == "fixed":
                size = int(schema["size"])
            else:
                size = sum(self.measure(field["type"]) for field in schema["fields"])
            self._open.discard(name)
            self._sizes[name] = size
        return self._sizes[name]


def _protobuf(schema: Schema) -> Read:
    pool = descriptor_pool.DescriptorPool()
    for name in WELL_KNOWN:
        file = f"google/protobuf/{name}.proto"
        __import__(f"google.protobuf.{name}_pb2")
        known = descriptor_pool.Default().FindFileByName(file)
        pool.AddSerializedFile(known.serialized_pb)
    for name, text in schema.references:
        if not name.startswith("google/protobuf/"):
            pool.Add(_file(name, text))
    made = _file(f"schema-{schema.id}.proto", schema.text)
    pool.Add(made)
    described = pool.FindFileByName(made.name)
    messages = [described.message_types_by_name[one.name] for one in made.message_type]

    def read(payload: bytes) -> Any:
        path, start = message_path(payload)
        message = message_factory.GetMessageClass(_at(messages, path))()
        try:
            message.ParseFromString(payload[start:])
        except DecodeError as error:
            raise ValueError(str(error)) from error
        return json_format.MessageToDict(
            message, preserving_proto_field_name=True, descriptor_pool=pool
        )

    return read


def _file(name: str, text: str) -> descriptor_pb2.FileDescriptorProto:
    """A file from the base64 in which registries give it."""
    try:
        made = descriptor_pb2.FileDescriptorProto.FromString(b64decode(text, validate=True))
    except (DecodeError, ValueError) as error:
        raise NoSchema("the registry gives no Protobuf descriptors (format=serialized)") from error
    made.name = name
    return made


def message_path(payload: bytes) -> tuple[list[int], int]:
    """Indexes from the file to the message, and where the message begins."""
    count, at = _zigzag(payload, 0)
    if count == 0:
        return [0], at
    if not 0 < count <= 100:
        raise ValueError(f"a message {count} levels deep")
    path = []
    for _ in range(count):
        index, at = _zigzag(payload, at)
        path.append(index)
    return path, at


def _zigzag(payload: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while shift < 64:
        if at >= len(payload):
            raise ValueError("the value ends inside its message path")
        byte = payload[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at
        shift += 7
    raise ValueError("a number of the message path is too long")


def _at(messages: list[Descriptor], path: list[int]) -> Descriptor:
    found: Descriptor | None = None
    for index in path:
        level = messages if found is None else list(found.nested_types)
        if not 0 <= index < len(level):
            raise ValueError(f"the schema has no message at {path}")
        found = level[index]
    assert found is not None  # a path has at least one index
    return found


def _plain(value: Any) -> Any:
    """What JSON has no word for: bytes in hex, decimals, dates and UUIDs as text."""
    return value.hex(" ") if isinstance(value, bytes | bytearray) else str(value)
