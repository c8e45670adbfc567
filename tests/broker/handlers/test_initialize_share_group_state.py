from broker.errors import ErrorCode
from broker.protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
    InitializeShareGroupStateResponse,
    InitializeStateData,
    PartitionData,
)
from tests.support.raw_client import RawClient
from tests.support.share_calls import acquired, beat, fetch, produce
from tests.support.share_state_calls import initialize, read_state, stateful
from tests.support.topic_calls import make_topic


async def test_a_group_begins_where_it_was_told(client: RawClient) -> None:
    jobs = await stateful(client)
    await produce(client, "jobs", 5)

    told = await initialize(client, jobs, 0, 3)
    await beat(client, topics=["jobs"])
    given = await fetch(client, jobs, 0)

    assert (told.error_code, told.error_message) == (ErrorCode.NONE, None)
    assert acquired(given) == [(3, 4, 1)]


async def test_the_same_epoch_begins_anew_and_an_older_one_is_fenced(client: RawClient) -> None:
    jobs = await stateful(client)
    await initialize(client, jobs, 1, 7)

    again = await initialize(client, jobs, 1, 9)
    older = await initialize(client, jobs, 0, 2)

    assert (again.error_code, older.error_code) == (ErrorCode.NONE, ErrorCode.FENCED_STATE_EPOCH)
    assert (await read_state(client, jobs)).start_offset == 9


async def test_a_topic_that_is_not_there_is_refused(client: RawClient) -> None:
    await stateful(client)

    told = await initialize(client, b"n" * 16, 0, 0)

    assert told.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_nobody_coordinates_before_the_topic_of_states_is_there(client: RawClient) -> None:
    jobs = (await make_topic(client, "jobs")).topic_id

    told = await initialize(client, jobs, 0, 0)

    assert told.error_code == ErrorCode.NOT_COORDINATOR
    assert told.error_message == (
        "Unable to initialize share group state: This is not the correct coordinator."
    )


async def test_a_group_without_a_name_gets_no_results(client: RawClient) -> None:
    topics = [InitializeStateData(b"n" * 16, [PartitionData(0, 0, 0)])]

    answer = await client.ask(
        InitializeShareGroupStateRequest("", topics), 0, InitializeShareGroupStateResponse
    )

    assert answer.results == []
