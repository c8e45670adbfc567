"""Where share group `workers` is in partition 0 of `jobs`, asked and told over the wire."""

from broker.protocol.messages import describe_share_group_offsets as messages
from tests.support.group_calls import coordinated
from tests.support.raw_client import RawClient
from tests.support.share_calls import (
    ACCEPT,
    GROUP,
    acknowledge,
    beat,
    fetch,
    from_the_beginning,
    produce,
)
from tests.support.topic_calls import make_topic


async def described(
    client: RawClient, group_id: str = GROUP, topic: str | None = None
) -> messages.DescribeShareGroupOffsetsResponseGroup:
    """All topics of the group, or partition 0 of one."""
    topics = topic and [messages.DescribeShareGroupOffsetsRequestTopic(topic, [0])]
    wanted = messages.DescribeShareGroupOffsetsRequestGroup(group_id, topics or None)
    request = messages.DescribeShareGroupOffsetsRequest([wanted])
    response = await client.ask(request, 1, messages.DescribeShareGroupOffsetsResponse)
    return response.groups[0]


async def offset_and_lag(client: RawClient) -> tuple[int, int] | None:
    """Start offset and lag; None when the group knows of no partition."""
    group = await described(client)
    for topic in group.topics:
        for partition in topic.partitions:
            return partition.start_offset, partition.lag
    return None


async def worked(client: RawClient) -> bytes:
    """A group that accepted two records of five, and whose member is still there; the topic."""
    topic_id = (await make_topic(client, "jobs")).topic_id
    await coordinated(client)
    await from_the_beginning(client)
    await produce(client, "jobs", 5)
    joined = await beat(client, topics=["jobs"])
    await beat(client, joined.member_epoch)  # partitions come once they have a state
    await fetch(client, topic_id, 0)
    await acknowledge(client, topic_id, 1, (0, 1, [ACCEPT]))
    return topic_id
