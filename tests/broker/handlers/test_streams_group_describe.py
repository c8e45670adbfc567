from broker.errors import ErrorCode
from broker.protocol.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from broker.protocol.messages.list_groups import ListGroupsRequest, ListGroupsResponse
from broker.protocol.messages.streams_group_heartbeat import Subtopology, Topology
from tests.support.group_calls import coordinated
from tests.support.raw_client import RawClient
from tests.support.streams_calls import (
    CHANGELOG,
    GROUP,
    REPARTITION,
    beat,
    configure_group,
    described,
    tasks_of,
)
from tests.support.topic_calls import make_topic


async def test_a_group_is_told_with_its_topology_members_and_tasks(client: RawClient) -> None:
    await make_topic(client, "lines", 2)
    await coordinated(client, GROUP)
    await configure_group(client, delay_ms=0)
    joined = await beat(client)
    asked_for = await described(client)
    await beat(client, "a", joined.member_epoch)

    group = await described(client)

    assert (asked_for.group_state, group.group_state) == ("NotReady", "Stable")
    assert (group.group_epoch, group.assignment_epoch) == (3, 3)
    assert group.topology is not None and group.topology.subtopologies is not None
    words, counts = group.topology.subtopologies
    assert (words.source_topics, words.repartition_sink_topics) == (["lines"], [REPARTITION])
    (changelog,) = counts.state_changelog_topics
    assert (changelog.name, changelog.partitions) == (CHANGELOG, 2)
    assert [(one.key, one.value) for one in changelog.topic_configs] == [
        ("cleanup.policy", "compact")
    ]
    (member,) = group.members
    assert (member.member_id, member.process_id, member.member_epoch) == ("a", "p-a", 3)
    assert tasks_of(member.assignment.active_tasks) == {"0": [0, 1], "1": [0, 1]}
    assert member.target_assignment == member.assignment


async def test_a_topic_that_is_read_twice_is_told_once(client: RawClient) -> None:
    await make_topic(client, "lines", 2)
    await coordinated(client, GROUP)
    twice = Topology(0, [Subtopology("0", ["lines", "lines"])])
    await beat(client, topology=twice)

    group = await described(client)

    assert group.topology is not None and group.topology.subtopologies is not None
    assert group.topology.subtopologies[0].source_topics == ["lines"]


async def test_a_group_that_is_not_there_is_refused(client: RawClient) -> None:
    await coordinated(client, GROUP)

    group = await described(client, "none")

    assert (group.error_code, group.error_message) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        "Group none not found.",
    )


async def test_a_group_without_a_name_is_refused_without_words(client: RawClient) -> None:
    nobody = await described(client, "")

    assert (nobody.error_code, nobody.error_message) == (ErrorCode.INVALID_GROUP_ID, None)


async def test_an_application_is_listed_and_can_be_deleted_once_nobody_runs_it(
    client: RawClient,
) -> None:
    await coordinated(client, GROUP)
    await beat(client)
    listed = await client.ask(ListGroupsRequest(), 5, ListGroupsResponse)

    refused = await client.ask(DeleteGroupsRequest([GROUP]), 2, DeleteGroupsResponse)
    await beat(client, "a", -1)
    deleted = await client.ask(DeleteGroupsRequest([GROUP]), 2, DeleteGroupsResponse)

    (group,) = listed.groups
    assert (group.group_id, group.group_type, group.protocol_type, group.group_state) == (
        GROUP,
        "streams",
        "streams",
        "NotReady",
    )
    assert refused.results[0].error_code == ErrorCode.NON_EMPTY_GROUP
    assert deleted.results[0].error_code == ErrorCode.NONE
    assert (await described(client)).error_code == ErrorCode.GROUP_ID_NOT_FOUND
