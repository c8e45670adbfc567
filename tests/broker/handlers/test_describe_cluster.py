from pathlib import Path

from broker.errors import ErrorCode
from broker.protocol.messages.describe_cluster import (
    DescribeClusterRequest,
    DescribeClusterResponse,
)
from broker.protocol.messages.metadata import MetadataRequest, MetadataResponse
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.security_calls import broker_and_client


async def test_the_cluster_is_this_broker(client: RawClient, broker: RunningBroker) -> None:
    response = await client.ask(DescribeClusterRequest(), 2, DescribeClusterResponse)

    (node,) = response.brokers
    assert (node.broker_id, node.host, node.port) == (1, broker.host, broker.port)
    assert response.controller_id == 1
    assert response.cluster_id == broker.services.cluster.cluster_id


async def test_operations_are_told_only_when_asked_for(client: RawClient) -> None:
    plain = await client.ask(DescribeClusterRequest(), 0, DescribeClusterResponse)
    asked = await client.ask(DescribeClusterRequest(True), 0, DescribeClusterResponse)

    assert plain.cluster_authorized_operations == -2147483648
    assert asked.cluster_authorized_operations > 0


async def test_controllers_do_not_listen_here(client: RawClient) -> None:
    request = DescribeClusterRequest(endpoint_type=2)

    response = await client.ask(request, 1, DescribeClusterResponse)

    assert response.error_code == ErrorCode.MISMATCHED_ENDPOINT_TYPE


async def test_where_the_broker_stands_is_told_with_its_address(tmp_path: Path) -> None:
    async with broker_and_client(tmp_path, broker_rack="room 7") as (broker, client):
        cluster = await client.ask(DescribeClusterRequest(), 2, DescribeClusterResponse)
        metadata = await client.ask(MetadataRequest(topics=[]), 12, MetadataResponse)
        registered = broker.services.cluster.image.brokers[1].rack

    assert cluster.brokers[0].rack == metadata.brokers[0].rack == registered == "room 7"
