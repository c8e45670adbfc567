"""A listener of `controller_listener_names` answers as Apache Kafka's controller."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages import api_versions as versions
from broker.protocol.messages import create_topics as topics
from broker.protocol.messages import describe_cluster as clusters
from broker.protocol.messages import describe_configs as configs
from broker.protocol.messages import describe_quorum as quorum
from broker.protocol.messages import metadata
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker

BROKERS, CONTROLLERS = 1, 2
ONLY_FOR_BROKERS = {ApiKey.PRODUCE, ApiKey.FETCH, ApiKey.METADATA, ApiKey.JOIN_GROUP}


@asynccontextmanager
async def both(data_dir: Path) -> AsyncIterator[tuple[RunningBroker, RawClient, RawClient]]:
    """A broker, a client of its own listener and one of its controller's."""
    listeners = ("PLAINTEXT://127.0.0.1:0", "CONTROLLER://127.0.0.1:0")
    async with running_broker(
        data_dir, listeners=listeners, controller_listener_names=("CONTROLLER",)
    ) as broker:
        (controller,) = broker.services.controllers
        async with (
            await RawClient.connect(broker.host, broker.port) as client,
            await RawClient.connect(controller.host, controller.port) as tool,
        ):
            yield broker, client, tool


async def test_it_tells_what_a_controller_serves_and_no_more(tmp_path: Path) -> None:
    request = versions.ApiVersionsRequest("a-tool", "1.0")

    async with both(tmp_path) as (_, client, tool):
        of_broker = await client.ask(request, 4, versions.ApiVersionsResponse)
        of_controller = await tool.ask(request, 4, versions.ApiVersionsResponse)

    served = {one.api_key for one in of_controller.api_keys}
    assert served < {one.api_key for one in of_broker.api_keys}
    assert not served & ONLY_FOR_BROKERS
    assert {ApiKey.DESCRIBE_QUORUM, ApiKey.CREATE_ACLS, ApiKey.UPDATE_FEATURES} <= served


async def test_what_it_does_not_serve_ends_the_connection(tmp_path: Path) -> None:
    async with both(tmp_path) as (_, _, tool):
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await tool.ask(metadata.MetadataRequest([]), 12, metadata.MetadataResponse)


async def test_each_kind_of_listener_describes_its_own_kind(tmp_path: Path) -> None:
    answers = {}
    async with both(tmp_path) as (broker, client, tool):
        for name, asked in (("broker", client), ("controller", tool)):
            for kind in (BROKERS, CONTROLLERS):
                answers[name, kind] = await asked.ask(
                    clusters.DescribeClusterRequest(endpoint_type=kind),
                    1,
                    clusters.DescribeClusterResponse,
                )
        old = await tool.ask(clusters.DescribeClusterRequest(), 0, clusters.DescribeClusterResponse)
        (address,) = broker.services.controllers

    assert {key: answer.error_code for key, answer in answers.items()} == {
        ("broker", BROKERS): ErrorCode.NONE,
        ("broker", CONTROLLERS): ErrorCode.MISMATCHED_ENDPOINT_TYPE,
        ("controller", BROKERS): ErrorCode.MISMATCHED_ENDPOINT_TYPE,
        ("controller", CONTROLLERS): ErrorCode.NONE,
    }
    told = answers["controller", CONTROLLERS]
    (node,) = told.brokers
    assert (told.endpoint_type, node.port, node.rack) == (CONTROLLERS, address.port, None)
    assert old.error_code == ErrorCode.INVALID_REQUEST


async def test_the_quorum_is_told_with_the_address_of_the_controller(tmp_path: Path) -> None:
    wanted = [quorum.TopicData("__cluster_metadata", [quorum.PartitionData(0)])]

    async with both(tmp_path) as (broker, client, _):
        response = await client.ask(
            quorum.DescribeQuorumRequest(wanted), 2, quorum.DescribeQuorumResponse
        )
        (address,) = broker.services.controllers

    (listener,) = response.nodes[0].listeners
    assert (listener.name, listener.port) == ("CONTROLLER", address.port)


async def test_clients_are_never_sent_there(tmp_path: Path) -> None:
    async with both(tmp_path) as (broker, client, _):
        told = await client.ask(metadata.MetadataRequest([]), 12, metadata.MetadataResponse)

    assert [node.port for node in told.brokers] == [broker.port]


async def test_a_topic_that_is_created_there_is_a_topic(tmp_path: Path) -> None:
    wanted = topics.CreateTopicsRequest([topics.CreatableTopic("visits", 1, 1)])

    async with both(tmp_path) as (broker, _, tool):
        created = await tool.ask(wanted, 7, topics.CreateTopicsResponse)

        assert created.topics[0].error_code == ErrorCode.NONE
        assert "visits" in broker.services.cluster.image.topics


async def test_its_name_is_among_the_settings(tmp_path: Path) -> None:
    resource = configs.DescribeConfigsResource(4, "1", ["controller.listener.names"])

    async with both(tmp_path) as (_, client, _):
        response = await client.ask(
            configs.DescribeConfigsRequest([resource]), 4, configs.DescribeConfigsResponse
        )

    (setting,) = response.results[0].configs
    assert (setting.name, setting.value) == ("controller.listener.names", "CONTROLLER")
