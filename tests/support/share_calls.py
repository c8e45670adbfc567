"""The calls that tests of share groups begin with: join, fetch, acknowledge."""

from typing import Any

from broker.errors import ErrorCode
from broker.metadata.image import ResourceType
from broker.protocol.messages import (
    incremental_alter_configs,
    share_acknowledge,
    share_fetch,
    share_group_heartbeat,
)
from tests.support.raw_client import RawClient
from tests.support.topic_calls import batch_of, make_topic, write

GROUP = "workers"
ACCEPT, RELEASE, REJECT, RENEW = 1, 2, 3, 4


async def from_the_beginning(client: RawClient, group_id: str = GROUP) -> None:
    """The group begins with the first record there is."""
    config = incremental_alter_configs.AlterableConfig("share.auto.offset.reset", 0, "earliest")
    resource = incremental_alter_configs.AlterConfigsResource(
        int(ResourceType.GROUP), group_id, [config]
    )
    response = await client.ask(
        incremental_alter_configs.IncrementalAlterConfigsRequest([resource]),
        1,
        incremental_alter_configs.IncrementalAlterConfigsResponse,
    )
    assert response.responses[0].error_code == ErrorCode.NONE


async def produce(client: RawClient, topic: str, count: int) -> None:
    """`count` records in one batch of partition 0."""
    written = await write(client, topic, batch_of(*(b"v-%d" % n for n in range(count))))
    assert written.error_code == ErrorCode.NONE


async def beat(
    client: RawClient,
    epoch: int = 0,
    *,
    topics: list[str] | None = None,
    member: str = "a",
    group_id: str = GROUP,
) -> share_group_heartbeat.ShareGroupHeartbeatResponse:
    request = share_group_heartbeat.ShareGroupHeartbeatRequest(
        group_id, member, epoch, subscribed_topic_names=topics
    )
    return await client.ask(request, 1, share_group_heartbeat.ShareGroupHeartbeatResponse)


async def fetch(
    client: RawClient,
    topic_id: bytes,
    epoch: int,
    *,
    member: str = "a",
    max_records: int = 100,
    partitions: int = 1,
    **wishes: Any,
) -> share_fetch.ShareFetchResponse:
    """Ask for records of the first `partitions`; never more than `max_records`, if `wishes` do not
    differ.
    """
    wanted = [share_fetch.FetchPartition(index) for index in range(partitions)]
    request = share_fetch.ShareFetchRequest(
        group_id=GROUP,
        member_id=member,
        share_session_epoch=epoch,
        max_records=max_records,
        topics=[share_fetch.FetchTopic(topic_id, wanted)],
        **{
            "max_wait_ms": 0,
            "min_bytes": 1,
            "batch_size": 100,
            "share_acquire_mode": 1,
            **wishes,
        },
    )
    return await client.ask(request, 2, share_fetch.ShareFetchResponse)


def acquired(response: share_fetch.ShareFetchResponse) -> list[tuple[int, int, int]]:
    """(first offset, last offset, deliveries) of what was given."""
    assert response.error_code == ErrorCode.NONE, response
    return [
        (run.first_offset, run.last_offset, run.delivery_count)
        for topic in response.responses
        for partition in topic.partitions
        for run in partition.acquired_records
    ]


async def given_to_a(client: RawClient, count: int) -> bytes:
    """Id of a topic `jobs` with so many records, all of them given to member a."""
    topic_id = (await make_topic(client, "jobs")).topic_id
    await from_the_beginning(client)
    await produce(client, "jobs", count)
    assert acquired(await fetch(client, topic_id, 0)) == [(0, count - 1, 1)]
    return topic_id


async def acknowledge(
    client: RawClient,
    topic_id: bytes,
    epoch: int,
    batch: tuple[int, int, list[int]],
    *,
    member: str = "a",
    version: int = 1,
    renewing: bool = False,
) -> tuple[int, int]:
    """Answer for records of partition 0; error codes of the request and of the partition."""
    partition = share_acknowledge.AcknowledgePartition(
        0, [share_acknowledge.AcknowledgementBatch(*batch)]
    )
    request = share_acknowledge.ShareAcknowledgeRequest(
        group_id=GROUP,
        member_id=member,
        share_session_epoch=epoch,
        is_renew_ack=renewing,
        topics=[share_acknowledge.AcknowledgeTopic(topic_id, [partition])],
    )
    response = await client.ask(request, version, share_acknowledge.ShareAcknowledgeResponse)
    parts = [part.error_code for topic in response.responses for part in topic.partitions]
    return response.error_code, parts[0] if parts else -1
