"""Levels of loggers over the wire, as kafka-configs.sh asks for them."""

import logging

import pytest

from broker.errors import ErrorCode
from broker.metadata.image import ResourceType
from broker.protocol.messages import describe_configs, incremental_alter_configs
from tests.support.raw_client import RawClient

NAME = "broker.app"


async def level(client: RawClient, broker: str = "1") -> tuple[int, list[str | None]]:
    wanted = describe_configs.DescribeConfigsResource(ResourceType.BROKER_LOGGER, broker, [NAME])
    response = await client.ask(
        describe_configs.DescribeConfigsRequest([wanted]),
        4,
        describe_configs.DescribeConfigsResponse,
    )
    (result,) = response.results
    return result.error_code, [config.value for config in result.configs]


async def test_levels_of_loggers_are_told_and_changed_beside_other_settings(
    client: RawClient,
) -> None:
    alter = incremental_alter_configs
    resources = [
        alter.AlterConfigsResource(
            ResourceType.GROUP, "g", [alter.AlterableConfig("share.isolation.level", 0, "none")]
        ),
        alter.AlterConfigsResource(
            ResourceType.BROKER_LOGGER, "1", [alter.AlterableConfig(NAME, 0, "ERROR")]
        ),
        alter.AlterConfigsResource(
            ResourceType.GROUP,
            "other",
            [alter.AlterableConfig("share.isolation.level", 0, "read_committed")],
        ),
    ]
    try:
        response = await client.ask(
            alter.IncrementalAlterConfigsRequest(resources),
            1,
            alter.IncrementalAlterConfigsResponse,
        )
        changed = await level(client)
    finally:
        logging.getLogger(NAME).setLevel(logging.NOTSET)

    assert [one.error_code for one in response.responses] == [
        ErrorCode.INVALID_CONFIG,
        ErrorCode.NONE,
        ErrorCode.NONE,
    ]
    assert changed == (ErrorCode.NONE, ["ERROR"])


@pytest.mark.parametrize("named", ["", "2", "one"])
async def test_loggers_of_a_broker_that_is_not_this_one_are_not_told(
    client: RawClient, named: str
) -> None:
    assert await level(client, named) == (ErrorCode.INVALID_REQUEST, [])
