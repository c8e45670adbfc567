"""Values written with a schema registry: what they say, and what hostile ones cannot do."""

import base64
import io
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.cluster.browse import Desk, search
from dashboard.cluster.fitting import Wish
from dashboard.cluster.model import Partition, Topic
from dashboard.decoders.reader import OpeningReader
from dashboard.decoders.registry import (
    KEPT_MAX,
    REST_MS,
    NoSchema,
    Registry,
    RegistryAccess,
    RegistryAway,
)
from dashboard.decoders.schemas import RECURSIVE_BYTES_MAX, Schemas, message_path
from dashboard.filters.expressions import Expressions
from tests.support.made_cluster import MadeCluster, MadePartition
from tests.support.manual_clock import ManualClock
from tests.support.schema_registry import PASSWORD, USER, MadeRegistry, schema_registry
from tracker.kafka.answers import Record
from tracker.topics import TopicPartition

ADDRESS = {"type": "record", "name": "Address", "fields": [{"name": "city", "type": "string"}]}
VISIT: dict[str, Any] = {
    "type": "record",
    "name": "Visit",
    "namespace": "shop",
    "fields": [
        {"name": "user", "type": "string"},
        {"name": "pages", "type": {"type": "array", "items": "int"}},
        {"name": "raw", "type": "bytes"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {
            "name": "paid",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        },
        {"name": "plan", "type": ["null", "string"], "default": None},
    ],
}
TREE: dict[str, Any] = {
    "type": "record",
    "name": "Tree",
    "fields": [{"name": "next", "type": ["null", "Tree"]}],
}


@pytest.fixture(scope="module")
def running() -> Iterator[MadeRegistry]:
    with schema_registry() as made:
        yield made


@pytest.fixture
def server(running: MadeRegistry) -> MadeRegistry:
    running.by_path.clear()
    running.asked.clear()
    running.status, running.raw = 200, None
    return running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def registry(server: MadeRegistry, clock: ManualClock) -> Registry:
    return Registry(RegistryAccess(server.url, USER, PASSWORD), clock)


@pytest.fixture
def schemas(registry: Registry) -> Schemas:
    return Schemas(registry)


def framed(schema_id: int, payload: bytes) -> bytes:
    return struct.pack(">bi", 0, schema_id) + payload


def avro(schema_id: int, schema: Any, value: Any) -> bytes:
    file = io.BytesIO()
    fastavro.schemaless_writer(file, fastavro.parse_schema(schema), value)
    return framed(schema_id, file.getvalue())


def json_of(schemas: Schemas, value: bytes) -> tuple[Any, str]:
    found = schemas.decode(value)
    assert found is not None
    return json.loads(found.text), found.kind


def test_avro_is_read_with_its_logical_types(server: MadeRegistry, schemas: Schemas) -> None:
    server.put(7, json.dumps(VISIT))
    visit = {
        "user": "ann",
        "pages": [1, 2],
        "raw": b"\x00\xff",
        "at": datetime(2026, 11, 22, 14, 2, tzinfo=UTC),
        "paid": Decimal("12.50"),
        "plan": None,
    }

    found, kind = json_of(schemas, avro(7, VISIT, visit))

    assert kind == "Avro, schema 7"
    assert found == {
        "user": "ann",
        "pages": [1, 2],
        "raw": "00 ff",
        "at": "2026-11-22 14:02:00+00:00",
        "paid": "12.50",
        "plan": None,
    }


def test_avro_that_refers_to_other_subjects_is_put_together(
    server: MadeRegistry, schemas: Schemas
) -> None:
    person = {
        "type": "record",
        "name": "Person",
        "fields": [{"name": "home", "type": "Address"}],
    }
    references = [{"name": "Address", "subject": "shop/address", "version": 3}]
    server.put(1, json.dumps(person), references=references)
    server.put_subject("shop/address", 3, json.dumps(ADDRESS))
    whole = {**person, "fields": [{"name": "home", "type": ADDRESS}]}

    found, _ = json_of(schemas, avro(1, whole, {"home": {"city": "Ulm"}}))

    assert found == {"home": {"city": "Ulm"}}
    assert "/subjects/shop%2Faddress/versions/3" in server.asked


def test_a_union_or_a_number_can_be_the_whole_value(server: MadeRegistry, schemas: Schemas) -> None:
    server.put(2, '["null", "string"]')
    server.put(3, '"long"')

    assert json_of(schemas, avro(2, ["null", "string"], "x"))[0] == "x"
    assert json_of(schemas, avro(3, "long", 5))[0] == 5


def test_json_schema_is_json_after_the_header(server: MadeRegistry, schemas: Schemas) -> None:
    server.put(4, '{"type": "object"}', "JSON")

    assert json_of(schemas, framed(4, b'{"a": 1}')) == ({"a": 1}, "JSON Schema, schema 4")


def proto_file(name: str, *messages: str, imports: tuple[str, ...] = ()) -> Any:
    """A proto3 file in which every message has `string label = 1`."""
    made = descriptor_pb2.FileDescriptorProto(name=name, syntax="proto3", package="shop")
    made.dependency.extend(imports)
    for message in messages:
        field = made.message_type.add(name=message).field.add(name="label", number=1)
        field.type, field.label = field.TYPE_STRING, field.LABEL_OPTIONAL
    return made


def add_message_field(file: Any, name: str, kind: str) -> None:
    """A field with number 2 in the file's last message."""
    field = file.message_type[-1].field.add(name=name, number=2, type_name=kind)
    field.type, field.label = field.TYPE_MESSAGE, field.LABEL_OPTIONAL


def serialized(file: Any) -> str:
    return base64.b64encode(file.SerializeToString()).decode()


def test_protobuf_is_read_with_imports_and_well_known_types(
    server: MadeRegistry, schemas: Schemas
) -> None:
    inner = proto_file("address.proto", "Address")
    outer = proto_file(
        "visit.proto",
        "First",
        "Visit",
        imports=("address.proto", "google/protobuf/timestamp.proto"),
    )
    add_message_field(outer, "home", ".shop.Address")
    field = outer.message_type[1].field.add(
        name="at", number=3, type_name=".google.protobuf.Timestamp"
    )
    field.type, field.label = field.TYPE_MESSAGE, field.LABEL_OPTIONAL
    references = [
        {"name": "address.proto", "subject": "address", "version": 1},
        {"name": "google/protobuf/timestamp.proto", "subject": "ts", "version": 1},
    ]
    server.put(9, serialized(outer), "PROTOBUF", references=references)
    server.put_subject("address", 1, serialized(inner))
    server.put_subject("ts", 1, "anything")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(inner)
    pool.Add(outer)
    visit = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Visit"))()
    visit.label = "ann"
    visit.home.label = "Ulm"
    visit.at.seconds = 1_700_000_000

    found, kind = json_of(schemas, framed(9, b"\x02\x02" + visit.SerializeToString()))

    assert kind == "Protobuf, schema 9"
    assert found == {"label": "ann", "home": {"label": "Ulm"}, "at": "2023-11-14T22:13:20Z"}


def test_the_first_message_of_a_file_has_a_path_of_one_byte(
    server: MadeRegistry, schemas: Schemas
) -> None:
    server.put(9, serialized(proto_file("x.proto", "First", "Second")), "PROTOBUF")

    assert json_of(schemas, framed(9, b"\x00\x0a\x03ann"))[0] == {"label": "ann"}


def test_a_registry_that_gives_protobuf_as_text_only_is_told(
    server: MadeRegistry, schemas: Schemas
) -> None:
    server.put(9, 'syntax = "proto3"; message A {}', "PROTOBUF")

    with pytest.raises(NoSchema, match="no Protobuf descriptors"):
        schemas.decode(framed(9, b"\x00"))


@pytest.mark.parametrize("value", [b"", b"\x00", b"text", b"\x00\xff\xff\xff\xff...", b'{"a":1}'])
def test_other_values_are_nothing_to_us(
    server: MadeRegistry, schemas: Schemas, value: bytes
) -> None:
    assert schemas.decode(value) is None
    assert server.asked == []


def test_each_schema_is_fetched_once(server: MadeRegistry, schemas: Schemas) -> None:
    server.put(3, '"long"')

    for number in range(5):
        assert json_of(schemas, avro(3, "long", number))[0] == number

    assert server.asked == ["/schemas/ids/3"]


def test_the_cache_is_bounded(server: MadeRegistry, registry: Registry) -> None:
    for number in range(KEPT_MAX + 1):
        server.put(number, '"long"')
        registry.schema(number)
    server.asked.clear()

    registry.schema(KEPT_MAX)
    registry.schema(0)

    assert server.asked == ["/schemas/ids/0"]


def test_an_unknown_id_is_told_and_asked_again_later(
    server: MadeRegistry, registry: Registry, clock: ManualClock
) -> None:
    for _ in range(2):
        with pytest.raises(NoSchema, match="schema 5 is not in the registry"):
            registry.schema(5)
    clock.advance(REST_MS)
    server.put(5, '"long"')

    assert registry.schema(5).kind == "AVRO"
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "raw", "complaint"),
    [
        (500, None, "answered 500"),
        (200, b"<html>", "something else than JSON"),
        (200, b"[1]", "something else than an object"),
        (200, b"[" * 100_000, "something else than JSON"),
    ],
)
def test_a_registry_out_of_order_is_left_alone_for_half_a_minute(
    server: MadeRegistry,
    registry: Registry,
    clock: ManualClock,
    status: int,
    raw: bytes | None,
    complaint: str,
) -> None:
    server.status, server.raw = status, raw

    for number in range(3):
        with pytest.raises(RegistryAway, match=complaint):
            registry.schema(number)
    server.status, server.raw = 200, None
    server.put(1, '"long"')
    clock.advance(REST_MS)

    assert registry.schema(1).id == 1
    assert len(server.asked) == 2


