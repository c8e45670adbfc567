from broker.errors import ErrorCode
from broker.protocol.messages.alter_configs import (
    AlterableConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
    AlterConfigsResponse,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.topic_calls import make_topic

TOPIC = 2


async def test_settings_that_are_not_named_go_back_to_their_defaults(
    client: RawClient, broker: RunningBroker
) -> None:
    await make_topic(client, "pages", retention_ms="5", segment_bytes="2000000")
    configs = [AlterableConfig("retention.ms", "6")]
    request = AlterConfigsRequest([AlterConfigsResource(TOPIC, "pages", configs)])

    response = await client.ask(request, 2, AlterConfigsResponse)

    config = broker.services.partitions.get("pages", 0).log.config
    assert [one.error_code for one in response.responses] == [ErrorCode.NONE]
    assert (config.retention_ms, config.segment_bytes) == (6, 1_073_741_824)


async def test_a_bad_value_changes_nothing(client: RawClient, broker: RunningBroker) -> None:
    await make_topic(client, "pages", retention_ms="5")
    configs = [AlterableConfig("segment.bytes", "9"), AlterableConfig("retention.ms", "6")]
    request = AlterConfigsRequest([AlterConfigsResource(TOPIC, "pages", configs)])

    response = await client.ask(request, 2, AlterConfigsResponse)

    assert [one.error_code for one in response.responses] == [ErrorCode.INVALID_CONFIG]
    assert broker.services.partitions.get("pages", 0).log.config.retention_ms == 5


async def test_validate_only_changes_nothing(client: RawClient, broker: RunningBroker) -> None:
    await make_topic(client, "pages", retention_ms="5")
    configs = [AlterableConfig("retention.ms", "6")]
    request = AlterConfigsRequest([AlterConfigsResource(TOPIC, "pages", configs)], True)

    await client.ask(request, 2, AlterConfigsResponse)

    assert broker.services.partitions.get("pages", 0).log.config.retention_ms == 5
