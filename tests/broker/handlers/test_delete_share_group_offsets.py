from broker.errors import ErrorCode
from broker.protocol.messages import delete_share_group_offsets as messages
from tests.support.raw_client import RawClient
from tests.support.share_calls import GROUP, acquired, beat, fetch
from tests.support.share_offsets import offset_and_lag, worked
from tests.support.share_state_calls import initialize, read_state


async def delete(client: RawClient, topic: str = "jobs") -> list[int]:
    """Error codes of the group and, if it is not refused, of the topic."""
    wanted = messages.DeleteShareGroupOffsetsRequestTopic(topic)
    request = messages.DeleteShareGroupOffsetsRequest(GROUP, [wanted])
    response = await client.ask(request, 0, messages.DeleteShareGroupOffsetsResponse)
    return [response.error_code, *(one.error_code for one in response.responses)]


async def test_a_group_forgets_a_topic_and_begins_anew(client: RawClient) -> None:
    jobs = await worked(client)
    refused = await delete(client)
    await beat(client, -1)

    deleted = await delete(client)
    left = await offset_and_lag(client)
    again = await fetch(client, jobs, 0, member="b")

    assert refused == [ErrorCode.NON_EMPTY_GROUP]
    assert (deleted, left) == ([ErrorCode.NONE, ErrorCode.NONE], None)
    assert acquired(again) == [(0, 4, 1)]


async def test_what_begins_anew_has_leaders_that_do_so_too(client: RawClient) -> None:
    jobs = await worked(client)
    await beat(client, -1)
    await read_state(client, jobs, leader_epoch=3)
    fenced = await read_state(client, jobs, leader_epoch=2)

    await delete(client)
    await initialize(client, jobs, 0, 0)
    anew = await read_state(client, jobs, leader_epoch=1)

    assert fenced.error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert (anew.error_code, anew.start_offset) == (ErrorCode.NONE, 0)


async def test_a_topic_that_is_not_there_is_refused(client: RawClient) -> None:
    await worked(client)
    await beat(client, -1)

    assert await delete(client, "none") == [0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]
