"""Every declared (message, version) against two independent implementations of the protocol.

kio is generated from Kafka's own definitions; kafka-python reads them at run time. Both must read
our bytes and write the same bytes back.
"""

import importlib
import io
import itertools
import random
import re
import warnings
import zlib
from typing import Any

import pytest
from kio.index import load_entity_schema, load_request_schema, load_response_schema
from kio.serial import entity_reader, entity_writer
from kio.static.constants import EntityType

from broker.protocol.codec import decode, encode_bytes
from tests.support.random_messages import (
    Declared,
    declared_messages,
    declared_name,
    has_required_fields,
    random_message,
)

EXAMPLES = 6  # per (message, version); seeded, so a failure repeats

ALL = declared_messages()
BY_TYPE = [list(group) for _, group in itertools.groupby(ALL, key=lambda declared: declared[0])]
"""Versions of a message together: seven thousand tests have their price, too."""


def type_name(versions: list[Declared]) -> str:
    return versions[0][0].__name__


def examples(declared: Declared) -> list[Any]:
    dice = random.Random(zlib.crc32(declared_name(declared).encode()))
    message_type, version = declared
    return [message_type(), *(random_message(message_type, version, dice) for _ in range(EXAMPLES))]


def kio_class(declared: Declared) -> Any:
    message_type, version = declared
    name = message_type.__name__
    if name.endswith("Request"):
        return load_request_schema(message_type.API_KEY, version)
    if name.endswith("Response"):
        return load_response_schema(message_type.API_KEY, version)
    module = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return load_entity_schema(module, version, EntityType.data)


@pytest.fixture(scope="module")
def kafka_python_classes() -> dict[str, Any]:
    """Message classes of kafka-python by name; it reads its definitions in a deprecated way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for area in ("admin", "consumer", "metadata", "producer", "sasl"):
            importlib.import_module(f"kafka.protocol.{area}")
        base = importlib.import_module("kafka.protocol.api_message").ApiMessage
    found: dict[str, Any] = {}
    waiting = [base]
    while waiting:
        for candidate in waiting.pop().__subclasses__():
            waiting.append(candidate)
            found[candidate.__name__] = candidate
    return found


@pytest.mark.parametrize("versions", BY_TYPE, ids=type_name)
def test_reads_back_what_it_wrote(versions: list[Declared]) -> None:
    for message_type, version in versions:
        for message in examples((message_type, version)):
            again = decode(message_type, version, encode_bytes(message, version))

            assert again == message, version


@pytest.mark.parametrize("versions", BY_TYPE, ids=type_name)
def test_kio_writes_the_same_bytes(versions: list[Declared]) -> None:
    for declared in versions:
        kio_type = kio_class(declared)
        read, write = entity_reader(kio_type), entity_writer(kio_type)

        for message in examples(declared):
            ours = encode_bytes(message, declared[1])
            theirs, size = read(ours, 0)
            again = io.BytesIO()
            write(again, theirs)

            assert size == len(ours), declared
            assert again.getvalue() == ours, declared


@pytest.mark.parametrize("versions", BY_TYPE, ids=type_name)
def test_kafka_python_writes_the_same_bytes(
    versions: list[Declared], kafka_python_classes: dict[str, Any]
) -> None:
    name = versions[0][0].__name__
    theirs_type = kafka_python_classes.get(name)
    if theirs_type is None:
        return  # kafka-python does not have it; kio has
    if name == "DeleteTopicsRequest":
        return  # its own encode() fails on messages that it has decoded

    for declared in versions:
        version = declared[1]
        if not theirs_type.min_version <= version <= theirs_type.max_version:
            continue
        for message in examples(declared):
            if name == "ApiVersionsResponse":
                message.error_code = 0  # it reads any error as version 0, the fallback of KIP-511
            ours = encode_bytes(message, version)

            assert bytes(theirs_type.decode(ours, version=version).encode()) == ours, version


def test_every_message_can_be_built_from_keywords_alone() -> None:
    assert [one for one, _ in ALL if has_required_fields(one)] == []
