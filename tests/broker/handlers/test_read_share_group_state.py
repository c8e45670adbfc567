from broker.errors import ErrorCode
from tests.support.raw_client import RawClient
from tests.support.share_offsets import worked
from tests.support.share_state_calls import initialize, read_state, stateful, write_state


async def test_what_members_answered_is_told(client: RawClient) -> None:
    jobs = await worked(client)

    told = await read_state(client, jobs)

    assert (told.error_code, told.start_offset, told.state_batches) == (ErrorCode.NONE, 2, [])


async def test_batches_come_back_as_they_were_written(client: RawClient) -> None:
    jobs = await stateful(client)
    await initialize(client, jobs, 0, 8)
    await write_state(client, jobs, (8, 10, 0, 1), (11, 12, 2, 1))
    await write_state(client, jobs, (10, 10, 4, 2))

    told = await read_state(client, jobs)

    batches = [
        (one.first_offset, one.last_offset, one.delivery_state, one.delivery_count)
        for one in told.state_batches
    ]
    assert batches == [(8, 9, 0, 1), (10, 10, 4, 2), (11, 12, 2, 1)]


async def test_an_older_leader_is_fenced(client: RawClient) -> None:
    jobs = await stateful(client)
    await initialize(client, jobs, 0, 0)
    await read_state(client, jobs, leader_epoch=3)

    older = await read_state(client, jobs, leader_epoch=2)
    any_leader = await read_state(client, jobs, leader_epoch=-1)

    assert older.error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert any_leader.error_code == ErrorCode.NONE


async def test_what_was_never_begun_cannot_be_read(client: RawClient) -> None:
    jobs = await stateful(client)

    told = await read_state(client, jobs)
    nowhere = await read_state(client, jobs, partition=-1)

    assert (told.error_code, told.error_message) == (
        ErrorCode.INVALID_REQUEST,
        "Read operation on uninitialized share partition not allowed.",
    )
    assert nowhere.error_message == "The partition id cannot be a negative number."
