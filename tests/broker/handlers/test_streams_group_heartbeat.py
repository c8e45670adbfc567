import asyncio
from typing import Any

import pytest

from broker.coordinator.group.streams.topology import StatusCode
from broker.errors import ErrorCode
from broker.protocol.messages.streams_group_heartbeat import (
    CopartitionGroup,
    Endpoint,
    StreamsGroupHeartbeatResponse,
    Subtopology,
    TaskOffset,
    TopicInfo,
    Topology,
)
from broker.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from tests.support.group_calls import coordinated, join_consumer_group
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.streams_calls import (
    CHANGELOG,
    GROUP,
    REPARTITION,
    beat,
    codes,
    configure_group,
    described,
    tasks_of,
    word_count,
)
from tests.support.topic_calls import make_topic

NO_TASKS = dict.fromkeys(("active_tasks", "standby_tasks", "warmup_tasks"))


async def running_alone(client: RawClient, partitions: int = 2) -> StreamsGroupHeartbeatResponse:
    """Member a has all tasks: the first heartbeat makes the topics, the second gives the tasks."""
    await make_topic(client, "lines", partitions)
    await coordinated(client, GROUP)
    await configure_group(client, delay_ms=0)
    joined = await beat(client)
    assert codes(joined) == [StatusCode.MISSING_INTERNAL_TOPICS]
    return await beat(client, "a", joined.member_epoch)


async def test_the_broker_makes_internal_topics_and_then_gives_all_tasks(
    client: RawClient, broker: RunningBroker
) -> None:
    running = await running_alone(client)

    image = broker.services.cluster.image
    assert codes(running) == []
    assert tasks_of(running.active_tasks) == {"0": [0, 1], "1": [0, 1]}
    assert len(image.topics[REPARTITION].partitions) == 2
    assert len(image.topics[CHANGELOG].partitions) == 2
    assert (await described(client)).group_state == "Stable"


async def test_a_second_process_takes_over_half_once_it_was_given_up(client: RawClient) -> None:
    await running_alone(client)

    joined = await beat(client, "b")
    told = await beat(client, "a", 3)
    released = await beat(client, "a", 3, active=tasks_of(told.active_tasks))
    waiting = await beat(client, "b", joined.member_epoch)

    assert tasks_of(joined.active_tasks) == {}
    kept = tasks_of(told.active_tasks)
    got = tasks_of(waiting.active_tasks)
    assert kept is not None and got is not None
    both = sorted((name, n) for tasks in (kept, got) for name in tasks for n in tasks[name])
    assert both == [("0", 0), ("0", 1), ("1", 0), ("1", 1)]
    assert sum(map(len, kept.values())) == sum(map(len, got.values())) == 2
    assert released.member_epoch == waiting.member_epoch == joined.member_epoch


async def test_who_does_not_give_up_in_time_what_it_was_told_is_out(client: RawClient) -> None:
    await make_topic(client, "lines", 2)
    await coordinated(client, GROUP)
    await configure_group(client, delay_ms=0)
    joined = await beat(client, rebalance_timeout_ms=50)
    running = await beat(client, "a", joined.member_epoch)
    everything = tasks_of(running.active_tasks)
    await beat(client, "b")

    async with asyncio.timeout(30):  # less than a session lasts
        answer = await beat(client, "a", running.member_epoch, active=everything)
        while answer.error_code == ErrorCode.NONE:
            await asyncio.sleep(0.02)
            answer = await beat(client, "a", answer.member_epoch, active=everything)

    assert answer.error_code == ErrorCode.UNKNOWN_MEMBER_ID


async def test_a_standby_lies_at_another_process_than_the_active_task(client: RawClient) -> None:
    await running_alone(client, 1)
    await configure_group(client, standbys=1)

    joined = await beat(client, "b")
    told = await beat(client, "a", 3)
    released = await beat(client, "a", 3, active={"0": [0]})
    running = await beat(client, "b", joined.member_epoch)
    kept = await beat(client, "a", released.member_epoch)

    assert tasks_of(told.active_tasks) == {"0": [0]}
    assert tasks_of(kept.standby_tasks) == {"1": [0]}
    assert tasks_of(running.active_tasks) == {"1": [0]}
    assert tasks_of(running.standby_tasks) == {}


async def test_an_empty_group_waits_for_more_members_before_it_shares_tasks_out(
    client: RawClient,
) -> None:
    await make_topic(client, "lines")
    await coordinated(client, GROUP)

    joined = await beat(client)

    assert joined.member_epoch == 1
    assert codes(joined) == [StatusCode.ASSIGNMENT_DELAYED, StatusCode.MISSING_INTERNAL_TOPICS]
    assert (await described(client)).group_epoch == 2


