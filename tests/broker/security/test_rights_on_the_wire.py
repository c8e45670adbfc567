"""Each API with and without the right it takes: refused, and then not refused any more."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.metadata.controller import TopicSpec
from broker.protocol.messages import (
    alter_client_quotas,
    alter_partition_reassignments,
    alter_user_scram_credentials,
    create_partitions,
    create_topics,
    delete_groups,
    delete_records,
    delete_topics,
    describe_client_quotas,
    describe_cluster,
    describe_configs,
    describe_groups,
    describe_log_dirs,
    describe_producers,
    describe_topic_partitions,
    describe_user_scram_credentials,
    elect_leaders,
    end_txn,
    fetch,
    find_coordinator,
    heartbeat,
    incremental_alter_configs,
    init_producer_id,
    join_group,
    leave_group,
    list_groups,
    list_offsets,
    list_partition_reassignments,
    metadata,
    offset_commit,
    offset_delete,
    offset_fetch,
    offset_for_leader_epoch,
    produce,
    sync_group,
    unregister_broker,
    update_features,
    write_share_group_state,
)
from broker.security.acls import (
    CLUSTER_NAME,
    Operation,
    Resource,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.security_calls import allow
from tests.support.topic_calls import batch_of, fetch_request

PAGES = "pages"
TOPIC, GROUP, CLUSTER = Resource.TOPIC, Resource.GROUP, Resource.CLUSTER
TXN = Resource.TRANSACTIONAL_ID
STATE_OF_SHARES = write_share_group_state.WriteStateData(
    b"t" * 16, [write_share_group_state.PartitionData(0, 0, 0, 0)]
)


def case(
    module: Any,
    version: int,
    fields: dict[str, Any],
    code: Callable[[Any], int],
    right: tuple[Operation, Resource, str],
) -> Any:
    """One API: its request, where its answer has the code, and the right it takes."""
    stem = module.__name__.rpartition(".")[2]
    name = "".join(word.capitalize() for word in stem.split("_"))
    request = getattr(module, f"{name}Request")(**fields)
    return pytest.param(
        request, version, getattr(module, f"{name}Response"), code, right, id=f"{stem}-{right[0]}"
    )


def top(response: Any) -> int:
    return int(response.error_code)


def produced(response: Any) -> int:
    return int(response.responses[0].partition_responses[0].error_code)


CASES = [
    case(
        produce,
        9,
        {
            "acks": 1,
            "timeout_ms": 1000,
            "topic_data": [
                produce.TopicProduceData(
                    name=PAGES,
                    partition_data=[produce.PartitionProduceData(0, memoryview(batch_of(b"x")))],
                )
            ],
        },
        produced,
        (Operation.WRITE, TOPIC, PAGES),
    ),
    case(
        list_offsets,
        7,
        {
            "topics": [
                list_offsets.ListOffsetsTopic(
                    PAGES, [list_offsets.ListOffsetsPartition(0, timestamp=-1)]
                )
            ]
        },
        lambda r: r.topics[0].partitions[0].error_code,
        (Operation.DESCRIBE, TOPIC, PAGES),
    ),
    case(
        metadata,
        9,
        {"topics": [metadata.MetadataRequestTopic(name=PAGES)]},
        lambda r: r.topics[0].error_code,
        (Operation.DESCRIBE, TOPIC, PAGES),
    ),
    *(
        case(
            offset_for_leader_epoch,
            4,
            {
                "topics": [
                    offset_for_leader_epoch.OffsetForLeaderTopic(
                        PAGES, [offset_for_leader_epoch.OffsetForLeaderPartition(0)]
                    )
                ]
            },
            lambda r: r.topics[0].partitions[0].error_code,
            right,
        )
        for right in (
            (Operation.DESCRIBE, TOPIC, PAGES),
            (Operation.CLUSTER_ACTION, CLUSTER, CLUSTER_NAME),
        )
    ),
    case(
        delete_records,
        2,
        {
            "topics": [
                delete_records.DeleteRecordsTopic(
                    PAGES, [delete_records.DeleteRecordsPartition(0, 0)]
                )
            ]
        },
        lambda r: r.topics[0].partitions[0].error_code,
        (Operation.DELETE, TOPIC, PAGES),
    ),
    case(
        describe_producers,
        0,
        {"topics": [describe_producers.TopicRequest(PAGES, [0])]},
        lambda r: r.topics[0].partitions[0].error_code,
        (Operation.READ, TOPIC, PAGES),
    ),
    case(
        describe_topic_partitions,
        0,
        {"topics": [describe_topic_partitions.TopicRequest(PAGES)]},
        lambda r: r.topics[0].error_code,
        (Operation.DESCRIBE, TOPIC, PAGES),
    ),
    case(
        create_partitions,
        3,
        {"topics": [create_partitions.CreatePartitionsTopic(PAGES, 3)]},
        lambda r: r.results[0].error_code,
        (Operation.ALTER, TOPIC, PAGES),
    ),
    case(
        delete_topics,
        6,
        {"topics": [delete_topics.DeleteTopicState(name=PAGES)]},
        lambda r: r.responses[0].error_code,
        (Operation.DELETE, TOPIC, PAGES),
    ),
    case(
        describe_configs,
        4,
        {"resources": [describe_configs.DescribeConfigsResource(2, PAGES)]},
        lambda r: r.results[0].error_code,
        (Operation.DESCRIBE_CONFIGS, TOPIC, PAGES),
    ),
    case(
        incremental_alter_configs,
        1,
        {
            "resources": [
                incremental_alter_configs.AlterConfigsResource(
                    2, PAGES, [incremental_alter_configs.AlterableConfig("retention.ms", 0, "5")]
                )
            ]
        },
        lambda r: r.responses[0].error_code,
        (Operation.ALTER_CONFIGS, TOPIC, PAGES),
    ),
    case(
        create_topics,
        7,
        {"topics": [create_topics.CreatableTopic("new", 1, 1)]},
        lambda r: r.topics[0].error_code,
        (Operation.CREATE, TOPIC, "new"),
    ),
    case(
        create_topics,
        7,
        {"topics": [create_topics.CreatableTopic("new", 1, 1)]},
        lambda r: r.topics[0].error_code,
        (Operation.CREATE, CLUSTER, CLUSTER_NAME),
    ),
    case(
        write_share_group_state,
        1,
        {"group_id": "g", "topics": [STATE_OF_SHARES]},
        lambda r: r.results[0].partitions[0].error_code,
        (Operation.CLUSTER_ACTION, CLUSTER, CLUSTER_NAME),
    ),
    case(
        find_coordinator,
        4,
        {"key_type": 0, "coordinator_keys": ["g"]},
        lambda r: r.coordinators[0].error_code,
        (Operation.DESCRIBE, GROUP, "g"),
    ),
    case(
        find_coordinator,
        4,
        {"key_type": 1, "coordinator_keys": ["t"]},
        lambda r: r.coordinators[0].error_code,
        (Operation.DESCRIBE, TXN, "t"),
    ),
    case(join_group, 5, {"group_id": "g"}, top, (Operation.READ, GROUP, "g")),
    case(sync_group, 3, {"group_id": "g"}, top, (Operation.READ, GROUP, "g")),
    case(heartbeat, 4, {"group_id": "g"}, top, (Operation.READ, GROUP, "g")),
    case(leave_group, 5, {"group_id": "g"}, top, (Operation.READ, GROUP, "g")),
    case(
        describe_groups,
        5,
        {"groups": ["g"]},
        lambda r: r.groups[0].error_code,
        (Operation.DESCRIBE, GROUP, "g"),
    ),
    case(
        delete_groups,
        2,
        {"groups_names": ["g"]},
        lambda r: r.results[0].error_code,
        (Operation.DELETE, GROUP, "g"),
    ),
    case(offset_delete, 0, {"group_id": "g"}, top, (Operation.DELETE, GROUP, "g")),
    case(
        offset_fetch,
        8,
        {"groups": [offset_fetch.OffsetFetchRequestGroup("g", topics=None)]},
        lambda r: r.groups[0].error_code,
        (Operation.DESCRIBE, GROUP, "g"),
    ),
    case(
        init_producer_id,
        4,
        {"transactional_id": None},
        top,
        (Operation.IDEMPOTENT_WRITE, CLUSTER, CLUSTER_NAME),
    ),
    case(init_producer_id, 4, {"transactional_id": None}, top, (Operation.WRITE, TOPIC, "any")),
    case(init_producer_id, 4, {"transactional_id": "t"}, top, (Operation.WRITE, TXN, "t")),
    case(end_txn, 3, {"transactional_id": "t"}, top, (Operation.WRITE, TXN, "t")),
    case(
        alter_client_quotas,
        1,
        {
            "entries": [
                alter_client_quotas.EntryData([alter_client_quotas.EntityData("user", "a")], [])
            ]
        },
        lambda r: r.entries[0].error_code,
        (Operation.ALTER_CONFIGS, CLUSTER, CLUSTER_NAME),
    ),
    case(describe_client_quotas, 1, {}, top, (Operation.DESCRIBE_CONFIGS, CLUSTER, CLUSTER_NAME)),
    case(
        describe_user_scram_credentials,
        0,
        {"users": None},
        top,
        (Operation.DESCRIBE, CLUSTER, CLUSTER_NAME),
    ),
    case(
        alter_user_scram_credentials,
        0,
        {"deletions": [alter_user_scram_credentials.ScramCredentialDeletion("a", 1)]},
        lambda r: r.results[0].error_code,
        (Operation.ALTER, CLUSTER, CLUSTER_NAME),
    ),
    case(alter_partition_reassignments, 0, {}, top, (Operation.ALTER, CLUSTER, CLUSTER_NAME)),
    case(list_partition_reassignments, 0, {}, top, (Operation.DESCRIBE, CLUSTER, CLUSTER_NAME)),
    case(describe_log_dirs, 4, {"topics": None}, top, (Operation.DESCRIBE, CLUSTER, CLUSTER_NAME)),
    case(
        elect_leaders, 2, {"topic_partitions": None}, top, (Operation.ALTER, CLUSTER, CLUSTER_NAME)
    ),
    case(unregister_broker, 0, {"broker_id": 9}, top, (Operation.ALTER, CLUSTER, CLUSTER_NAME)),
    case(update_features, 2, {}, top, (Operation.ALTER, CLUSTER, CLUSTER_NAME)),
]
REFUSED = {
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ErrorCode.GROUP_AUTHORIZATION_FAILED,
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    """Nobody may do anything yet; topic `pages` is there."""
    async with running_broker(tmp_path / "data", authorizer_enabled=True) as serving:
        await serving.services.cluster.create_topics([TopicSpec(PAGES, 1)])
        yield serving


@pytest.mark.parametrize(("request_", "version", "response_type", "code", "right"), CASES)
async def test_a_right_is_what_it_takes(
    broker: RunningBroker,
    client: RawClient,
    request_: Any,
    version: int,
    response_type: Any,
    code: Callable[[Any], int],
    right: tuple[Operation, Resource, str],
) -> None:
    without = code(await client.ask(request_, version, response_type))
    await allow(broker, right)
    with_it = code(await client.ask(request_, version, response_type))

    assert without in REFUSED
    assert with_it not in REFUSED


async def test_topics_that_must_not_be_seen_are_not_there(
    broker: RunningBroker, client: RawClient
) -> None:
    everything = metadata.MetadataRequest(topics=None)
    hidden = await client.ask(everything, 9, metadata.MetadataResponse)
    unknown = metadata.MetadataRequest(topics=[metadata.MetadataRequestTopic(name="not-there")])
    not_told = await client.ask(unknown, 9, metadata.MetadataResponse)
    await allow(broker, (Operation.READ, TOPIC, PAGES))
    seen = await client.ask(everything, 9, metadata.MetadataResponse)

    assert hidden.topics == []
    assert not_told.topics[0].error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    assert [topic.name for topic in seen.topics] == [PAGES]


@pytest.mark.parametrize("right", [(TOPIC, "new"), (CLUSTER, CLUSTER_NAME)])
async def test_a_topic_is_made_by_asking_for_it_only_with_the_right_to_create(
    broker: RunningBroker, client: RawClient, right: tuple[Resource, str]
) -> None:
    await allow(broker, (Operation.DESCRIBE, TOPIC, "new"))
    request = metadata.MetadataRequest(
        topics=[metadata.MetadataRequestTopic(name="new")], allow_auto_topic_creation=True
    )

    async def answered() -> int:
        response = await client.ask(request, 9, metadata.MetadataResponse)
        return int(response.topics[0].error_code)

    without = await answered()
    await allow(broker, (Operation.CREATE, *right))
    with_it = await answered()
    then = await answered()

    assert without == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    assert with_it == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert then == ErrorCode.NONE


async def test_a_fetch_takes_the_right_to_read(broker: RunningBroker, client: RawClient) -> None:
    without = await client.ask(fetch_request(PAGES), 12, fetch.FetchResponse)
    await allow(broker, (Operation.READ, TOPIC, PAGES))
    with_it = await client.ask(fetch_request(PAGES), 12, fetch.FetchResponse)

    assert without.responses[0].partitions[0].error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    assert with_it.responses[0].partitions[0].error_code == ErrorCode.NONE


async def test_a_commit_takes_the_group_and_each_topic(
    broker: RunningBroker, client: RawClient
) -> None:
    partition = offset_commit.OffsetCommitRequestPartition(0, 5)
    request = offset_commit.OffsetCommitRequest(
        group_id="g",
        generation_id_or_member_epoch=-1,
        topics=[offset_commit.OffsetCommitRequestTopic(name=PAGES, partitions=[partition])],
    )

    async def answered() -> int:
        response = await client.ask(request, 8, offset_commit.OffsetCommitResponse)
        return int(response.topics[0].partitions[0].error_code)

    nothing = await answered()
    await allow(broker, (Operation.READ, GROUP, "g"))
    group_only = await answered()

    assert nothing == ErrorCode.GROUP_AUTHORIZATION_FAILED
    assert group_only == ErrorCode.TOPIC_AUTHORIZATION_FAILED


async def test_only_groups_that_may_be_described_are_listed(
    broker: RunningBroker, client: RawClient
) -> None:
    response = await client.ask(list_groups.ListGroupsRequest(), 4, list_groups.ListGroupsResponse)

    assert (response.error_code, response.groups) == (ErrorCode.NONE, [])


async def test_the_bits_of_rights_are_those_of_the_entries(
    broker: RunningBroker, client: RawClient
) -> None:
    await allow(broker, (Operation.WRITE, TOPIC, PAGES), (Operation.ALTER, CLUSTER, CLUSTER_NAME))
    topics = metadata.MetadataRequest(
        topics=[metadata.MetadataRequestTopic(name=PAGES)],
        include_topic_authorized_operations=True,
    )
    cluster = describe_cluster.DescribeClusterRequest(True)

    of_topic = await client.ask(topics, 9, metadata.MetadataResponse)
    of_cluster = await client.ask(cluster, 1, describe_cluster.DescribeClusterResponse)

    assert of_topic.topics[0].topic_authorized_operations == 1 << 4 | 1 << 8
    assert of_cluster.cluster_authorized_operations == 1 << 7 | 1 << 8
