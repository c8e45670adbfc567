from broker.errors import ErrorCode
from tests.support.group_calls import coordinated
from tests.support.raw_client import RawClient
from tests.support.share_calls import ACCEPT, acknowledge
from tests.support.share_offsets import described, offset_and_lag, worked


async def test_the_start_moves_past_what_is_done_and_the_lag_is_what_is_left(
    client: RawClient,
) -> None:
    jobs = await worked(client)
    before = await offset_and_lag(client)

    await acknowledge(client, jobs, 2, (4, 4, [ACCEPT]))
    after = await offset_and_lag(client)

    assert (before, after) == ((2, 3), (2, 2))


async def test_a_group_that_is_not_there_is_nowhere(client: RawClient) -> None:
    await coordinated(client)

    nowhere = await described(client, "none")

    assert (nowhere.error_code, nowhere.topics) == (ErrorCode.NONE, [])
