import time

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopic,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from tests.support.group_calls import commit, coordinated, join_consumer_group
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.topic_calls import make_topic


async def committed(client: RawClient) -> None:
    """Offset 5 of pages-0 is committed in group `g`."""
    await make_topic(client, "pages", 2)
    await coordinated(client)
    assert await commit(client, 5) == ErrorCode.NONE


@pytest.mark.parametrize("version", range(1, 8))
async def test_one_group_is_asked_up_to_v7(client: RawClient, version: int) -> None:
    await committed(client)
    request = OffsetFetchRequest("g", [OffsetFetchRequestTopic("pages", [0, 1])])

    response = await client.ask(request, version, OffsetFetchResponse)

    assert response.error_code == ErrorCode.NONE
    (topic,) = response.topics
    assert [(p.partition_index, p.committed_offset, p.metadata) for p in topic.partitions] == [
        (0, 5, "note"),
        (1, -1, ""),
    ]


@pytest.mark.parametrize("version", [8, 9])
async def test_several_groups_are_asked_from_v8_on(client: RawClient, version: int) -> None:
    await committed(client)
    wanted = [OffsetFetchRequestTopics("pages", partition_indexes=[0])]
    groups = [
        OffsetFetchRequestGroup("g", topics=wanted),
        OffsetFetchRequestGroup("g", topics=None),
        OffsetFetchRequestGroup("unknown", topics=None),
    ]

    response = await client.ask(OffsetFetchRequest(groups=groups), version, OffsetFetchResponse)

    asked, everything, unknown = response.groups
    assert asked.topics == everything.topics
    assert asked.topics[0].partitions[0].committed_offset == 5
    assert (unknown.topics, unknown.error_code) == ([], ErrorCode.NONE)


async def test_v10_names_topics_by_id(client: RawClient, broker: RunningBroker) -> None:
    await committed(client)
    topic_id = broker.services.cluster.image.topics["pages"].topic_id
    wanted = [
        OffsetFetchRequestTopics(topic_id=topic_id, partition_indexes=[0]),
        OffsetFetchRequestTopics(topic_id=b"x" * 16, partition_indexes=[0]),
    ]
    request = OffsetFetchRequest(groups=[OffsetFetchRequestGroup("g", topics=wanted)])

    response = await client.ask(request, 10, OffsetFetchResponse)

    known, unknown = response.groups[0].topics
    assert (known.topic_id, known.partitions[0].committed_offset) == (topic_id, 5)
    assert unknown.topic_id == b"x" * 16
    assert unknown.partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


async def test_a_kip_848_member_fetches_at_its_epoch(client: RawClient) -> None:
    await committed(client)
    joined = await join_consumer_group(client)

    async def error_at(epoch: int) -> int:
        group = OffsetFetchRequestGroup("g", "member", epoch, None)
        response = await client.ask(OffsetFetchRequest(groups=[group]), 9, OffsetFetchResponse)
        return response.groups[0].error_code

    assert await error_at(joined.member_epoch) == ErrorCode.NONE
    assert await error_at(joined.member_epoch + 1) == ErrorCode.STALE_MEMBER_EPOCH


async def test_without_the_offsets_topic_there_is_no_coordinator(client: RawClient) -> None:
    response = await client.ask(OffsetFetchRequest("g", None), 7, OffsetFetchResponse)

    assert response.error_code == ErrorCode.NOT_COORDINATOR


@pytest.mark.parametrize("version", [7, 9])
async def test_topics_are_answered_as_they_were_asked_for(client: RawClient, version: int) -> None:
    await committed(client)
    asked = [("pages", [1, 0]), ("nothing", []), ("pages", [0])]
    request = OffsetFetchRequest(
        "g",
        [OffsetFetchRequestTopic(name, indexes) for name, indexes in asked],
        [
            OffsetFetchRequestGroup(
                "g", topics=[OffsetFetchRequestTopics(n, partition_indexes=i) for n, i in asked]
            )
        ],
    )

    response = await client.ask(request, version, OffsetFetchResponse)

    topics = response.topics if version < 8 else response.groups[0].topics
    assert [(t.name, [p.partition_index for p in t.partitions]) for t in topics] == asked


async def test_many_topics_that_are_gone_do_not_hold_up_the_others(client: RawClient) -> None:
    """A group may have read thousands: each was looked for among all the others, for seconds."""
    await coordinated(client)
    topics = [
        OffsetFetchRequestTopics(topic_id=number.to_bytes(16, "big"), partition_indexes=[0])
        for number in range(1, 16_001)
    ]
    request = OffsetFetchRequest(groups=[OffsetFetchRequestGroup("g", topics=topics)])
    began_s = time.process_time()

    response = await client.ask(request, 10, OffsetFetchResponse)

    assert time.process_time() - began_s < 5.0
    (group,) = response.groups
    errors = {one.error_code for topic in group.topics for one in topic.partitions}
    assert (len(group.topics), errors) == (16_000, {ErrorCode.UNKNOWN_TOPIC_ID})
