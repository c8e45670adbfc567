import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.topic_calls import batch_of, make_topic, write

TOPIC, BROKER = 2, 4
SET, DELETE, APPEND, SUBTRACT = range(4)


async def altered(
    client: RawClient, kind: int, resource: str, *changes: tuple[str, int, str | None]
) -> ErrorCode:
    configs = [AlterableConfig(*change) for change in changes]
    request = IncrementalAlterConfigsRequest([AlterConfigsResource(kind, resource, configs)])
    response = await client.ask(request, 1, IncrementalAlterConfigsResponse)
    return ErrorCode(response.responses[0].error_code)


async def test_a_new_limit_counts_for_the_next_write(client: RawClient) -> None:
    await make_topic(client, "pages")

    code = await altered(client, TOPIC, "pages", ("max.message.bytes", SET, "100"))

    assert code == ErrorCode.NONE
    assert (await write(client, "pages", batch_of(b"x" * 200))).error_code == (
        ErrorCode.MESSAGE_TOO_LARGE
    )


async def test_a_deleted_value_gives_way_to_the_default(
    client: RawClient, broker: RunningBroker
) -> None:
    await make_topic(client, "pages", retention_ms="5")

    await altered(client, TOPIC, "pages", ("retention.ms", DELETE, None))

    assert broker.services.partitions.get("pages", 0).log.config.retention_ms == 604_800_000


async def test_lists_are_added_to_and_taken_from(client: RawClient, broker: RunningBroker) -> None:
    await make_topic(client, "pages")
    log = broker.services.partitions.get("pages", 0).log

    await altered(client, TOPIC, "pages", ("cleanup.policy", APPEND, "compact"))
    both = log.config.cleanup_policy
    await altered(client, TOPIC, "pages", ("cleanup.policy", SUBTRACT, "delete"))

    assert both == {"compact", "delete"}
    assert log.config.cleanup_policy == {"compact"}


async def test_a_default_of_all_brokers_reaches_the_topics_without_a_value(
    client: RawClient, broker: RunningBroker
) -> None:
    await make_topic(client, "pages")

    code = await altered(client, BROKER, "", ("log.retention.ms", SET, "77"))

    assert code == ErrorCode.NONE
    assert broker.services.partitions.get("pages", 0).log.config.retention_ms == 77


@pytest.mark.parametrize(
    ("kind", "resource", "change", "code"),
    [
        (TOPIC, "none", ("retention.ms", SET, "1"), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (TOPIC, "pages", ("no.such", SET, "1"), ErrorCode.INVALID_CONFIG),
        (TOPIC, "pages", ("retention.ms", SET, "-2"), ErrorCode.INVALID_CONFIG),
        (TOPIC, "pages", ("retention.ms", SET, None), ErrorCode.INVALID_REQUEST),
        (TOPIC, "pages", ("retention.ms", APPEND, "1"), ErrorCode.INVALID_CONFIG),
        (TOPIC, "pages", ("cleanup.policy", SET, "forget"), ErrorCode.INVALID_CONFIG),
        (TOPIC, "pages", ("preallocate", SET, "maybe"), ErrorCode.INVALID_CONFIG),
        (BROKER, "1", ("node.id", SET, "2"), ErrorCode.INVALID_REQUEST),
        (BROKER, "9", ("log.retention.ms", SET, "2"), ErrorCode.INVALID_REQUEST),
    ],
)
async def test_what_cannot_be_set_is_refused(
    client: RawClient,
    kind: int,
    resource: str,
    change: tuple[str, int, str | None],
    code: ErrorCode,
) -> None:
    await make_topic(client, "pages")

    assert await altered(client, kind, resource, change) == code
