from broker.errors import ErrorCode
from tests.support.raw_client import RawClient
from tests.support.share_state_calls import (
    initialize,
    read_state,
    stateful,
    summarized,
    write_state,
)


async def test_start_epochs_and_what_is_done_with_are_told(client: RawClient) -> None:
    jobs = await stateful(client)
    unknown = await summarized(client, jobs)
    await initialize(client, jobs, 1, 7)
    await read_state(client, jobs, leader_epoch=3)
    await write_state(client, jobs, (8, 9, 2, 1), epochs=(1, 3), complete=2)

    told = await summarized(client, jobs)

    assert (unknown.error_code, unknown.start_offset) == (ErrorCode.NONE, -1)
    assert (told.state_epoch, told.leader_epoch, told.start_offset) == (1, 3, 7)
    assert told.delivery_complete_count == 2
