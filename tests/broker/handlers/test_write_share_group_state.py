import pytest

from broker.errors import ErrorCode
from tests.support.raw_client import RawClient
from tests.support.share_state_calls import (
    Batch,
    initialize,
    read_state,
    stateful,
    write_state,
)


async def test_a_new_start_leaves_what_is_before_it_behind(client: RawClient) -> None:
    jobs = await stateful(client)
    await initialize(client, jobs, 0, 8)
    await write_state(client, jobs, (8, 12, 2, 1))

    told = await write_state(client, jobs, start=12)

    left = await read_state(client, jobs)
    assert (told.error_code, left.start_offset) == (ErrorCode.NONE, 12)
    assert [(one.first_offset, one.last_offset) for one in left.state_batches] == [(12, 12)]


async def test_older_epochs_are_fenced(client: RawClient) -> None:
    jobs = await stateful(client)
    await initialize(client, jobs, 1, 0)
    await read_state(client, jobs, leader_epoch=3)

    of_state = await write_state(client, jobs, epochs=(0, 3))
    of_leader = await write_state(client, jobs, epochs=(1, 2))

    assert of_state.error_code == ErrorCode.FENCED_STATE_EPOCH
    assert of_leader.error_code == ErrorCode.FENCED_LEADER_EPOCH


async def test_what_was_never_begun_cannot_be_written(client: RawClient) -> None:
    told = await write_state(client, await stateful(client), start=5)

    assert told.error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    "batch",
    [(3, 2, 0, 1), (-1, 2, 0, 1), (0, 2**62, 0, 1), (0, 1, 1, 1), (0, 1, 9, 1), (0, 1, 0, -1)],
)
async def test_what_no_leader_can_have_is_refused(client: RawClient, batch: Batch) -> None:
    jobs = await stateful(client)
    await initialize(client, jobs, 0, 0)

    told = await write_state(client, jobs, batch)

    assert told.error_code == ErrorCode.INVALID_REQUEST
    assert (await read_state(client, jobs)).state_batches == []


async def test_a_start_that_goes_back_takes_the_bound_of_what_is_in_flight_with_it(
    client: RawClient,
) -> None:
    """One run from the new start to the old one would be millions of records in flight."""
    jobs = await stateful(client)
    await initialize(client, jobs, 0, 50_000_000)

    told = await write_state(client, jobs, (0, 50_000_000, 0, 1), start=0)

    left = await read_state(client, jobs)
    assert told.error_code == ErrorCode.INVALID_REQUEST
    assert (left.start_offset, left.state_batches) == (50_000_000, [])
