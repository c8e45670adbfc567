"""Changes of settings over the wire."""

from broker.errors import ErrorCode
from broker.protocol.messages.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
    DescribeConfigsResult,
)
from broker.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    AlterConfigsResourceResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from tests.support.raw_client import RawClient

TOPIC, BROKER, GROUP = 2, 4, 32
SET, DELETE, APPEND, SUBTRACT = range(4)


async def altered(
    client: RawClient, kind: int, resource: str, *changes: tuple[str, int, str | None]
) -> AlterConfigsResourceResponse:
    """The answer to (setting, operation, value) changes of one resource."""
    configs = [AlterableConfig(*change) for change in changes]
    request = IncrementalAlterConfigsRequest([AlterConfigsResource(kind, resource, configs)])
    response = await client.ask(request, 1, IncrementalAlterConfigsResponse)
    return response.responses[0]


async def set_broker_config(client: RawClient, broker: str, name: str, value: str) -> None:
    """Change a setting of one broker, or with the empty name of all."""
    answer = await altered(client, BROKER, broker, (name, SET, value))
    assert answer.error_code == ErrorCode.NONE, answer.error_message


async def described(
    client: RawClient, kind: int, name: str, keys: list[str] | None = None
) -> DescribeConfigsResult:
    """The settings of one resource, with synonyms and documentation."""
    request = DescribeConfigsRequest(
        [DescribeConfigsResource(kind, name, keys)],
        include_synonyms=True,
        include_documentation=True,
    )
    response = await client.ask(request, 4, DescribeConfigsResponse)
    (result,) = response.results
    return result
