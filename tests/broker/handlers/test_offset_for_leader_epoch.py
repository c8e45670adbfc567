from broker.errors import ErrorCode
from broker.protocol.messages.offset_for_leader_epoch import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)
from tests.support.raw_client import RawClient
from tests.support.topic_calls import batch_of, make_topic, write


async def asked(client: RawClient, *wanted: OffsetForLeaderPartition) -> list[tuple[int, ...]]:
    """(error, epoch, end offset) for each."""
    request = OffsetForLeaderEpochRequest(-1, [OffsetForLeaderTopic("pages", list(wanted))])
    response = await client.ask(request, 4, OffsetForLeaderEpochResponse)
    return [
        (one.error_code, one.leader_epoch, one.end_offset) for one in response.topics[0].partitions
    ]


async def test_the_current_epoch_ends_at_the_log_end_and_a_later_one_nowhere(
    client: RawClient,
) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"a", b"b"))

    answers = await asked(
        client,
        OffsetForLeaderPartition(0, -1, leader_epoch=0),
        OffsetForLeaderPartition(0, -1, leader_epoch=1),
    )

    assert answers == [(ErrorCode.NONE, 0, 2), (ErrorCode.NONE, -1, -1)]


async def test_a_client_ahead_of_this_leader_and_an_unknown_partition_are_refused(
    client: RawClient,
) -> None:
    await make_topic(client, "pages")

    answers = await asked(
        client, OffsetForLeaderPartition(0, 3, 0), OffsetForLeaderPartition(9, -1, 0)
    )

    assert [answer[0] for answer in answers] == [
        ErrorCode.UNKNOWN_LEADER_EPOCH,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]


async def test_an_epoch_before_all_others_ends_where_the_log_starts(client: RawClient) -> None:
    await make_topic(client, "pages")
    wanted = OffsetForLeaderPartition(0, -1, leader_epoch=-2)

    empty = await asked(client, wanted)
    await write(client, "pages", batch_of(b"a", b"b"))
    filled = await asked(client, wanted, OffsetForLeaderPartition(0, -1, leader_epoch=-1))

    assert empty == [(ErrorCode.NONE, -2, 0)]
    assert filled == [(ErrorCode.NONE, -2, 0), (ErrorCode.NONE, -1, -1)]
