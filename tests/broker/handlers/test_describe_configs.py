from broker.errors import ErrorCode
from broker.metadata.config_table import TOPIC_CONFIGS
from broker.protocol.messages.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
    DescribeConfigsResult,
)
from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic

TOPIC, BROKER, GROUP = 2, 4, 32


async def described(
    client: RawClient, kind: int, name: str, keys: list[str] | None = None
) -> DescribeConfigsResult:
    request = DescribeConfigsRequest(
        [DescribeConfigsResource(kind, name, keys)],
        include_synonyms=True,
        include_documentation=True,
    )
    response = await client.ask(request, 4, DescribeConfigsResponse)
    (result,) = response.results
    return result


async def test_every_setting_of_a_topic_is_told_with_its_meaning(client: RawClient) -> None:
    await make_topic(client, "pages", retention_ms="1000")

    result = await described(client, TOPIC, "pages")

    assert [config.name for config in result.configs] == list(TOPIC_CONFIGS)
    assert all(config.documentation and config.value is not None for config in result.configs)


async def test_a_value_of_its_own_stands_before_the_brokers(client: RawClient) -> None:
    await make_topic(client, "pages", retention_ms="1000")

    (config,) = (await described(client, TOPIC, "pages", ["retention.ms"])).configs

    assert (config.value, config.config_source, config.config_type) == ("1000", 1, 5)
    assert [(one.name, one.value, one.source) for one in config.synonyms] == [
        ("retention.ms", "1000", 1),
        ("log.retention.ms", "604800000", 5),
    ]


async def test_settings_of_the_broker_carry_kafkas_names(client: RawClient) -> None:
    result = await described(client, BROKER, "1")

    values = {config.name: config.value for config in result.configs}
    assert values["message.max.bytes"] == "1048588"
    assert values["delete.topic.enable"] == "true"
    assert values["node.id"] == "1"


async def test_what_is_not_there_is_refused(client: RawClient) -> None:
    assert (await described(client, TOPIC, "none")).error_code == (
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    )
    assert (await described(client, BROKER, "7")).error_code == ErrorCode.INVALID_REQUEST
    assert (await described(client, 99, "x")).error_code == ErrorCode.INVALID_REQUEST


async def test_settings_of_a_group_come_from_the_broker_s(client: RawClient) -> None:
    result = await described(client, GROUP, "group")

    (session,) = [one for one in result.configs if one.name == "consumer.session.timeout.ms"]
    assert (session.value, session.config_source) == ("45000", 5)
