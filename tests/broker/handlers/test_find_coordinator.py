from pathlib import Path

import pytest

from broker.errors import MALFORMED, ErrorCode
from broker.metadata.records import SHARE_STATE_TOPIC
from broker.protocol.messages.find_coordinator import (
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.security_calls import broker_and_client


@pytest.mark.parametrize("key_type", [0, 1])
async def test_this_broker_coordinates_everything(
    client: RawClient, broker: RunningBroker, key_type: int
) -> None:
    request = FindCoordinatorRequest(key_type=key_type, coordinator_keys=["a", "b"])

    response = await client.ask(request, 6, FindCoordinatorResponse)

    assert [(one.key, one.node_id, one.port) for one in response.coordinators] == [
        ("a", 1, broker.port),
        ("b", 1, broker.port),
    ]
    assert [one.error_message for one in response.coordinators] == ["", ""]


async def test_one_key_is_asked_for_before_v4(client: RawClient, broker: RunningBroker) -> None:
    response = await client.ask(FindCoordinatorRequest(key="g"), 1, FindCoordinatorResponse)

    assert (response.error_code, response.node_id, response.port) == (
        ErrorCode.NONE,
        1,
        broker.port,
    )
    assert response.error_message == "NONE"


@pytest.mark.parametrize("version", [3, 6])
async def test_an_empty_name_has_a_coordinator_too(client: RawClient, version: int) -> None:
    request = FindCoordinatorRequest(key_type=1, key="", coordinator_keys=[""])

    response = await client.ask(request, version, FindCoordinatorResponse)

    answer = response.coordinators[0] if version >= 4 else response
    assert (answer.error_code, answer.node_id) == (ErrorCode.NONE, 1)


@pytest.mark.parametrize("version", [1, 6])
@pytest.mark.parametrize("key_type", [-1, 9])
async def test_a_kind_that_there_is_not_is_refused_in_the_words_of_kafka(
    client: RawClient, key_type: int, version: int
) -> None:
    request = FindCoordinatorRequest(key_type=key_type, key="x", coordinator_keys=["x"])

    response = await client.ask(request, version, FindCoordinatorResponse)

    answer = response.coordinators[0] if version >= 4 else response
    assert (answer.error_code, answer.node_id) == (ErrorCode.INVALID_REQUEST, -1)
    assert answer.error_message == MALFORMED


async def test_no_topic_is_made_for_what_is_refused(
    client: RawClient, broker: RunningBroker
) -> None:
    """`kcl share-group describe` asks so; found beside Apache Kafka 4.2."""
    request = FindCoordinatorRequest(key_type=2, coordinator_keys=["a group"])

    await client.ask(request, 6, FindCoordinatorResponse)

    assert SHARE_STATE_TOPIC not in broker.services.cluster.image.topics


@pytest.mark.parametrize("version", [2, 5])
async def test_share_partitions_are_unknown_before_v6(client: RawClient, version: int) -> None:
    """It closed the connection with a KeyError in the log; found by hostile frames."""
    request = FindCoordinatorRequest(key="g:t:0", key_type=2, coordinator_keys=["g:t:0"])

    response = await client.ask(request, version, FindCoordinatorResponse)

    answer = response.coordinators[0] if version >= 4 else response
    assert answer.error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("g:AAAAAAAAAAAAAAAAAAAAAQ:0", ErrorCode.NONE),
        ("g:AAAAAAAAAAAAAAAAAAAAAQ:-1", ErrorCode.NONE),
        ("g", ErrorCode.INVALID_REQUEST),
        ("", ErrorCode.INVALID_REQUEST),
        ("g:x:0", ErrorCode.INVALID_REQUEST),
        ("a:b:AAAAAAAAAAAAAAAAAAAAAQ:0", ErrorCode.INVALID_REQUEST),
        (":AAAAAAAAAAAAAAAAAAAAAQ:0", ErrorCode.INVALID_REQUEST),
        ("g:AAAAAAAAAAAAAAAAAAAAAQ:", ErrorCode.INVALID_REQUEST),
    ],
)
async def test_a_share_partition_is_asked_for_by_group_topic_id_and_index(
    client: RawClient, key: str, error: ErrorCode
) -> None:
    request = FindCoordinatorRequest(key_type=2, coordinator_keys=[key])

    response = await client.ask(request, 6, FindCoordinatorResponse)

    assert [one.error_code for one in response.coordinators] == [error]


async def test_who_has_no_right_to_an_empty_transactional_id_is_told_so_first(
    tmp_path: Path,
) -> None:
    async with broker_and_client(tmp_path, authorizer_enabled=True) as (_, client):
        request = FindCoordinatorRequest(key_type=1, coordinator_keys=[""])
        answer = await client.ask(request, 6, FindCoordinatorResponse)

    code = answer.coordinators[0].error_code
    assert code == ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
