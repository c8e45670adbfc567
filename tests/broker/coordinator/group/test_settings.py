"""Settings of single groups over the wire, what they change, and what is counted."""

from pathlib import Path

from broker.errors import ErrorCode
from broker.metadata.image import ResourceType
from broker.protocol.messages import describe_configs, incremental_alter_configs
from broker.protocol.messages.list_config_resources import (
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)
from tests.support.group_calls import commit, coordinated, join_consumer_group, settle
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.topic_calls import make_topic

HEARTBEAT = "consumer.heartbeat.interval.ms"


async def set_config(client: RawClient, group_id: str, name: str, value: str) -> ErrorCode:
    resource = incremental_alter_configs.AlterConfigsResource(
        int(ResourceType.GROUP),
        group_id,
        [incremental_alter_configs.AlterableConfig(name, 0, value)],
    )
    request = incremental_alter_configs.IncrementalAlterConfigsRequest([resource])
    response = await client.ask(
        request, 1, incremental_alter_configs.IncrementalAlterConfigsResponse
    )
    return ErrorCode(response.responses[0].error_code)


async def described(client: RawClient, group_id: str) -> dict[str, tuple[str | None, int]]:
    """Value and source of each setting of the group."""
    resource = describe_configs.DescribeConfigsResource(int(ResourceType.GROUP), group_id)
    response = await client.ask(
        describe_configs.DescribeConfigsRequest([resource]),
        4,
        describe_configs.DescribeConfigsResponse,
    )
    (result,) = response.results
    assert result.error_code == ErrorCode.NONE
    return {config.name: (config.value, config.config_source) for config in result.configs}


def sample(broker: RunningBroker, name: str, **labels: str) -> float:
    """The value of one series of the group metrics."""
    (value,) = [
        sample.value
        for family in broker.services.metrics.groups.collect()
        for sample in family.samples
        if sample.name == f"kafka_server_group_coordinator_metrics_{name}"
        and sample.labels == labels
    ]
    return float(value)


async def test_a_setting_of_a_group_is_told_to_its_members(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await coordinated(client)
        before = await described(client, "g")
        changed = await set_config(client, "g", HEARTBEAT, "7000")
        refused = await set_config(client, "g", HEARTBEAT, "1")
        joined = await join_consumer_group(client)
        after = await described(client, "g")
        listed = await client.ask(
            ListConfigResourcesRequest([int(ResourceType.GROUP)]), 1, ListConfigResourcesResponse
        )

    assert (changed, refused) == (ErrorCode.NONE, ErrorCode.INVALID_CONFIG)
    assert joined.heartbeat_interval_ms == 7000
    assert (before[HEARTBEAT], after[HEARTBEAT]) == (("5000", 5), ("7000", 8))
    assert list(after) == sorted(after)
    assert [one.resource_name for one in listed.config_resources] == ["g"]


async def test_groups_are_counted_by_kind_and_state(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await coordinated(client)
        joined = await settle(client)
        await commit(client, 5, generation=1, member_id=joined.member_id)

        groups = sample(broker, "group_count", protocol="classic", state="Stable")
        rebalances = sample(broker, "rebalance_count_total", protocol="classic")
        commits = sample(broker, "offset_commit_count_total")

    assert (groups, rebalances, commits) == (1, 1, 1)
