from broker.errors import ErrorCode
from broker.protocol.messages.share_group_describe import (
    DescribedGroup,
    ShareGroupDescribeRequest,
    ShareGroupDescribeResponse,
)
from tests.support.group_calls import coordinated
from tests.support.raw_client import RawClient
from tests.support.share_calls import beat
from tests.support.topic_calls import make_topic


async def described(client: RawClient, group_id: str) -> DescribedGroup:
    request = ShareGroupDescribeRequest([group_id])
    response = await client.ask(request, 1, ShareGroupDescribeResponse)
    return response.groups[0]


async def test_a_share_group_is_told_with_its_members(client: RawClient) -> None:
    await make_topic(client, "jobs", 2)
    await coordinated(client)
    await beat(client, topics=["jobs"])
    await beat(client, 1)

    stable = await described(client, "workers")
    await beat(client, -1)
    empty = await described(client, "workers")

    assert (stable.group_state, stable.assignor_name) == ("Stable", "simple")
    (member,) = stable.members
    assert (member.member_id, member.subscribed_topic_names) == ("a", ["jobs"])
    (topic,) = member.assignment.topic_partitions
    assert (topic.topic_name, topic.partitions) == ("jobs", [0, 1])
    assert (empty.group_state, empty.members) == ("Empty", [])


async def test_rights_are_told_of_groups_that_are_there(client: RawClient) -> None:
    await make_topic(client, "pages")
    await coordinated(client, "workers")
    await beat(client, topics=["pages"])
    request = ShareGroupDescribeRequest(["workers", "nobody"], include_authorized_operations=True)

    response = await client.ask(request, 1, ShareGroupDescribeResponse)

    there, missing = (group.authorized_operations for group in response.groups)
    assert there > 0
    assert missing == -(2**31)


async def test_a_group_that_is_not_there_is_refused(client: RawClient) -> None:
    await coordinated(client)

    assert (await described(client, "none")).error_code == ErrorCode.GROUP_ID_NOT_FOUND


async def test_a_group_without_a_name_is_refused_without_words(client: RawClient) -> None:
    await coordinated(client)

    nobody = await described(client, "")

    assert (nobody.error_code, nobody.error_message) == (ErrorCode.INVALID_GROUP_ID, None)
