import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from tests.support.group_calls import commit, coordinated, join_consumer_group, settle
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.topic_calls import make_topic


def request_for(topic: OffsetCommitRequestTopic) -> OffsetCommitRequest:
    topic.partitions = [OffsetCommitRequestPartition(0, 5, 3, None)]
    return OffsetCommitRequest(group_id="g", topics=[topic])


@pytest.mark.parametrize("version", range(2, 10))
async def test_an_offset_is_committed_in_every_version(client: RawClient, version: int) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    request = request_for(OffsetCommitRequestTopic("pages"))

    response = await client.ask(request, version, OffsetCommitResponse)

    (topic,) = response.topics
    assert topic.name == "pages"
    assert [(p.partition_index, p.error_code) for p in topic.partitions] == [(0, ErrorCode.NONE)]


async def test_v10_names_topics_by_id(client: RawClient, broker: RunningBroker) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    topic_id = broker.services.cluster.image.topics["pages"].topic_id

    known = await client.ask(
        request_for(OffsetCommitRequestTopic(topic_id=topic_id)), 10, OffsetCommitResponse
    )
    unknown = await client.ask(
        request_for(OffsetCommitRequestTopic(topic_id=b"x" * 16)), 10, OffsetCommitResponse
    )

    assert known.topics[0].topic_id == topic_id
    assert known.topics[0].partitions[0].error_code == ErrorCode.NONE
    assert unknown.topics[0].partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


async def test_an_unknown_topic_is_refused(client: RawClient) -> None:
    await coordinated(client)

    assert await commit(client, 1, topic="nowhere") == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_only_members_commit_to_a_group_in_use(client: RawClient) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    joined = await settle(client)

    member = await commit(client, 1, generation=1, member_id=joined.member_id)
    stranger = await commit(client, 1)
    late = await commit(client, 1, generation=9, member_id=joined.member_id)

    assert [member, stranger, late] == [
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.ILLEGAL_GENERATION,
    ]


async def test_a_kip_848_member_commits_at_its_epoch(client: RawClient) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    joined = await join_consumer_group(client)

    now = await commit(client, 1, generation=joined.member_epoch, member_id="member")
    stale = await commit(client, 1, generation=joined.member_epoch + 1, member_id="member")

    assert [now, stale] == [ErrorCode.NONE, ErrorCode.STALE_MEMBER_EPOCH]


async def test_what_does_not_exist_is_told_before_the_group_is_asked(client: RawClient) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    await settle(client)
    places = [OffsetCommitRequestPartition(index, 5, -1, None) for index in (0, 1)]
    request = OffsetCommitRequest(
        "g", topics=[OffsetCommitRequestTopic("pages", partitions=places)]
    )

    response = await client.ask(request, 9, OffsetCommitResponse)

    assert [p.error_code for p in response.topics[0].partitions] == [
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]


@pytest.mark.parametrize(
    ("version", "code"), [(8, ErrorCode.ILLEGAL_GENERATION), (9, ErrorCode.GROUP_ID_NOT_FOUND)]
)
async def test_a_generation_of_a_group_that_does_not_exist(
    client: RawClient, version: int, code: ErrorCode
) -> None:
    await make_topic(client, "pages")
    await coordinated(client)
    request = request_for(OffsetCommitRequestTopic("pages"))
    request.generation_id_or_member_epoch = 1

    response = await client.ask(request, version, OffsetCommitResponse)

    assert response.topics[0].partitions[0].error_code == code
