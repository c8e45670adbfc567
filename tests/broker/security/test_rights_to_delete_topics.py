"""Who may delete topics, and what others learn of them (as Kafka 4.2 decides it)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.metadata.controller import TopicSpec
from broker.metadata.image import TopicImage
from broker.protocol.messages.delete_topics import (
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from broker.security.acls import Operation, Resource
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.security_calls import allow

REFUSED = ErrorCode.TOPIC_AUTHORIZATION_FAILED


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with running_broker(tmp_path / "data", authorizer_enabled=True) as serving:
        yield serving


@pytest.fixture
async def made(broker: RunningBroker) -> TopicImage:
    (topic,) = await broker.services.cluster.create_topics([TopicSpec("pages", 1)])
    assert isinstance(topic, TopicImage)
    return topic


async def deleted(client: RawClient, state: DeleteTopicState) -> DeletableTopicResult:
    request = DeleteTopicsRequest(topics=[state], timeout_ms=1000)
    response = await client.ask(request, 6, DeleteTopicsResponse)
    return response.responses[0]


async def test_that_a_topic_is_gone_learns_who_might_describe_it(
    broker: RunningBroker, client: RawClient
) -> None:
    without = await deleted(client, DeleteTopicState("pages"))
    await allow(broker, (Operation.DESCRIBE, Resource.TOPIC, "pages"))
    with_it = await deleted(client, DeleteTopicState("pages"))

    assert without.error_code == REFUSED
    assert with_it.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_the_name_behind_an_id_learns_who_may_describe_it(
    broker: RunningBroker, client: RawClient, made: TopicImage
) -> None:
    without = await deleted(client, DeleteTopicState(None, made.topic_id))
    await allow(broker, (Operation.DESCRIBE, Resource.TOPIC, "pages"))
    with_it = await deleted(client, DeleteTopicState(None, made.topic_id))

    assert (without.error_code, without.name) == (REFUSED, None)
    assert (with_it.error_code, with_it.name) == (REFUSED, "pages")


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("operation", [Operation.ALL, Operation.DELETE])
async def test_who_may_delete_the_cluster_deletes_any_topic(
    broker: RunningBroker, client: RawClient, operation: Operation
) -> None:
    await allow(broker, (operation, Resource.CLUSTER, "kafka-cluster"))

    result = await deleted(client, DeleteTopicState("pages"))

    assert result.error_code == ErrorCode.NONE
