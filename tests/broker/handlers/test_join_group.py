from pathlib import Path

import pytest

from broker.coordinator.group.classic.records import GroupMetadataKey, GroupMetadataValue
from broker.coordinator.group.record_parts import Record
from broker.coordinator.group.records import decode_record
from broker.errors import ErrorCode
from broker.metadata.records import OFFSETS_TOPIC
from broker.protocol.messages.fetch import FetchResponse
from broker.protocol.messages.join_group import JoinGroupResponse
from broker.records.batch import iterate
from broker.records.record import decode_records
from tests.support.group_calls import coordinated, join, join_request
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.topic_calls import fetch_request


async def test_a_new_member_is_given_an_id_made_of_its_client_id(client: RawClient) -> None:
    await coordinated(client)

    response = await client.ask(join_request(), 9, JoinGroupResponse)

    assert response.error_code == ErrorCode.MEMBER_ID_REQUIRED
    assert response.member_id.startswith("raw-")


async def test_the_only_member_leads_and_sees_itself(client: RawClient) -> None:
    await coordinated(client)

    response = await join(client)

    assert (response.error_code, response.generation_id) == (ErrorCode.NONE, 1)
    assert (response.protocol_type, response.protocol_name) == ("consumer", "range")
    assert response.leader == response.member_id
    assert [(m.member_id, m.metadata) for m in response.members] == [
        (response.member_id, b"subscription")
    ]


@pytest.mark.parametrize("version", range(10))
async def test_every_version_is_answered_in_its_own_form(client: RawClient, version: int) -> None:
    await coordinated(client)
    request = join_request()
    if version == 0:
        request.rebalance_timeout_ms = -1

    response = await client.ask(request, version, JoinGroupResponse)

    asks_back = version >= 4
    assert response.error_code == (ErrorCode.MEMBER_ID_REQUIRED if asks_back else ErrorCode.NONE)
    assert response.member_id


@pytest.mark.parametrize(("timeout_ms", "group_id"), [(5_999, "g"), (1_800_001, "g"), (10_000, "")])
async def test_a_join_out_of_bounds_is_refused(
    client: RawClient, timeout_ms: int, group_id: str
) -> None:
    await coordinated(client)
    request = join_request(session_timeout_ms=timeout_ms)
    request.group_id = group_id

    response = await client.ask(request, 6, JoinGroupResponse)

    refused = ErrorCode.INVALID_SESSION_TIMEOUT if group_id else ErrorCode.INVALID_GROUP_ID
    assert response.error_code == refused


async def test_an_id_from_nowhere_leaves_no_group_behind(client: RawClient) -> None:
    await coordinated(client)

    response = await client.ask(join_request("made up"), 9, JoinGroupResponse)

    assert response.error_code == ErrorCode.UNKNOWN_MEMBER_ID


async def test_without_the_offsets_topic_there_is_no_coordinator(client: RawClient) -> None:
    response = await client.ask(join_request(), 9, JoinGroupResponse)

    assert response.error_code == ErrorCode.NOT_COORDINATOR


async def test_the_first_record_of_a_new_group_says_that_it_is_empty(tmp_path: Path) -> None:
    """As in Apache Kafka, whose console consumer shows it; a group that is known has none."""
    async with (
        running_broker(tmp_path / "data", offsets_topic_num_partitions=1) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await coordinated(client)
        asked_back = await client.ask(join_request(), 9, JoinGroupResponse)
        await client.ask(join_request(), 9, JoinGroupResponse)

        (first,) = await records_of(client, OFFSETS_TOPIC)

    assert asked_back.error_code == ErrorCode.MEMBER_ID_REQUIRED
    assert first.key == GroupMetadataKey("g")
    assert isinstance(first.value, GroupMetadataValue)
    assert (first.value.protocol_type, first.value.generation, first.value.protocol) == (
        "",
        0,
        None,
    )
    assert (first.value.leader, first.value.members) == (None, [])
    assert first.value.current_state_timestamp > 0


async def records_of(client: RawClient, topic: str) -> list[Record]:
    """What groups have stored in its first partition."""
    request = fetch_request(topic, max_wait_ms=10_000)
    answer = await client.ask(request, 12, FetchResponse)
    data = memoryview(bytes(answer.responses[0].partitions[0].records or b""))
    found = [
        decode_record(bytes(record.key or b""), bytes(record.value or b""))
        for position, batch in iterate(data)
        for record in decode_records(batch, data[position : position + batch.size_bytes])
    ]
    return [record for record in found if record is not None]