async def test_missing_source_topics_are_named_until_they_are_there(client: RawClient) -> None:
    await coordinated(client, GROUP)
    await configure_group(client, delay_ms=0)

    without = await beat(client)
    state = (await described(client)).group_state
    await make_topic(client, "lines")
    found = await beat(client, "a", without.member_epoch)

    assert codes(without) == [StatusCode.MISSING_SOURCE_TOPICS]
    assert (without.status or [])[0].status_detail == "Source topics lines are missing."
    assert state == "NotReady"
    assert codes(found) == [StatusCode.MISSING_INTERNAL_TOPICS]


async def test_internal_topics_of_another_size_are_refused(client: RawClient) -> None:
    await make_topic(client, "lines", 2)
    await make_topic(client, CHANGELOG, 3)
    await coordinated(client, GROUP)
    await configure_group(client, delay_ms=0)

    joined = await beat(client)

    assert codes(joined) == [StatusCode.INCORRECTLY_PARTITIONED_TOPICS]


async def test_a_topic_that_cannot_be_made_is_told_with_the_reason(client: RawClient) -> None:
    await make_topic(client, "lines")
    await coordinated(client, GROUP)
    await configure_group(client, delay_ms=0)
    topology = word_count()
    topology.subtopologies[1].state_changelog_topics[0].replication_factor = 3

    joined = await beat(client, topology=topology)

    detail = (joined.status or [])[0].status_detail
    assert f"; Creation failed: {CHANGELOG} (" in detail


async def test_an_older_topology_is_stale_and_a_new_one_is_not_taken(client: RawClient) -> None:
    await make_topic(client, "lines")
    await coordinated(client, GROUP)
    await configure_group(client, delay_ms=0)
    await beat(client, topology=word_count(epoch=1))

    stale = await beat(client, "b", topology=word_count(epoch=0))
    other = await beat(client, "c", topology=word_count(epoch=1, source="other"))

    assert StatusCode.STALE_TOPOLOGY in codes(stale)
    assert (other.error_code, other.error_message) == (
        ErrorCode.INVALID_REQUEST,
        "Topology updates are not supported yet.",
    )


async def test_one_member_can_stop_the_whole_application(client: RawClient) -> None:
    await running_alone(client)
    await beat(client, "b")

    await beat(client, "b", -1, shutdown_application=True)
    told = await beat(client, "a", 3)

    assert codes(told) == [StatusCode.SHUTDOWN_APPLICATION]


async def test_endpoints_say_where_the_state_of_which_partitions_is(client: RawClient) -> None:
    await running_alone(client, 1)

    joined = await beat(client, user_endpoint=Endpoint("here", 80), endpoint_information_epoch=-1)
    again = await beat(
        client,
        "a",
        joined.member_epoch,
        endpoint_information_epoch=joined.endpoint_information_epoch,
    )

    (endpoint,) = joined.partitions_by_user_endpoint or []
    assert (endpoint.user_endpoint.host, endpoint.user_endpoint.port) == ("here", 80)
    assert {one.topic: one.partitions for one in endpoint.active_partitions} == {
        "lines": [0],
        REPARTITION: [0],
    }
    assert again.partitions_by_user_endpoint is None


async def test_endpoints_of_a_new_group_are_told_before_it_has_tasks(client: RawClient) -> None:
    """As by Apache Kafka 4.2, which counts what is known of endpoints from the second on."""
    await make_topic(client, "lines", 1)
    await coordinated(client, GROUP)
    await configure_group(client, delay_ms=0)

    first = await beat(client, user_endpoint=Endpoint("here", 80))
    second = await beat(client, "a", first.member_epoch)

    (nowhere,) = first.partitions_by_user_endpoint or []
    (endpoint,) = second.partitions_by_user_endpoint or []
    assert (nowhere.user_endpoint.host, nowhere.active_partitions) == ("here", [])
    assert {one.topic for one in endpoint.active_partitions} == {"lines", REPARTITION}
    assert (first.endpoint_information_epoch, second.endpoint_information_epoch) == (0, 1)


async def test_an_application_with_an_endpoint_may_wait_for_its_topics(client: RawClient) -> None:
    """Kafka 4.2 fails there (UNKNOWN_SERVER_ERROR), and its clients with it."""
    await coordinated(client, GROUP)
    await configure_group(client, delay_ms=0)

    told = await beat(client, user_endpoint=Endpoint("here", 80))

    assert codes(told) == [StatusCode.MISSING_SOURCE_TOPICS]
    assert told.partitions_by_user_endpoint == []