def test_a_registry_that_is_not_there_is_told(clock: ManualClock) -> None:
    with pytest.raises(RegistryAway, match="does not answer"):
        Registry(RegistryAccess("http://127.0.0.1:1"), clock).schema(1)


def test_references_that_go_round_in_circles_end(server: MadeRegistry, registry: Registry) -> None:
    reference = [{"name": "a", "subject": "a", "version": 1}]
    server.put(1, '"long"', references=reference)
    server.put_subject("a", 1, '"long"', references=reference)

    assert registry.schema(1).references == (("a", '"long"'),)


def test_arrays_of_nothing_may_claim_any_length_and_are_not_read(
    server: MadeRegistry, schemas: Schemas
) -> None:
    nothing = {"type": "record", "name": "Nothing", "fields": [{"name": "n", "type": "null"}]}
    server.put(1, json.dumps({"type": "array", "items": nothing}))

    with pytest.raises(NoSchema, match="take no bytes"):
        schemas.decode(framed(1, b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"))


def test_recursive_schemas_are_read_from_small_values_only(
    server: MadeRegistry, schemas: Schemas
) -> None:
    """Depth is stack: fastavro ends the process at some ten thousand levels."""
    server.put(1, json.dumps(TREE))
    deepest = framed(1, b"\x02" * (RECURSIVE_BYTES_MAX - 1) + b"\x00")

    found = schemas.decode(framed(1, b"\x02\x00"))

    assert found is not None and found.text == '{"next": {"next": null}}'
    with pytest.raises(NoSchema, match="names itself"):
        schemas.decode(framed(1, b"\x02" * 100_000))
    with pytest.raises(NoSchema, match="RecursionError"):
        schemas.decode(deepest)


def test_a_value_that_ends_too_early_is_told_in_words(
    server: MadeRegistry, schemas: Schemas
) -> None:
    server.put(1, json.dumps(VISIT))

    with pytest.raises(NoSchema, match=r"^not Avro of schema 1 \(it ends too early\)$"):
        schemas.decode(framed(1, b""))


def test_a_damaged_schema_is_told(server: MadeRegistry, schemas: Schemas) -> None:
    server.put(1, '{"type": "record"}')
    server.put(2, "not json")
    server.put(3, "x", "THRIFT")

    for number, complaint in ((1, "cannot be used"), (2, "cannot be used"), (3, "not known")):
        with pytest.raises(NoSchema, match=complaint):
            schemas.decode(framed(number, b"\x00"))


@settings(deadline=None)
@given(payload=st.binary(max_size=200), schema_id=st.sampled_from((1, 2, 3)))
def test_no_bytes_do_anything_but_decode_or_be_refused(
    running: MadeRegistry, payload: bytes, schema_id: int
) -> None:
    running.status, running.raw = 200, None
    running.put(1, json.dumps(VISIT))
    running.put(2, json.dumps(TREE))
    running.put(3, serialized(proto_file("x.proto", "First", "Second")), "PROTOBUF")
    fresh = Schemas(Registry(RegistryAccess(running.url, USER, PASSWORD), ManualClock()))

    try:
        found = fresh.decode(framed(schema_id, payload))
    except NoSchema:
        return

    assert found is not None
    json.loads(found.text)


def test_a_message_path_is_read_as_zigzag() -> None:
    assert message_path(b"\x00rest") == ([0], 1)
    assert message_path(b"\x04\x02\x80\x01rest") == ([1, 64], 4)


def test_a_search_sees_fields_and_tells_what_it_could_not_open(
    server: MadeRegistry, schemas: Schemas
) -> None:
    server.put(7, json.dumps(ADDRESS))
    cluster, place = MadeCluster(), TopicPartition("visits", 0)
    cluster.add_topic("visits", MadePartition(end=3))
    values = (
        avro(7, ADDRESS, {"city": "Ulm"}),
        avro(7, ADDRESS, {"city": "Bonn"}),
        framed(8, b"x"),
    )
    for offset, value in enumerate(values):
        cluster.values[place, offset] = Record("visits", 0, offset, 1, True, b"k", value, ())
    topic = Topic("visits", (Partition("visits", 0, 1, (1,), (1,), 0, 3, 3),))
    desk = Desk(OpeningReader(cluster, schemas), cluster, Expressions())

    (fitting,) = search(desk, topic, Wish(field="city", equals="Ulm")).rows
    rows = {row.record.offset: row for row in search(desk, topic, Wish()).rows}

    assert fitting.kind == "json"
    assert fitting.headers == (("(schema)", "Avro, schema 7"),)
    assert rows[2].kind == "hex"
    assert rows[2].headers == (("(schema)", "schema 8 is not in the registry"),)
