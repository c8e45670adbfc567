from types import SimpleNamespace
from typing import cast

import pytest

from broker.errors import ErrorCode
from broker.handlers import HANDLERS
from broker.handlers.api_versions import (
    advertised,
    api_versions,
    finalized_features,
    supported_features,
)
from broker.handlers.handler import ListenerAddress, RequestContext, Services
from broker.protocol.messages.api_versions import ApiVersionsRequest
from broker.protocol.messages.produce import ProduceRequest


def context(version: int) -> RequestContext:
    image = SimpleNamespace(features={"metadata.version": 27, "transaction.version": 0})
    cluster = SimpleNamespace(image=image, partition=SimpleNamespace(high_watermark=42))
    return RequestContext(
        api_version=version,
        client_id="test",
        client_host="/127.0.0.1",
        principal="User:ANONYMOUS",
        listener=ListenerAddress("PLAINTEXT", "127.0.0.1", 9092),
        now_ms=0,
        services=cast(
            Services, SimpleNamespace(cluster=cluster, telemetry=SimpleNamespace(is_wanted=True))
        ),
        connection_id=1,
    )


def test_what_is_advertised_is_what_is_served_but_for_old_produce() -> None:
    ranges = {one.api_key: (one.min_version, one.max_version) for one in advertised(HANDLERS)}

    assert ranges.pop(0) == (0, 13)  # librdkafka < 2.8.1 would not compress above 0
    assert ranges == {
        handler.api_key: (handler.versions.min, handler.versions.max)
        for handler in HANDLERS
        if handler.request_type is not ProduceRequest
    }


def test_every_version_that_is_served_is_declared() -> None:
    for handler in HANDLERS:
        low, high = handler.request_type.VERSIONS

        assert low <= handler.versions.min <= handler.versions.max <= high, handler.api_key.name
        assert handler.api_key == handler.request_type.API_KEY


def test_the_table_is_in_order_of_api_keys_without_repetition() -> None:
    keys = [handler.api_key for handler in HANDLERS]

    assert keys == sorted(set(keys))


@pytest.mark.parametrize("version", [0, 3, 4])
async def test_features_of_the_cluster_are_told(version: int) -> None:
    answer = await api_versions(ApiVersionsRequest("java", "4.1.1"), context(version))

    assert answer.error_code == ErrorCode.NONE
    assert answer.finalized_features_epoch == 42
    assert [(one.name, one.max_version_level) for one in answer.finalized_features] == [
        ("metadata.version", 27)
    ]


def test_features_from_level_0_are_told_only_to_clients_that_stand_it() -> None:
    old, new = ({one.name for one in supported_features(version)} for version in (3, 4))

    assert "metadata.version" in old
    assert "group.version" not in old
    assert {"metadata.version", "group.version", "transaction.version"} <= new


def test_features_that_are_off_are_not_finalized() -> None:
    assert finalized_features({"group.version": 0}) == []


@pytest.mark.parametrize(
    ("name", "version", "code"),
    [
        ("apache-kafka-java", "4.1.1", ErrorCode.NONE),
        ("a", "1", ErrorCode.NONE),
        ("", "1", ErrorCode.INVALID_REQUEST),
        ("-dash", "1", ErrorCode.INVALID_REQUEST),
        ("name with space", "1", ErrorCode.INVALID_REQUEST),
        ("ok", "1.0.", ErrorCode.INVALID_REQUEST),
        ("ok\n", "1", ErrorCode.INVALID_REQUEST),
    ],
)
async def test_software_of_the_client_must_be_well_named(
    name: str, version: str, code: ErrorCode
) -> None:
    answer = await api_versions(ApiVersionsRequest(name, version), context(3))

    assert answer.error_code == code