@pytest.mark.parametrize(
    ("epoch", "fields", "code"),
    [
        (5, {}, ErrorCode.GROUP_ID_NOT_FOUND),
        (-1, {}, ErrorCode.GROUP_ID_NOT_FOUND),
        (-2, {}, ErrorCode.INVALID_REQUEST),
        (-3, {}, ErrorCode.INVALID_REQUEST),
        (1, {"topology": word_count()}, ErrorCode.INVALID_REQUEST),
        (0, {"topology": None}, ErrorCode.INVALID_REQUEST),
        (0, {"member_id": ""}, ErrorCode.INVALID_REQUEST),
        (0, {"group_id": ""}, ErrorCode.INVALID_REQUEST),
        (0, {"rack_id": ""}, ErrorCode.INVALID_REQUEST),
        (0, {"instance_id": "seat"}, ErrorCode.INVALID_REQUEST),
        (0, {"task_offsets": [TaskOffset("0", 0, 1)]}, ErrorCode.INVALID_REQUEST),
        (0, {"warmup_tasks": None}, ErrorCode.INVALID_REQUEST),
        (0, {"active": {"0": [0]}}, ErrorCode.INVALID_REQUEST),
        (0, NO_TASKS, ErrorCode.INVALID_REQUEST),
        (0, {"rebalance_timeout_ms": -1}, ErrorCode.INVALID_REQUEST),
        (
            0,
            {"topology": Topology(0, [Subtopology("0", source_topic_regex=["l.*"])])},
            ErrorCode.INVALID_REQUEST,
        ),
        (0, {"topology": word_count(source="no/name")}, ErrorCode.STREAMS_INVALID_TOPOLOGY),
        (
            0,
            {"topology": word_count(source="__consumer_offsets")},
            ErrorCode.STREAMS_INVALID_TOPOLOGY,
        ),
        (0, {"topology": word_count(epoch=-1)}, ErrorCode.STREAMS_INVALID_TOPOLOGY),
        (
            0,
            {"topology": Topology(0, [Subtopology("0"), Subtopology("0")])},
            ErrorCode.STREAMS_INVALID_TOPOLOGY,
        ),
        (0, {"topology": Topology(0, [Subtopology("0")])}, ErrorCode.STREAMS_INVALID_TOPOLOGY),
        (
            0,
            {
                "topology": Topology(
                    0,
                    [Subtopology("0", ["lines"], state_changelog_topics=[TopicInfo("c", 2)])],
                )
            },
            ErrorCode.STREAMS_INVALID_TOPOLOGY,
        ),
        (
            0,
            {
                "topology": Topology(
                    0, [Subtopology("0", ["lines"], copartition_groups=[CopartitionGroup([1])])]
                )
            },
            ErrorCode.STREAMS_INVALID_TOPOLOGY,
        ),
    ],
)
async def test_a_heartbeat_that_makes_no_sense_is_refused(
    client: RawClient, epoch: int, fields: dict[str, Any], code: ErrorCode
) -> None:
    await coordinated(client, GROUP)

    response = await beat(client, "a", epoch, **fields)

    assert response.error_code == code and response.error_message
    assert response.status == []


async def test_a_coordinator_that_is_not_here_yet_is_told_without_words(client: RawClient) -> None:
    """Apache Kafka's StreamsGroupHeartbeatRequestTest."""
    response = await beat(client, "a", 0)

    assert (response.error_code, response.error_message) == (ErrorCode.NOT_COORDINATOR, None)


@pytest.mark.parametrize(
    ("epoch", "active", "code"),
    [
        (9, None, ErrorCode.FENCED_MEMBER_EPOCH),
        (1, {}, ErrorCode.FENCED_MEMBER_EPOCH),
        (2, None, ErrorCode.FENCED_MEMBER_EPOCH),  # an answer got lost, but what does it run?
        (3, {"0": [7]}, ErrorCode.INVALID_REQUEST),
        (3, {"9": [0]}, ErrorCode.INVALID_REQUEST),
    ],
)
async def test_a_member_is_held_to_its_epoch_and_to_tasks_that_there_are(
    client: RawClient, epoch: int, active: dict[str, list[int]] | None, code: ErrorCode
) -> None:
    await running_alone(client)

    response = await beat(client, "a", epoch, active=active)

    assert response.error_code == code


async def test_an_answer_that_got_lost_can_be_asked_for_again(client: RawClient) -> None:
    running = await running_alone(client)

    again = await beat(client, "a", running.member_epoch - 1, active={})

    assert (again.error_code, again.member_epoch) == (ErrorCode.NONE, running.member_epoch)


async def test_groups_of_other_kinds_keep_out_of_each_other(client: RawClient) -> None:
    await make_topic(client, "pages")
    await coordinated(client, GROUP)
    await join_consumer_group(client)

    response = await beat(client, group_id="g")

    assert response.error_code == ErrorCode.GROUP_ID_NOT_FOUND


async def test_members_come_back_after_a_restart_with_their_tasks(client: RawClient) -> None:
    running = await running_alone(client)

    rejoined = await beat(client)

    assert rejoined.member_epoch == running.member_epoch
    assert tasks_of(rejoined.active_tasks) == tasks_of(running.active_tasks)


async def test_without_the_feature_there_are_no_streams_groups(client: RawClient) -> None:
    await coordinated(client, GROUP)
    off = UpdateFeaturesRequest(
        feature_updates=[FeatureUpdateKey("streams.version", 0, upgrade_type=2)]
    )
    await client.ask(off, 1, UpdateFeaturesResponse)

    response = await beat(client)

    assert response.error_code == ErrorCode.UNSUPPORTED_VERSION
