from broker.errors import ErrorCode
from tests.support.raw_client import RawClient
from tests.support.share_state_calls import delete_state, initialize, stateful, summarized


async def test_nothing_is_known_of_what_was_deleted(client: RawClient) -> None:
    jobs = await stateful(client)
    await initialize(client, jobs, 1, 7)

    first = await delete_state(client, jobs)
    again = await delete_state(client, jobs)

    assert (first.error_code, again.error_code) == (ErrorCode.NONE, ErrorCode.NONE)
    assert (await summarized(client, jobs)).start_offset == -1


async def test_a_topic_that_is_not_there_is_refused(client: RawClient) -> None:
    await stateful(client)

    told = await delete_state(client, b"n" * 16)

    assert told.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
