"""What brokers say to the coordinator of share partitions (APIs 83 to 87), said by a client."""

from typing import Any

from broker.protocol.messages import (
    delete_share_group_state,
    find_coordinator,
    initialize_share_group_state,
    read_share_group_state,
    read_share_group_state_summary,
    write_share_group_state,
)
from broker.protocol.primitives import uuid_text
from tests.support.raw_client import RawClient
from tests.support.share_calls import GROUP
from tests.support.topic_calls import make_topic

Batch = tuple[int, int, int, int]
"""First and last offset, delivery state, delivery count."""


async def stateful(client: RawClient) -> bytes:
    """A topic, and the coordinator of its share partitions; the id of the topic."""
    topic_id = (await make_topic(client, "jobs")).topic_id
    key = f"{GROUP}:{uuid_text(topic_id)}:0"
    wanted = find_coordinator.FindCoordinatorRequest(key_type=2, coordinator_keys=[key])
    await client.ask(wanted, 6, find_coordinator.FindCoordinatorResponse)
    return topic_id


async def initialize(client: RawClient, topic_id: bytes, state_epoch: int, start: int) -> Any:
    messages = initialize_share_group_state
    part = messages.PartitionData(0, state_epoch, start)
    request = messages.InitializeShareGroupStateRequest(
        GROUP, [messages.InitializeStateData(topic_id, [part])]
    )
    response = await client.ask(request, 0, messages.InitializeShareGroupStateResponse)
    return response.results[0].partitions[0]


async def read_state(
    client: RawClient, topic_id: bytes, leader_epoch: int = 0, partition: int = 0
) -> Any:
    messages = read_share_group_state
    part = messages.PartitionData(partition, leader_epoch)
    request = messages.ReadShareGroupStateRequest(GROUP, [messages.ReadStateData(topic_id, [part])])
    response = await client.ask(request, 0, messages.ReadShareGroupStateResponse)
    return response.results[0].partitions[0]


async def write_state(
    client: RawClient,
    topic_id: bytes,
    *batches: Batch,
    epochs: tuple[int, int] = (0, 0),
    start: int = -1,
    complete: int = 0,
) -> Any:
    """`epochs`: of the state and of the leader."""
    messages = write_share_group_state
    told = [messages.StateBatch(*batch) for batch in batches]
    part = messages.PartitionData(0, *epochs, start, complete, told)
    request = messages.WriteShareGroupStateRequest(
        GROUP, [messages.WriteStateData(topic_id, [part])]
    )
    response = await client.ask(request, 1, messages.WriteShareGroupStateResponse)
    return response.results[0].partitions[0]


async def summarized(client: RawClient, topic_id: bytes) -> Any:
    messages = read_share_group_state_summary
    request = messages.ReadShareGroupStateSummaryRequest(
        GROUP, [messages.ReadStateSummaryData(topic_id, [messages.PartitionData(0, 0)])]
    )
    response = await client.ask(request, 1, messages.ReadShareGroupStateSummaryResponse)
    return response.results[0].partitions[0]


async def delete_state(client: RawClient, topic_id: bytes) -> Any:
    messages = delete_share_group_state
    request = messages.DeleteShareGroupStateRequest(
        GROUP, [messages.DeleteStateData(topic_id, [messages.PartitionData(0)])]
    )
    response = await client.ask(request, 0, messages.DeleteShareGroupStateResponse)
    return response.results[0].partitions[0]
